"""Exposition: serves metrics over HTTP, with TLS and a token if wanted. Scraping changes nothing."""

import hmac
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET, AF_INET6, SHUT_RDWR, socket
from typing import Any, Final

from fairway.kit.anywhere import both_families
from fairway.kit.errors import EnvironmentLacksError
from fairway.kit.openmetrics import OPENMETRICS, PLAIN, Family, render, wants_openmetrics

PATH: Final = "/metrics"
_PATIENCE: Final = 10
_NEVER: Final = 86400.0
"""Seconds until the server looks up although nobody asks: each look wakes the CPU."""
_AT_ONCE: Final = 8
"""Scrapes served at the same time; further ones are hung up on, so that nobody holds the agent's memory."""


class Exposition(ThreadingHTTPServer):
    """`families` is called for each scrape, in its thread. EnvironmentLacksError if the port cannot be had."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        address: tuple[str, int],
        families: Callable[[], list[Family]],
        certificate: tuple[Path, Path | None] | None = None,
        token_file: Path | None = None,
    ) -> None:
        self.families, self.token_file = families, token_file
        self._context = _context(*certificate) if certificate else None
        self._free = threading.Semaphore(_AT_ONCE)
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        try:
            super().__init__(address, _Scrape)
        except OSError as error:
            where = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
            raise EnvironmentLacksError(f"cannot serve metrics on {where}: {error.strerror}") from error
        self._thread = threading.Thread(target=self.serve_forever, args=(_NEVER,), name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; scrapes under way end by themselves."""
        self.socket.shutdown(SHUT_RDWR)  # it waits for a connection, and looks up
        self.shutdown()
        self.server_close()

    def server_bind(self) -> None:
        """Both families on `::`; without a look-up of our own name."""
        both_families(self.socket)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "agent", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            request.settimeout(_PATIENCE)
            super().process_request_thread(self._secured(request), client_address)
        except OSError:
            self.shutdown_request(request)  # no TLS, or gone in the middle of it
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that hangs up is its own affair."""

    def _secured(self, request: socket) -> socket:
        return self._context.wrap_socket(request, server_side=True) if self._context else request


class _Scrape(BaseHTTPRequestHandler):
    server: Exposition
    timeout = _PATIENCE
    server_version, sys_version = "fairway", ""

    def do_GET(self) -> None:
        if not self._admitted():
            self._answer(401, "text/plain", "a token is needed: Authorization: Bearer TOKEN\n")
        elif self.path.partition("?")[0] != PATH:
            self._answer(404, "text/plain", f"metrics are at {PATH}\n")
        else:
            openmetrics = wants_openmetrics(self.headers.get("Accept", ""))
            body = render(self.server.families(), openmetrics=openmetrics)
            self._answer(200, OPENMETRICS if openmetrics else PLAIN, body)

    def _admitted(self) -> bool:
        if self.server.token_file is None:
            return True
        try:
            wanted = self.server.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return False
        given = self.headers.get("Authorization", "")
        return bool(wanted) and hmac.compare_digest(given.encode(), f"Bearer {wanted}".encode())

    def _answer(self, status: int, kind: str, body: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are no news."""


def _context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or "is not readable"
        raise EnvironmentLacksError(f"the metrics certificate {certificate}: {reason}; renew it") from error
    return context
