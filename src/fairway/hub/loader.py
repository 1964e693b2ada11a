"""Loader: segments become named rows in the database, each once."""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
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
from fairway.hub.names_asked import asked_in
from fairway.hub.node_limits import limits_in
from fairway.hub.record import named
from fairway.hub.segments import Record, read_segment
from fairway.kit.errors import FairwayError
from fairway.wire import batch as wire

AT_WORK_US: Final = 120_000_000
"""An agent that reported so lately tells of its pods; one that did not leaves their flows to the other end's."""


_AT_HAND: Final = 4
"""Segments whose batches are kept in memory until they are in; those of others are read from disk again."""
_TRIES: Final = 3
"""How often a segment may fail for no reason that the database or the disk gave."""


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
    _ready: deque[tuple[Path, Sequence[Record]]] = field(default_factory=deque)
    _tries: int = 0

    def add(self, segment: Path, records: Sequence[Record] = ()) -> None:
        """A segment that is closed, and what is in it, if that is at hand."""
        self._ready.append((segment, records if len(self._ready) < _AT_HAND else ()))

    @property
    def busy(self) -> bool:
        """Whether a segment waits for the database."""
        return bool(self._ready)

    def run(self, names: Names) -> int:
        """Put every closed segment into the database; the rows. After a DatabaseError the next run tries again.

        What keeps failing in other ways is put aside, so that it does not hold up the others.
        """
        rows = 0
        while self._ready:
            segment, records = self._ready[0]
            try:
                rows += self._load(segment, records, names)
            except (FairwayError, OSError):
                raise
            except Exception as error:
                self._tries += 1
                if self._tries < _TRIES:
                    raise
                self._done(segment, [f"the whole of it: {type(error).__name__}: {error}"])
            self._tries = 0
            self._ready.popleft()
        return rows

    def _load(self, segment: Path, held: Sequence[Record], names: Names) -> int:
        broken = list[str]()
        records = held or list(read_segment(segment, broken.append))
        batches = [record.batch or wire.decode(record.content) for record in records]
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
            self.base.note("names_asked", asked_in(batches, names), token)
            self.base.note("limits", limits_in(batches), token)
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
        self.log(f"segments: {len(broken)} cannot be read ({broken[0]}); kept as {aside / segment.name}")

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
