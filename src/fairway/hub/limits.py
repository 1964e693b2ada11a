"""Limits: how often somebody may ask and how much they may send. A token bucket for each."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

_MOST: Final = 1 << 15
"""Buckets; the one that was used longest ago, full again by then, makes room."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate` a second, and `burst` at once."""

    rate: float
    burst: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each principal; of agents with one token in common, each node's."""

    people: Limit = Limit(50, 500)
    agents: Limit = Limit(200, 2000)
    agent_bytes: Limit = Limit(64 << 20, 512 << 20)


class Meter:
    """Buckets of one limit by whose they are. Time is an argument, in seconds of any clock that never goes back."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, amount: float, now: float) -> float:
        """0 if that much was there, and is taken; else the seconds until it will be."""
        limit = self._limit
        left, at = self._buckets.get(who, (limit.burst, now))
        left = min(limit.burst, left + (now - at) * limit.rate)
        wanted = min(amount, limit.burst)
        taken = wanted <= left
        self._buckets[who] = left - wanted * taken, now
        self._buckets.move_to_end(who)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (wanted - left) / limit.rate
