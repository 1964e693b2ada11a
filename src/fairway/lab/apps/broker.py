"""The orders service's one connection to its message broker: opened once, kept alive by heartbeats."""

import socket
import threading
import time
from typing import Any, Final

from fairway.lab.apps import lines
from fairway.lab.apps.web import dial

HEARTBEAT_SECONDS: Final = 1.0
SILENCE_SECONDS: Final = 45.0
"""A connection is given up only after this long without an answer: a pause of the network is no death."""
FRESH_SECONDS: Final = 2.5


class Connection:
    """Keeps a connection to the broker and remembers when it was opened."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._peer = ""
        self._opened = self._heard = 0.0
        self._heard_at = -SILENCE_SECONDS
        self._lock = threading.Lock()
        self._link: socket.socket | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def fresh(self) -> bool:
        """The last heartbeat was answered just now."""
        return time.monotonic() - self._heard_at < FRESH_SECONDS

    def told(self) -> dict[str, Any]:
        """Peer, times in seconds since 1970, and whether heartbeats are answered."""
        return {"peer": self._peer, "opened_at": self._opened, "heard_at": self._heard, "alive": self.fresh}

    def publish(self, message: str) -> None:
        """Send an event on the connection; its answer counts as a heartbeat's. OSError without a connection."""
        with self._lock:
            if self._link is None:
                raise ConnectionError("no connection to the broker")
            self._link.sendall(f"PUT {message}\n".encode())

    def _run(self) -> None:
        while True:
            try:
                with dial(self._host, self._port, 2.0) as link:
                    self._keep(link)
            except OSError:
                time.sleep(1.0)

    def _keep(self, link: socket.socket) -> None:
        lines.outlive_pauses(link)
        link.settimeout(HEARTBEAT_SECONDS)
        self._peer = _written(*link.getpeername()[:2])
        self._opened, self._heard_at = time.time(), time.monotonic()
        self._link = link
        try:
            while time.monotonic() - self._heard_at < SILENCE_SECONDS:
                self._beat(link)
        finally:
            self._link = None

    def _beat(self, link: socket.socket) -> None:
        started = time.monotonic()
        with self._lock:
            link.sendall(b"PING\n")
        try:
            if not link.recv(lines.MAX_LINE):
                raise ConnectionError("the broker closed the connection")
        except TimeoutError:
            return
        self._heard, self._heard_at = time.time(), time.monotonic()
        time.sleep(max(0.0, HEARTBEAT_SECONDS - (self._heard_at - started)))


def _written(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
