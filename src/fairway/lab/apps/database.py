"""`database NAME PORT...`: a stateful pod's program."""

import sys
import threading

from fairway.lab.apps import lines


def main(name: str, *ports: str) -> None:
    """Serve the line protocol on each port until killed."""
    first, *others = (lines.server(int(port), name) for port in ports)
    for other in others:
        threading.Thread(target=other.serve_forever, daemon=True).start()
    first.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
