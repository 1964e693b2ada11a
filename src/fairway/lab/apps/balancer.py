"""`balancer TARGETS`: an HTTP load balancer with pod addresses for targets and health checks of its own.

TARGETS is a JSON file: a list of [IPv4, IPv6] of the pods that are registered; it is read again when it changes.
"""

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fairway.lab import topology
from fairway.lab.apps.web import Reply, Request, fetch, server, told

PORT: Final = 80
TARGET_PORT: Final = 8080
HEALTH_PATH: Final = "/actuator/health/readiness"
CHECK_SECONDS: Final = 2.0


class Balancer:
    """Sends each request to the next healthy target, from the subnets' addresses in turn, over both families."""

    def __init__(self, targets: Path) -> None:
        self._file = targets
        self._healthy: frozenset[str] = frozenset()
        self._turn = itertools.count()

    def check_for_ever(self, pause: Callable[[float], None] = time.sleep) -> None:
        while True:
            started = time.monotonic()
            self.check()
            pause(max(0.1, CHECK_SECONDS - (time.monotonic() - started)))

    def check(self) -> None:
        """Ask every registered target for its health, all at the same time."""
        try:
            targets = [address for pair in json.loads(self._file.read_text()) for address in pair]
        except (OSError, ValueError):
            return
        healthy: set[str] = set()
        probes = [threading.Thread(target=self._probe, args=(t, healthy), daemon=True) for t in targets]
        for probe in probes:
            probe.start()
        for probe in probes:
            probe.join(1.5)
        self._healthy = frozenset(healthy)

    def answer(self, request: Request) -> Reply:
        turn = next(self._turn)
        family = turn // 2 % 2  # two requests over IPv4, two over IPv6: every target by every family
        healthy = sorted(t for t in self._healthy if (":" in t) == bool(family)) or sorted(self._healthy)
        if not healthy:
            return told(503, {"error": "no healthy target"})
        target = healthy[turn % len(healthy)]
        try:
            status, body = self._send(target, request, turn)
        except OSError as error:
            return told(504, {"error": f"{target}: {error}"})
        return Reply(status, body)

    def _send(self, target: str, request: Request, turn: int) -> tuple[int, bytes]:
        return fetch(
            _url(target, request.path),
            method=request.method,
            body=request.body,
            timeout=3.0,
            source=_sources(target)[turn // 4 % 2],
        )

    def _probe(self, target: str, healthy: set[str]) -> None:
        try:
            for source in _sources(target):  # each zone's balancer node checks for itself
                if fetch(_url(target, HEALTH_PATH), timeout=1.0, source=source)[0] != 200:
                    return
        except OSError:
            return
        healthy.add(target)


def _sources(target: str) -> list[str]:
    return [address for address in topology.BALANCER_INSIDE if (":" in address) == (":" in target)]


def _url(address: str, path: str) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{TARGET_PORT}{path}"


def main(targets: str) -> None:
    """Balance until killed."""
    balancer = Balancer(Path(targets))
    threading.Thread(target=balancer.check_for_ever, daemon=True).start()
    server(PORT, balancer.answer).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
