"""HubLink: one connection to the hub, kept alive, for one thread. Everything that can go wrong is one sentence."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

import fairway
from fairway.kit.errors import one_line
from fairway.wire.protocol import Refusal

AGENT: Final = f"fairway/{fairway.__version__}"
_SHOWN: Final = 120
_CHUNK: Final = 1 << 16


class HubError(Exception):
    """The hub did not do what was asked; the text is one line. `retry_after` in seconds, if it said so."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(one_line(reason))
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the hub is, and how to be let in. `timeout` in seconds, of each step of a request."""

    url: str
    token_file: Path
    ca_file: Path | None = None
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: http.client.HTTPMessage
    """Asked by name in any case: proxies and servers write them as they like."""
    body: bytes

    def refused(self) -> HubError:
        """This answer as the error it is."""
        told = refusal(self.body)
        reason = {401: "the token is not accepted", 403: "the token is for another node", 404: "no such address"}
        text = told or reason.get(self.status) or http.client.responses.get(self.status, "")
        return HubError(f"answers {self.status}: {text[:_SHOWN]}", _retry_after(self.headers))


class HubLink:
    """Asks one question after the other. `abort` may be called from another thread, and ends all questions."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        parts = urlsplit(hub.url)
        self._secure, self._host = parts.scheme == "https", parts.hostname or ""
        self._port, self._prefix = parts.port, parts.path.rstrip("/")
        self._connection: http.client.HTTPConnection | None = None
        self._aborted = False

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limit: int,
        patience: float = 0.0,
    ) -> Answer:
        """The answer, of at most `limit` bytes. HubError within the timeout, `patience` seconds later, if there
        is none. A connection that the hub closed while nobody spoke is made anew, once."""
        headers = {**headers, "Authorization": f"Bearer {self._token()}", "User-Agent": AGENT}
        timeout = self.hub.timeout + patience
        reused = self._connection is not None
        try:
            return self._exchange(method, self._prefix + path, headers, body, limit, timeout)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self.close()
            if not reused or self._aborted:
                raise HubError(_reason(error, timeout)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise HubError(_reason(error, timeout)) from error
        try:
            return self._exchange(method, self._prefix + path, headers, body, limit, timeout)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise HubError(_reason(error, timeout)) from error

    def close(self) -> None:
        """Hang up; the next question connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abort(self) -> None:
        """End the question now being asked, and refuse further ones."""
        self._aborted = True
        connection = self._connection
        if connection is not None and isinstance(connection.sock, socket.socket):
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, limit: int, timeout: float
    ) -> Answer:
        if self._aborted:
            raise ConnectionAbortedError
        deadline = time.monotonic() + timeout
        connection = self._connection or self._connect()
        self._connection = connection
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(timeout)
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        content = _read(response, limit, deadline)
        if response.will_close:
            self.close()
        return Answer(response.status, response.headers, content)

    def _connect(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=self.hub.timeout)
        # Made for each connection: the file may have been renewed meanwhile.
        context = ssl.create_default_context(cafile=str(self.hub.ca_file) if self.hub.ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return http.client.HTTPSConnection(self._host, self._port, timeout=self.hub.timeout, context=context)

    def _token(self) -> str:
        """Read for each question: the kubelet renews it in place."""
        try:
            token = self.hub.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is no plain text"
            raise HubError(f"the token file {self.hub.token_file}: {reason}") from error
        if not token or not token.isprintable() or " " in token:
            raise HubError(f"the token file {self.hub.token_file} holds no token")
        return token


def refusal(body: bytes) -> str | None:
    """What the hub itself says of a request it refuses; None where something else answers in its place."""
    try:
        return msgspec.json.decode(body, type=Refusal).error
    except msgspec.MsgspecError:
        return None


def _read(response: http.client.HTTPResponse, limit: int, deadline: float) -> bytes:
    parts, size = [], 0
    while part := response.read1(_CHUNK):
        size += len(part)
        if size > limit:
            raise http.client.HTTPException(f"an answer of more than {limit} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
        parts.append(part)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    response.close()  # `read1` leaves that to us; the connection goes on
    return b"".join(parts)


def _retry_after(headers: http.client.HTTPMessage) -> float | None:
    given = headers.get("Retry-After", "") or ""
    return float(given) if given.isascii() and given.isdigit() and len(given) < 6 else None


def _reason(error: Exception, timeout: float) -> str:
    """One sentence for whatever a connection can die of; the most telling first."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it: {(error.reason or 'broken').replace('_', ' ').lower()}"
    if isinstance(error, socket.gaierror):
        return "its name is not known to the resolver"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "hangs up without an answer"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"what it answers is no HTTP: {str(error)[:_SHOWN] or type(error).__name__}"
