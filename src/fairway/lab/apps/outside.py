"""`outside NAME PORT`: a server that the cluster does not own: a payments provider, AWS services, an ERP."""

import sys

from fairway.lab.apps.web import Reply, Request, server, told


def main(name: str, port: str) -> None:
    """Answer every request on every address of the namespace until killed."""

    def answer(request: Request) -> Reply:
        return told(200, {"from": name, "method": request.method, "path": request.path, "took": len(request.body)})

    server(int(port), answer).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
