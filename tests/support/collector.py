"""An OpenTelemetry collector for tests: takes metrics over HTTP, and reads them by its own definition."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from support.hub import Certificates


def decoded(content: bytes) -> ExportMetricsServiceRequest:
    """A request; words that the protocol does not have are refused."""
    return Parse(content, ExportMetricsServiceRequest())


@dataclass
class Collector:
    """Answers with each of `statuses` once, then with the last for ever; `posted` are paths and bodies. Whoever has
    not the `bearer` token gets 401, if there is one; with `certificates` it is TLS."""

    statuses: list[int] = field(default_factory=lambda: [200])
    posted: list[tuple[str, bytes]] = field(default_factory=list)
    bearer: str = ""
    certificates: Certificates | None = None
    url: str = ""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, what: Callable[[], object], seconds: float = 30.0) -> None:
        """Until something is so, which only a post changes."""
        with self.changed:
            assert self.changed.wait_for(what, seconds), "did not happen in time"

    def values(self) -> dict[tuple[str, ...], float]:
        """The latest points, by the resource's name, their own and their labels."""
        found = {}
        for _, body in self.posted:
            for told in decoded(body).resource_metrics:
                who = {one.key: one.value.string_value for one in told.resource.attributes}["service.name"]
                for metric in told.scope_metrics[0].metrics:
                    for point in (*metric.sum.data_points, *metric.gauge.data_points):
                        labels = (one.value.string_value for one in point.attributes)
                        found[who, metric.name, *labels] = point.as_int or point.as_double
        return found


@contextmanager
def collecting(
    collector: Collector, inside: Callable[[Callable[[], None]], None] = lambda action: action()
) -> Iterator[Collector]:
    """Run it on the loopback; `inside` opens its socket, in another network namespace for example."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            statuses = collector.statuses
            known = not collector.bearer or self.headers["Authorization"] == f"Bearer {collector.bearer}"
            self.send_response(401 if not known else statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
            with collector.changed:
                collector.posted += [(self.path, body)] * known
                collector.changed.notify_all()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    made: list[ThreadingHTTPServer] = []
    inside(lambda: made.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler)))
    server = made[0]
    collector.url = f"http://127.0.0.1:{server.server_port}"
    if collector.certificates:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(collector.certificates.authority, collector.certificates.authority.with_suffix(".key"))
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        collector.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
