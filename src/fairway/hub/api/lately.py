"""Lately: an answer that took long is told again to whoever takes an older one, while the next is being made.

Who watches a large cluster's map asks every few seconds, and so do others. They say `Cache-Control: max-stale=10`,
HTTP's own words (RFC 9111, 5.2.1.2) for "up to ten seconds old will do", and share one making of it. Without these
words every answer is made when it is asked for.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request

from fairway.hub.api.desk import Desk
from fairway.hub.api.tags import Told

LONG: Final = 0.25
"""Seconds of making from which on an answer is told again; what is quicker is made anew."""
REST: Final = 4
"""Where an answer took a second to make, the next is begun so many seconds after: under load, where everything
takes longer, less of the processor goes to maps and not more."""
AHEAD: Final = 2
"""Times what it took last that the next is begun before the last is too old, so that nobody waits for it."""
MOST: Final = 16
"""Answers kept, some megabytes each."""
_WORDS: Final = re.compile(r"max-stale\s*=\s*(\d{1,6})")


@dataclass(frozen=True, slots=True)
class _Held:
    told: Told
    begun: float
    """The answer is of then."""
    took: float

    def rest(self, patience: int) -> float:
        """How old it may be before the next is begun: at least as old as making it took."""
        return min(patience, max(self.took, min(REST * self.took, patience - AHEAD * self.took)))


def patience_of(request: Request[Any, Any, Any]) -> int:
    """How many seconds old an answer may be for whoever asks; 0 where nobody says."""
    found = _WORDS.search(request.headers.get("Cache-Control", ""))
    return int(found[1]) if found else 0


class Lately:
    """For one event loop; `key` tells one question of one asker's rights from another."""

    def __init__(self, desk: Desk, now: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._now = now
        self._held: OrderedDict[Hashable, _Held] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[Told]] = {}

    async def __call__(self, key: Hashable, patience: int, make: Callable[[], Told]) -> Told:
        """The answer, at most `patience` seconds old if that is not 0."""
        if not patience:
            return await self._desk(make)
        held = self._held.get(key)
        age = self._now() - held.begun if held else 0.0
        if held and age <= held.rest(patience):
            return held.told
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(key, make))
            making.add_done_callback(lambda done: self._done(key, done))
        return held.told if held and age <= patience else await asyncio.shield(making)

    async def _make(self, key: Hashable, make: Callable[[], Told]) -> Told:
        begun = self._now()
        told = await self._desk(make)
        self._held.pop(key, None)
        if (took := self._now() - begun) >= LONG:
            self._held[key] = _Held(told, begun, took)
            if len(self._held) > MOST:
                self._held.popitem(last=False)
        return told

    def _done(self, key: Hashable, making: "asyncio.Task[Told]") -> None:
        del self._making[key]
        if not making.cancelled() and making.exception():
            self._held.pop(key, None)  # whoever asks next is told why
