"""The hub's own work: one thread that looks at the cluster and the segments in turn; `steering` has one for rules.

The API's threads hand it segments and ask the database; only the first names flows, only the second makes rules.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.cloud.prices import Prices
from fairway.cloud.ranges import Ranges, read_ranges
from fairway.hub.agents import Agent, Agents
from fairway.hub.anomalies.watching import Anomalies
from fairway.hub.audit import Audit
from fairway.hub.control import Feed, policy_sets
from fairway.hub.database.claim import Claim
from fairway.hub.database.errors import DatabaseError
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.places import database_at
from fairway.hub.database.retention import Retention, keep_for
from fairway.hub.database.seen import settled
from fairway.hub.history import History
from fairway.hub.identity import ByGrants, Permits
from fairway.hub.imports import take_imports
from fairway.hub.job_files import JobFiles
from fairway.hub.jobs import Jobs
from fairway.hub.ledger import entry
from fairway.hub.live import Live
from fairway.hub.loader import Loader
from fairway.hub.names import Names
from fairway.hub.places import Places
from fairway.hub.receiver import Receiver
from fairway.hub.record import named
from fairway.hub.rollouts.drivers import Driver
from fairway.hub.rollouts.runner import Rollouts
from fairway.hub.segments import Record, Segments, read_segment
from fairway.hub.standing import Stand
from fairway.hub.state import State
from fairway.hub.steering import Scene, Steering
from fairway.hub.surroundings import Orders, Surroundings, WouldDeny
from fairway.hub.traffic import MOST_KNOWN, Traffic
from fairway.hub.trial import would_deny
from fairway.hub.trying import Trying
from fairway.hub.wishes import Wanted
from fairway.kit.files import Signature, signature, write_atomically
from fairway.kit.otlp import SECONDS, Collector, Push
from fairway.policy.model import Cluster
from fairway.views.map import Grain

_TICK: Final = 0.25
"""Seconds between two looks at everything."""


@dataclass(frozen=True, slots=True)
class HubConfig:
    """`cluster` is where it learns of its cluster; `memory` bounds the embedded database, in bytes."""

    state: State
    cluster: Surroundings
    memory: int = 2 << 30
    store: str = ""
    """`clickhouse://...` for a database on servers; else it lies in the state folder."""
    retention: Retention = field(default_factory=Retention)
    prices: Prices = field(default_factory=Prices)
    metric_edges: int = 0
    """Edges between workloads with metrics of their own, at most."""
    bandwidth: Mapping[str, float] = field(default_factory=dict)
    """Gigabits a second that machines may have, by instance type."""
    otlp: Collector | None = None
    """The collector that metrics are pushed to, every `otlp_seconds`."""
    otlp_seconds: float = SECONDS
    drivers: Mapping[str, Driver] = field(default_factory=dict)
    """Of rollouts, by what orders call them, beside the kernel's modes."""


class NotReadyError(Exception):
    """The hub cannot answer yet; the text says why."""


class Hub:
    """`with Hub(config, ranges, log) as hub:` it works. Bad input keeps the last good.

    UsageError when another process has the state folder, or a file of it is malformed.
    """

    def __init__(self, config: HubConfig, ranges: Ranges | None, log: Callable[[str], None]) -> None:
        self.config = config
        self._log = log
        self.ranges = ranges
        self._database = database_at(config.store or f"chdb://{config.state.database.absolute()}", config.memory)
        # One question leaves as much again for what comes in.
        self.base = FlowBase(self._database, config.memory // 2)
        self.live = Live()
        self.traffic = Traffic(config.metric_edges)
        self.push: Push | None = None
        self.audit = Audit(config.state.audit)
        self.permits: Permits = ByGrants()
        self.stand = Stand()
        self.places = {grain: Places(config.state.places(grain), log) for grain in get_args(Grain)}
        self.wanted = Wanted(config.state, self.audit)
        self._trying = Trying(log)
        self._steering = Steering(config.state, self.wanted, self._scene, self._trying, log)
        self.cluster: Cluster | None = None
        self.orders: Orders | None = None
        self._looks = 0
        self._ranges_seen: Signature = frozenset()
        self.jobs = Jobs(JobFiles(config.state.jobs, log))
        self.rollouts = Rollouts(self, log)
        self.anomalies = Anomalies(self, log)
        self._ending = False
        self._claim: Claim | None = None
        self._wake = Event()
        self._thread = Thread(target=self._run, name="hub", daemon=True)

    def __enter__(self) -> Self:
        state = self.config.state
        self._database.__enter__()
        try:
            self.base.open()
            keep_for(self._database, self.config.retention)
            self._steering.open()
            identity = _identity(state)
            if self.config.store.startswith("clickhouse://"):  # a folder has a lock
                self._claim = Claim(self._database, identity)
                self._claim.take()
            self.loader = Loader(self.base, identity, self.base.agents(), self._log, self._tell)
            self.names = Names(self.ranges, History(state.names))
            self.segments = Segments(
                state.segments, self._closed, lambda: self.loader.busy, partial(self._trying.failed, "segments")
            )
            self.receiver = Receiver(self.segments, self.base.ledger(), clocks=self.loader.clocks)
            self._remember_waiting()
            self.segments.start()
            self.rollouts.start()
            self.anomalies.start()
        except BaseException:
            self._database.__exit__(None, None, None)
            raise
        self._thread.start()
        self._steering.start()
        self._log(f"hub: {state.folder} from {self.config.cluster.title}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.anomalies.close()
        self.rollouts.close()
        self.segments.close()
        self._ending = True
        self._wake.set()
        self._steering.close()
        self._thread.join()
        if self._claim:
            with suppress(DatabaseError):  # it is down, and whoever comes waits a while
                self._claim.release()
        self._database.__exit__(kind, error, trace)
        self._log("hub: stopped")

    @property
    def agents(self) -> Agents:
        """What every agent last reported, of batches that are in the database."""
        return self.loader.agents

    def feed(self, node: str) -> Feed | None:
        """What a node's agent is told; None for a node that nobody knows."""
        return self._steering.feed(node)

    def would_deny(self, since: datetime) -> Sequence[WouldDeny]:
        """What policies on trial would have denied since a time."""
        return tuple(would_deny(self.base, since, policy_sets(self.wanted.read(), self.orders)[1]))

    def obeying(self) -> Mapping[str, bool]:
        """By node that has an agent, whether that does what is wanted by now."""
        return self._steering.obeying(self.agents)

    def wake(self) -> None:
        """There is something to look at."""
        self._wake.set()

    @property
    def revision(self) -> int:
        """The latest of the rules that agents are told."""
        return self._steering.revision

    @property
    def troubles(self) -> Mapping[str, str]:
        """What cannot be done now, by the part that cannot, and why."""
        return self._trying.troubles

    @property
    def failures(self) -> Counter[str]:
        """What went wrong in a way that nobody thought of, by part."""
        return self._trying.failures

    def require_ready(self) -> Cluster:
        """The cluster as it is; NotReadyError says what is missing."""
        if why := self.config.cluster.unready():
            raise NotReadyError(why)
        if self.cluster is None:
            raise NotReadyError(f"{self.config.cluster.title}: the cluster has not been read yet")
        if trouble := self.troubles.get("database"):
            raise NotReadyError(trouble)
        if self.segments.trouble:
            raise NotReadyError(
                f"{self.config.state.segments}: {self.segments.trouble}; agents keep what they have"
            )
        return self.cluster

    def warnings(self) -> list[str]:
        """What a person should look at though the hub works, one line each."""
        found = [f"{part}: {trouble}" for part, trouble in sorted(self.troubles.items())]
        found += [*self.receiver.clocks.warnings(), *self.config.cluster.warnings()]
        if self.anomalies.trouble:
            found.append(f"anomalies: {self.anomalies.trouble}")
        if self.loader.damaged:
            found.append(
                f"{self.loader.damaged} records of segments were damaged; see {self.config.state.segments}/damaged"
            )
        return found

    def _remember_waiting(self) -> None:
        """What was acknowledged before a crash and is not in the database yet counts as had."""
        for segment in self.segments.waiting():
            for record in read_segment(segment):
                self.receiver.ledger.add(entry(record.identity))

    def _tell(self, flows: pa.Table, counted: NDArray[np.bool_], agents: tuple[Agent, ...]) -> None:
        """What a segment brought, to whoever wants to know."""
        self.live.tell(flows, counted, agents)
        self.traffic.tell(flows, counted)
        self.rollouts.tell(flows)

    def _closed(self, segment: Path, records: Sequence[Record]) -> None:
        """In the thread of the segments: there is something to load, and first sights are in a hurry."""
        self._trying.works("segments")
        self.loader.add(segment, records)
        self._wake.set()

    def _run(self) -> None:
        named((), self.names)  # loads what pyarrow loads at its first table, seconds of it, before the first report
        self._recall()
        ending, attempt = False, self._trying.attempt
        while not ending:
            self._wake.wait(_TICK)
            self._wake.clear()
            ending = self._ending
            attempt("cluster", self._look_at_cluster)
            attempt("ranges", self._look_at_ranges)
            attempt("names", self.names.flush)
            if self._claim:
                attempt("claim", self._claim.hold)
            if self.cluster is not None:
                attempt("database", partial(self.loader.run, self.names))
                attempt("trial", partial(self.config.cluster.hear, self))
                attempt("imports", partial(take_imports, self.config.state.imports, self.base))

    def _recall(self) -> None:
        """Which edges are nothing new: before the first report, and without it the hub works as well."""
        try:
            self.traffic.know(self.base.ask(settled(MOST_KNOWN)))
        except DatabaseError as error:
            self._log(f"metrics: edges of before are counted as new: {error}")

    def _scene(self) -> Scene | None:
        # Read first: what the cluster becomes meanwhile is looked at next time.
        looks, cluster = self._looks, self.cluster
        return Scene(looks, cluster, self.orders, self.agents) if cluster is not None else None

    def _look_at_cluster(self) -> bool:
        sight = self.config.cluster.look()
        if sight is None:
            return False
        now, changed = time.time_ns() // 1000, sight.changed_us or 0
        self.names.observe(sight.cluster, changed if self.names.looked_us < changed <= now else now)
        self.cluster, self.orders = sight.cluster, sight.orders
        self._looks += 1
        return True

    def _look_at_ranges(self) -> bool:
        """Lists that were refreshed count from now on; what was named stays as it is."""
        if self.ranges is None:
            return False
        paths = [Path(source.path) for source in self.ranges.sources]
        seen: Signature = frozenset().union(*map(signature, paths))
        if seen == self._ranges_seen:
            return False
        started, self._ranges_seen = not self._ranges_seen, seen
        if not started:
            self.ranges = read_ranges(*paths)
            self.names.classify(self.ranges)
        for source in self.ranges.sources:
            self._log(f"ranges: {source.path}: {source.provider}, {source.networks} networks, {source.date}")
        return True


def _identity(state: State) -> str:
    """What tells this hub's segments from those of one whose files were lost; made at its first start."""
    path = state.folder / "hub-id"
    if not path.exists():
        write_atomically(path, uuid.uuid4().hex[:12].encode())
    return path.read_text()
