"""Loader: segments become named rows in the database, each once."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fairway.hub.agents import Agent, Agents
from fairway.hub.clocks import Clocks
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.flows import counted_once
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.segments import read_segment
from fairway.wire import batch as wire

AT_WORK_US: Final = 120_000_000
"""An agent that reported so lately tells of its pods; one that did not leaves their flows to the other end's."""


def _nobody(*_: object) -> None:
    """Nobody wants to be told."""


@dataclass(slots=True)
class Loader:
    """`add` segments from any thread, `run` in the one that owns `names`. `hub` tells this hub's tokens apart.

    `told` hears of each segment that is in: its flows, which of them count, and the agents that sent it.
    """

    base: FlowBase
    hub: str
    agents: Agents
    log: Callable[[str], None]
    told: Callable[[pa.Table, NDArray[np.bool_], tuple[Agent, ...]], None] = _nobody
    clocks: Clocks = field(default_factory=Clocks)
    damaged: int = 0
    """Records of segments that were kept once and cannot be read any more."""
    categories: Counter[str] = field(default_factory=Counter)
    """Rows by their category, since the start."""
    _ready: SimpleQueue[Path] = field(default_factory=SimpleQueue)
    _next: Path | None = None

    def add(self, segment: Path) -> None:
        """A segment that is closed."""
        self._ready.put(segment)

    def run(self, names: Names) -> int:
        """Put every closed segment into the database; the rows. After a DatabaseError the next run tries again."""
        rows = 0
        while self._next is not None or not self._ready.empty():
            if self._next is None:
                self._next = self._ready.get()
            rows += self._load(self._next, names)
            self._next = None
        return rows

    def _load(self, segment: Path, names: Names) -> int:
        broken = list[str]()
        records = list(read_segment(segment, broken.append))
        batches = [wire.decode(record.content) for record in records]
        agents = self._after(batches)
        rows = 0
        if batches:
            reports = [
                (record.identity, batch.header, len(batch.rows))
                for record, batch in zip(records, batches, strict=True)
            ]
            for batch in batches:
                names.resolved(batch.header)
            flows = named(batches, names)
            rows, once = len(flows), self._counted(flows, batches, agents, names.nodes())
            token = f"{self.hub}-{segment.stem}"
            self.base.append(flows, once, token)
            self.base.remember(reports, token)
            for word in pc.value_counts(flows["category"].cast(pa.string())).to_pylist():
                self.categories[word["values"]] += word["counts"]
            self.told(flows, once, tuple(agents.agents[node] for node in {batch.header.node for batch in batches}))
        self.agents = agents
        self._done(segment, broken)
        return rows

    def _after(self, batches: Sequence[wire.Batch]) -> Agents:
        """The agents when these are in, now."""
        agents, now_us = self.agents, time.time_ns() // 1000
        for batch in batches:
            agents = agents.received(batch.header, len(batch.rows), now_us)
        return agents

    def _done(self, segment: Path, broken: list[str]) -> None:
        """Remove it; one that is damaged is put aside for a look."""
        if not broken:
            segment.unlink(missing_ok=True)
            return
        self.damaged += len(broken)
        aside = segment.parent / "damaged"
        aside.mkdir(exist_ok=True)
        segment.replace(aside / segment.name)
        self.log(f"segments: {len(broken)} records are damaged ({broken[0]}); kept as {aside / segment.name}")

    def _counted(
        self, flows: pa.Table, batches: Sequence[wire.Batch], agents: Agents, holders: dict[str, str]
    ) -> NDArray[np.bool_]:
        """Which of the batches' flows to count. Who was at work is asked for once for batches of about one time."""

        def about(batch: wire.Batch) -> int:
            start = self.clocks.not_ahead(batch.header.node, batch.header.start_us)
            return start // AT_WORK_US * AT_WORK_US

        counted, start = [], 0
        for since_us, alike in groupby(batches, about):
            size = sum(len(batch.rows) for batch in alike)
            reporting = {
                node
                for node, agent in agents.agents.items()
                if self.clocks.here(node, agent.last_seen_us) >= since_us - AT_WORK_US
            }
            counted.append(counted_once(flows.slice(start, size), reporting, holders))
            start += size
        return np.concatenate(counted)
