"""Node limits: what a batch tells of how near the node is to what it may: connections, bandwidth, its card."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from fairway.agent.ethtool import ALLOWANCES, Cards
from fairway.agent.limits import interfaces, untracked
from fairway.agent.readings import conntrack
from fairway.wire.batch import BANDWIDTH, Limit

_DEVICES: Final = Path("/sys/class/net")


class NodeLimits:
    """`take` what is since the last time, or since this was made."""

    def __init__(self, tracked: Callable[[], dict[str, int]] = conntrack, devices: Path = _DEVICES) -> None:
        self._tracked, self._devices, self._cards = tracked, devices, Cards()
        self._hits, self._moved, self._at = self._hit(), self._bytes(), time.monotonic()

    def take(self) -> tuple[Limit, ...]:
        """Connections tracked, bits a second of the machine's cards, and what was hit, how often."""
        return tuple(self._now())

    def _now(self) -> Iterator[Limit]:
        if tracked := self._tracked():
            yield Limit("conntrack entries", tracked["count"], tracked["max"])
        hits, moved, now = self._hit(), self._bytes(), time.monotonic()
        for name, count in hits.items():
            if count > (before := self._hits.get(name, count)):
                yield Limit(name, count - before)
        for way, count in moved.items():
            if count >= (before := self._moved.get(way, count)) and now > self._at:
                yield Limit(BANDWIDTH[way], (count - before) * 8 / (now - self._at))
        self._hits, self._moved, self._at = hits, moved, now

    def _hit(self) -> dict[str, int]:
        """How often each limit was hit so far."""
        failed = untracked()
        dropped = {f"conntrack {name}": failed[name] for name in ("drop", "early_drop") if name in failed}
        cards = {
            f"{card} {short} allowance": counted[name]
            for card, counted in self._cards.read().items()
            for name, short in ALLOWANCES.items()
            if name in counted
        }
        return dropped | cards

    def _bytes(self) -> dict[str, int]:
        """Of interfaces that have a card behind them: those of bridges and tunnels are in them already."""
        real = [ways for name, ways in interfaces(()).items() if (self._devices / name / "device").exists()]
        return {way: sum(ways[way][0] for ways in real) for way in BANDWIDTH} if real else {}
