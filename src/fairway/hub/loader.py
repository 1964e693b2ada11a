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

from fairway.hub.agents import Agents
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.flows import counted_once
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.segments import read_segment
from fairway.wire import batch as wire

AT_WORK_US: Final = 120_000_000
"""An agent that reported so lately tells of its pods; one that did not leaves their flows to the other end's."""


@dataclass(slots=True)
class Loader:
    """`add` segments from any thread, `run` in the one that owns `names`. `hub` tells this hub's tokens apart."""

    base: FlowBase
    hub: str
    agents: Agents
    log: Callable[[str], None]
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
            self._next.unlink(missing_ok=True)
            self._next = None
        return rows

    def _load(self, segment: Path, names: Names) -> int:
        records = list(read_segment(segment))
        if not records:
            return 0
        batches = [wire.decode(record.content) for record in records]
        reports = [
            (record.identity, batch.header, len(batch.rows)) for record, batch in zip(records, batches, strict=True)
        ]
        flows = named(batches, names)
        token = f"{self.hub}-{segment.stem}"
        self.base.append(flows, _counted(flows, batches, self._after(batches), names.nodes()), token)
        self.base.remember(reports, token)
        self.agents = self._after(batches)
        for word in pc.value_counts(flows["category"].cast(pa.string())).to_pylist():
            self.categories[word["values"]] += word["counts"]
        return len(flows)

    def _after(self, batches: Sequence[wire.Batch]) -> Agents:
        """The agents when these are in, now."""
        agents, now_us = self.agents, time.time_ns() // 1000
        for batch in batches:
            agents = agents.received(batch.header, len(batch.rows), now_us)
        return agents


def _counted(
    flows: pa.Table, batches: Sequence[wire.Batch], agents: Agents, holders: dict[str, str]
) -> NDArray[np.bool_]:
    """Which of the batches' flows to count. Who was at work is asked for once for batches of about one time."""
    counted, start = [], 0
    for since_us, alike in groupby(batches, lambda batch: batch.header.start_us // AT_WORK_US * AT_WORK_US):
        size = sum(len(batch.rows) for batch in alike)
        reporting = {node for node, agent in agents.agents.items() if agent.last_seen_us >= since_us - AT_WORK_US}
        counted.append(counted_once(flows.slice(start, size), reporting, holders))
        start += size
    return np.concatenate(counted)
