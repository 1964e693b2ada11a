"""Loader: segments become named rows in the database, each once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.hub.agents import Agent, Agents
from fairway.hub.clocks import Clocks
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.flows import counted_once
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.segments import read_segment
from fairway.wire import batch as wire
from fairway.wire.protocol import BatchId

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
        tables, reports = [], []
        agents, broken = self.agents, list[str]()
        for record in read_segment(segment, broken.append):
            batch = wire.decode(record.content)
            tables.append(named(batch, names))
            reports.append((record.identity, batch.header, len(batch.rows)))
            agents = agents.received(batch.header, len(batch.rows))
        if tables:
            self._put(tables, reports, agents, names, f"{self.hub}-{segment.stem}")
        self.agents = agents
        self._done(segment, broken)
        return sum(map(len, tables))

    def _put(
        self,
        tables: Sequence[pa.Table],
        reports: Sequence[tuple[BatchId, wire.Header, int]],
        agents: Agents,
        names: Names,
        token: str,
    ) -> None:
        holders = names.nodes()
        counted = [
            self._counted(flows, agents, header, holders)
            for flows, (_, header, _) in zip(tables, reports, strict=True)
        ]
        flows, once = pa.concat_tables(tables), np.concatenate(counted)
        self.base.append(flows, once, token)
        self.base.remember(reports, token)
        self.told(flows, once, tuple(agents.agents[node] for node in {header.node for _, header, _ in reports}))

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
        self, flows: pa.Table, agents: Agents, header: wire.Header, holders: dict[str, str]
    ) -> NDArray[np.bool_]:
        since = self.clocks.not_ahead(header.node, header.start_us) - AT_WORK_US
        reporting = {
            node for node, agent in agents.agents.items() if self.clocks.here(node, agent.last_seen_us) >= since
        }
        return counted_once(flows, reporting, holders)
