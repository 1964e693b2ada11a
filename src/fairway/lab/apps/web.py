"""HTTP between the lab's programs: a dual-stack server and a client that dials both families in turn."""

import http.client
import itertools
import json
import socket
import socketserver
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit


class Request(NamedTuple):
    """What a client asked for; `path` without its query."""

    method: str
    path: str
    body: bytes


class Reply(NamedTuple):
    """What it gets."""

    status: int
    body: bytes
    kind: str = "application/json"


def told(status: int, content: Any) -> Reply:
    """A reply of JSON."""
    return Reply(status, json.dumps(content).encode())


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 256

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socketserver.TCPServer.server_bind(self)  # HTTPServer's would look its own name up in the DNS

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):  # a client that went away is its own affair
            super().handle_error(request, client_address)


def server(port: int, answer: Callable[[Request], Reply]) -> ThreadingHTTPServer:
    """A server on every address of the namespace, IPv4 and IPv6; each request in a thread."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, 1 << 20))
            reply = answer(Request(self.command, urlsplit(self.path).path, body))
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = _any  # noqa: N815  the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            return

    return _Server(("::", port), Handler)


_turns: Final[dict[str, Iterator[int]]] = defaultdict(itertools.count)
_turns_lock: Final = threading.Lock()


def dial(host: str, port: int, timeout: float, source: str = "") -> socket.socket:
    """A TCP connection within `timeout` seconds, look-up excluded; OSError if there is none.

    A host with addresses of both families is dialled by one and the other in turn, and by the remaining
    family when the first does not answer in half of the time: both paths are in daily use.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    families = {family: address for family, *_, address in reversed(found)}
    addresses = list(families.items())
    with _turns_lock:
        turn = next(_turns[host])
    if turn % 2:
        addresses.reverse()
    deadline = time.monotonic() + timeout
    failure: OSError = TimeoutError(f"no time left for {host}")
    for left, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        link = socket.socket(family, socket.SOCK_STREAM)
        try:
            link.settimeout(max(0.05, (deadline - time.monotonic()) / left))
            if source:
                link.bind((source, 0))
            link.connect(address)
        except OSError as error:
            link.close()
            failure = error
            continue
        link.settimeout(max(0.05, deadline - time.monotonic()))
        return link
    raise failure


def fetch(
    url: str, *, method: str = "GET", body: bytes = b"", timeout: float = 2.0, source: str = ""
) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own; OSError if no answer came."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    client = http.client.HTTPConnection(host, port)
    try:
        client.sock = dial(host, port, timeout, source)
        client.request(method, parts.path or "/", body or None, {"Connection": "close"})
        answer = client.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{url}: {type(error).__name__}") from error
    finally:
        client.close()
