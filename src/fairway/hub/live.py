"""Live: what comes into the database, as it comes, for whoever listens. Nobody who listens can hold up the hub."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fairway.hub.agents import Agent
from fairway.hub.anomalies.book import Anomaly
from fairway.hub.columns import SCHEMA
from fairway.hub.database.flows import told as as_told
from fairway.kit.errors import EnvironmentLacksError

MOST_LISTENERS: Final = 100
MOST_WAITING: Final = 8
"""Pieces that wait for a listener; one that falls further behind is dropped."""
_REMEMBERED: Final = 200_000
"""Edges that are known as told; agents tell theirs anew when they restart."""


@dataclass(frozen=True, slots=True)
class News:
    """What one segment brought: rows in the columns of the table `flows`, the agents as they are now, and which
    rows are the first sight of an edge that nobody told before. Or what a look at the past hours found."""

    flows: pa.Table
    agents: tuple[Agent, ...]
    new: NDArray[np.bool_]
    anomalies: tuple[Anomaly, ...] = ()


class Listener:
    """One who listens, in an event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[News | None] = asyncio.Queue(MOST_WAITING)
        self.behind = False

    def offer(self, news: News | None) -> None:
        """From any thread: something to tell, or None: it is over."""
        self._loop.call_soon_threadsafe(self._put, news)

    async def next(self, seconds: float) -> News | None:
        """What came; None when it is over, TimeoutError when nothing came for so long."""
        if self.behind:
            return None
        return await asyncio.wait_for(self._waiting.get(), seconds)

    def _put(self, news: News | None) -> None:
        try:
            self._waiting.put_nowait(news)
        except asyncio.QueueFull:
            self.behind = True


class Live:
    """Everybody who listens. `dropped` counts those who were too slow."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._told: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self.dropped = 0

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Somebody listens; EnvironmentLacksError when too many do."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise EnvironmentLacksError(f"{MOST_LISTENERS} listen already; try again later")
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def tell(self, flows: pa.Table, counted: NDArray[np.bool_], agents: tuple[Agent, ...]) -> None:
        """What a segment brought; from the hub's thread."""
        new = self._first_sights(flows)
        if self._listeners:
            self._offer(News(as_told(flows, counted), agents, new))

    def announce(self, anomalies: tuple[Anomaly, ...]) -> None:
        """What was found to be unlike itself; from the thread that looks."""
        none = np.zeros(0, np.bool_)
        self._offer(News(as_told(SCHEMA.empty_table(), none), (), none, anomalies))

    def _offer(self, news: News) -> None:
        for listener in list(self._listeners):
            listener.offer(news)

    def end(self) -> None:
        """The hub ends: so does every stream."""
        for listener in list(self._listeners):
            listener.offer(None)

    def _first_sights(self, flows: pa.Table) -> NDArray[np.bool_]:
        new = np.zeros(len(flows), np.bool_)
        rows = np.flatnonzero(pc.equal(flows["kind"].cast(pa.string()), "edge").to_numpy())
        keys = flows.select(_EDGE).take(rows).to_pylist() if len(rows) else []
        for row, key in zip(rows, keys, strict=True):
            told = tuple(key.values())
            if told not in self._told:
                new[row] = True
                self._told[told] = None
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return new


_EDGE: Final = (
    *(f"{end}_{name}" for end in ("client", "server") for name in ("kind", "namespace", "name", "address")),
    *("port", "protocol"),
)
