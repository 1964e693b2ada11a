"""Loader: segments become named rows in the database, each once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.hub.agents import Agent, Agents
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
        tables, reports = [], []
        agents = self.agents
        for record in read_segment(segment):
            batch = wire.decode(record.content)
            tables.append(named(batch, names))
            reports.append((record.identity, batch.header, len(batch.rows)))
            agents = agents.received(batch.header, len(batch.rows))
        if not tables:
            return 0
        holders = names.nodes()
        counted = [
            self._counted(flows, agents, header, holders)
            for flows, (_, header, _) in zip(tables, reports, strict=True)
        ]
        token = f"{self.hub}-{segment.stem}"
        flows, once = pa.concat_tables(tables), np.concatenate(counted)
        self.base.append(flows, once, token)
        self.base.remember(reports, token)
        self.agents = agents
        self.told(flows, once, tuple(agents.agents[node] for node in {header.node for _, header, _ in reports}))
        return sum(map(len, tables))

    @staticmethod
    def _counted(
        flows: pa.Table, agents: Agents, header: wire.Header, holders: dict[str, str]
    ) -> NDArray[np.bool_]:
        since = header.start_us - AT_WORK_US
        reporting = {node for node, agent in agents.agents.items() if agent.last_seen_us >= since}
        return counted_once(flows, reporting, holders)
