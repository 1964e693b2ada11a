"""A hub for the agent's tests: real HTTP over real TLS, which misbehaves as it is told."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from fairway.wire import batch as wire
from fairway.wire.protocol import FLOWS_PATH, WAIT, BatchId, Receipt, Refusal, feed_path, identity_of
from fairway.wire.rules import NodeFeed

TOKEN = "correct-horse"


@dataclass
class Certificates:
    """Files of an authority of its own, and of a server that it vouches for as `localhost`."""

    folder: Path

    def __post_init__(self) -> None:
        self.make("good", days=2)

    @property
    def authority(self) -> Path:
        return self.folder / "good.crt"

    def make(self, name: str, *, days: int) -> tuple[Path, Path]:
        """A self-signed certificate and its key; of -1 days it ended yesterday."""
        key, request, certificate = (self.folder / f"{name}.{suffix}" for suffix in ("key", "csr", "crt"))
        extensions = self.folder / "extensions"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        for command in (
            ("req", "-new", *curve, "-subj", "/CN=localhost", "-keyout", key, "-out", request),
            (
                "x509",
                "-req",
                "-in",
                request,
                "-signkey",
                key,
                "-days",
                days,
                "-extfile",
                extensions,
                "-out",
                certificate,
            ),
        ):
            subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
        return certificate, key


@dataclass
class Hub:
    """`misbehave` names what the next posts meet, one each; `limit` is the largest body it takes.

    `kept` are the batches by their identity, `posts` everything that came, `asked` the ETags of questions for the
    feed. A batch whose post ends in `lost` is kept, and its receipt never arrives.
    """

    url: str = ""
    limit: int = 1 << 30
    token: str = TOKEN
    misbehave: list[str] = field(default_factory=list)
    kept: dict[BatchId, wire.Batch] = field(default_factory=dict)
    posts: list[BatchId | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    closing: bool = False
    _feed: bytes = b""
    _etag: str = ""

    def wait_for(self, what: Callable[[], object], seconds: float = 10.0) -> None:
        """Until something is so, which only the hub's doings change."""
        with self.changed:
            assert self.changed.wait_for(what, seconds), "did not happen in time"

    def tell(self, feed: NodeFeed | bytes, etag: str = "") -> None:
        """The feed from now on; bytes are sent as they are."""
        with self.changed:
            self._feed = feed if isinstance(feed, bytes) else msgspec.json.encode(feed)
            self._etag = etag or f'"{len(self.asked)}-{hash(self._feed)}"'
            self.changed.notify_all()

    @property
    def rows(self) -> int:
        return sum(len(batch.rows) for batch in self.kept.values())


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        hub, identity = self.server.hub, identity_of(self.headers)
        with hub.changed:
            hub.posts.append(identity)
            trouble = hub.misbehave.pop(0) if hub.misbehave else ""
            hub.changed.notify_all()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != f"Bearer {hub.token}":
            self.answer(401, msgspec.json.encode(Refusal("the token is not known")))
        elif trouble not in ("", "lost"):
            getattr(self, f"be_{trouble}")()
        elif identity in hub.kept:
            self.receipt(identity, duplicate=True)
        elif len(body) > hub.limit:
            self.answer(413, msgspec.json.encode(Refusal("too large")))
        else:
            self.keep(identity, body, lost=trouble == "lost")

    def keep(self, identity: BatchId | None, body: bytes, *, lost: bool) -> None:
        hub = self.server.hub
        assert identity
        assert self.path == FLOWS_PATH
        batch = wire.decode(body)
        header = batch.header
        assert (header.node, header.boot, header.sequence) == (identity.node, identity.boot, identity.sequence)
        with hub.changed:
            hub.kept[identity] = batch
            hub.changed.notify_all()
        if lost:
            self.close_connection = True
        else:
            self.receipt(identity)

    def receipt(self, identity: BatchId, *, duplicate: bool = False) -> None:
        self.answer(200, msgspec.json.encode(Receipt(*msgspec.structs.astuple(identity), duplicate)))

    def do_GET(self) -> None:
        hub, path = self.server.hub, urlsplit(self.path)
        known = self.headers.get("If-None-Match", "")
        with hub.changed:
            trouble = hub.misbehave.pop(0) if hub.misbehave else ""
            hub.asked.append(known)
            hub.changed.notify_all()
            wait = float(parse_qs(path.query)[WAIT][0])
            hub.changed.wait_for(lambda: hub.closing or (hub._feed and hub._etag != known), min(wait, 5))
            feed, etag = hub._feed, hub._etag
        if self.headers["Authorization"] != f"Bearer {hub.token}":
            self.answer(401, b"")
        elif trouble:
            getattr(self, f"be_{trouble}")()
        elif path.path != feed_path("node-a") or not feed:
            self.answer(404, b"")
        elif etag == known:
            self.answer(304, b"", ETag=etag)
        else:
            self.answer(200, feed, ETag=etag)

    def be_500(self) -> None:
        self.answer(500, b"<html>oops</html>")

    def be_busy(self) -> None:
        self.answer(429, msgspec.json.encode(Refusal("slower")), **{"Retry-After": "2"})

    def be_proxy(self) -> None:
        self.answer(200, b"<html>please log in</html>")

    def be_stranger(self) -> None:
        self.answer(200, msgspec.json.encode(Receipt("other", "x", 7)))

    def be_unreadable(self) -> None:
        self.answer(422, msgspec.json.encode(Refusal("no `fairway` header")))

    def be_bad_request(self) -> None:
        self.answer(400, b"<html>400</html>")

    def be_elsewhere(self) -> None:
        self.answer(307, b"", Location="http://127.0.0.1:1/")

    def be_garbage(self) -> None:
        self.wfile.write(b"\x00\x01garbage\r\n\r\n" * 20)
        self.close_connection = True

    def be_endless(self) -> None:
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + bytes(0x8000) + b"\r\n"
        )
        for _ in range(8):
            self.wfile.write(b"8000\r\n" + bytes(0x8000) + b"\r\n")
        self.close_connection = True

    def be_hang(self) -> None:
        with self.server.hub.changed:
            self.server.hub.changed.wait_for(lambda: self.server.hub.closing, 10)
        self.close_connection = True

    def be_cut(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.close_connection = True

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: Hub
    context: ssl.SSLContext | None

    def finish_request(self, request: socket.socket, client_address: object) -> None:
        self.hub.connections += 1
        try:
            with self.context.wrap_socket(request, server_side=True) if self.context else request as secured:
                super().finish_request(secured, client_address)
        except OSError:
            return  # the agent hung up, which is what some tests are about


@contextmanager
def serving(
    hub: Hub,
    certificate: tuple[Path, Path] | None = None,
    port: int = 0,
    inside: Callable[[Callable[[], None]], None] = lambda action: action(),
) -> Iterator[Hub]:
    """Run it on the loopback; with `port` where it was before. What it kept stays. `inside` runs the opening of its
    socket, in another network namespace for example."""
    made: list[_Server] = []
    inside(lambda: made.append(_Server(("127.0.0.1", port), _Handler)))
    server = made[0]
    server.hub, server.context = hub, None
    if certificate:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(*certificate)
    hub.url = f"{'https' if certificate else 'http'}://localhost:{server.server_address[1]}"
    hub.closing = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        with hub.changed:
            hub.closing = True
            hub.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()
