"""The lab's databases speak lines: the server greets, each line asked is answered by one line."""

import contextlib
import socket
import socketserver
from typing import Final

from fairway.lab.apps.web import dial

MAX_LINE: Final = 4096
TCP_RTO_MAX_MS: Final = 44  # linux/tcp.h, since 6.15; not in Python's socket module


class _Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def server(port: int, name: str) -> socketserver.ThreadingTCPServer:
    """A database: `PING` is answered by `PONG`, `PUT x` by `OK`, `GET x` by what was put or a row."""
    stored: dict[str, str] = {}

    def answer(line: str) -> str:
        verb, _, rest = line.partition(" ")
        if verb == "PING":
            return "PONG"
        if verb == "PUT":
            key, _, content = rest.partition(" ")
            stored[key] = content
            if len(stored) > 1000:
                stored.pop(next(iter(stored)))
            return "OK"
        if verb == "GET":
            return stored.get(rest, f"row {rest} " + "x" * 200)
        return f"ERROR unknown verb {verb[:20]}"

    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            outlive_pauses(self.request)
            try:
                self.wfile.write(f"{name} ready\n".encode())
                while line := self.rfile.readline(MAX_LINE):
                    self.wfile.write(f"{answer(line.decode(errors='replace').strip())}\n".encode())
            except OSError:
                return

    return _Server(("::", port), Handler)


def ask(host: str, port: int, line: str, timeout: float) -> str:
    """One question on a connection of its own; OSError if it was not answered."""
    with dial(host, port, timeout) as link, link.makefile("rw", newline="\n") as stream:
        stream.readline(MAX_LINE)
        stream.write(f"{line}\n")
        stream.flush()
        answer = stream.readline(MAX_LINE).strip()
    if not answer:
        raise ConnectionError(f"{host}:{port} closed the connection without an answer")
    return answer


def outlive_pauses(link: socket.socket) -> None:
    """Keep a connection through a minute without a network, and use a mended path within a second.

    Where the kernel cannot limit the time between two tries, the path is used after at most twice the pause.
    """
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)
    with contextlib.suppress(OSError):
        link.setsockopt(socket.IPPROTO_TCP, TCP_RTO_MAX_MS, 1000)
