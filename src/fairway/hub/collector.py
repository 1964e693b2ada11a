"""The collector: one process that owns a state folder. Batches in, named flows kept, rule tables out."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fairway.cloud.ranges import Ranges
from fairway.hub.agents import Agents, read_agents, write_agents
from fairway.hub.control import Control
from fairway.hub.ingest import Ingest
from fairway.hub.intent import Intent, read_intent
from fairway.hub.names import Names
from fairway.hub.state import State
from fairway.hub.store import Store
from fairway.kit.documents import read_documents
from fairway.kit.errors import FairwayError, UsageError
from fairway.kit.files import Signature, signature
from fairway.kit.stop import Stoppable
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster


@dataclass(frozen=True, slots=True)
class CollectorConfig:
    """`cluster` is the file or folder of manifests; `tick` the seconds between two looks at everything."""

    state: State
    cluster: Path
    tick: float = 0.25


class Collector:
    """Looks at the cluster, the spool and the intent in turn, until stopped. Bad input keeps the last good."""

    def __init__(self, config: CollectorConfig, ranges: Ranges | None, log: Callable[[str], None]) -> None:
        self._config = config
        self._log = log
        self._names = Names(ranges)
        self._store = Store(config.state.store)
        self._control = Control(config.state, log)
        self._cluster: Cluster | None = None
        self._cluster_seen: Signature = frozenset()
        self._cluster_at_us = 0
        self._control_seen: tuple[Signature, ...] = ()
        self._troubles: dict[str, str] = {}

    def run(self, stop: Stoppable) -> None:
        """Until `stop` is set; the pass under way is finished. UsageError when another collector has the folder."""
        state = self._config.state
        state.spool.mkdir(parents=True, exist_ok=True)
        with _alone(state):
            self._store.open()
            ingest = Ingest(state, self._store, self._known_agents(), self._log)
            self._control.open()
            self._log(f"collector: {state.folder} from {self._config.cluster}")
            while True:
                self._pass(ingest)
                if stop.wait(self._config.tick):
                    break
            self._log("collector: stopped")

    def _pass(self, ingest: Ingest) -> None:
        self._try("cluster", self._look_at_cluster)
        if self._cluster is not None:
            self._try("control", partial(self._steer, self._cluster, ingest.agents))
            self._try("store", partial(self._collect, ingest))

    def _collect(self, ingest: Ingest) -> bool:
        before = ingest.agents
        ingest.run(self._names)
        self._store.compact()
        if ingest.agents != before:
            write_agents(self._config.state, ingest.agents)
        return True

    def _look_at_cluster(self) -> bool:
        seen = signature(self._config.cluster)
        if seen == self._cluster_seen:
            return False
        # Remembered first: what cannot be read is told once, and tried again when it changes.
        before, self._cluster_seen = self._cluster_seen, seen
        reading = read_cluster(read_documents([self._config.cluster]))
        now = time.time_ns() // 1000
        changed = max((mtime // 1000 for _, mtime, _ in seen - before), default=now)
        at = changed if self._cluster_at_us < changed <= now else now
        self._names.observe(reading.cluster, at)
        self._cluster, self._cluster_at_us = reading.cluster, at
        return True

    def _steer(self, cluster: Cluster, agents: Agents) -> bool:
        intent_file = signature(self._config.state.intent)
        intent = read_intent(self._config.state)
        seen = (self._cluster_seen, intent_file, *(signature(path) for path in _policy_paths(intent)))
        applied = max((agent.revision for agent in agents.agents.values()), default=0)
        if seen == self._control_seen and applied <= self._control.revision:
            return False
        self._control_seen = seen
        try:
            nodes = self._control.update(cluster, intent, applied)
        except OSError:
            self._control_seen = ()  # the disk may recover without anything else changing
            raise
        if nodes:
            self._log(f"control: revision {self._control.revision} for {', '.join(sorted(nodes))}")
        return True

    def _known_agents(self) -> Agents:
        try:
            return read_agents(self._config.state)
        except UsageError as error:
            self._log(f"agents: {error}")
            return Agents()

    def _try(self, part: str, step: Callable[[], bool]) -> None:
        """Take a step that says whether it did anything. Tell each new trouble once, in one line, and its end."""
        try:
            if step() and self._troubles.pop(part, ""):
                self._log(f"{part}: fine again")
        except (FairwayError, OSError) as error:
            first, *more = str(error).splitlines() or [type(error).__name__]
            trouble = f"{first} (and {len(more)} more)" if more else first
            if self._troubles.get(part) != trouble:
                self._log(f"{part}: {trouble}; the last good state stays")
            self._troubles[part] = trouble


def _policy_paths(intent: Intent) -> list[Path]:
    choices = (intent.active, intent.staged)
    return [Path(choice.policies) for choice in choices if choice and choice.policies is not None]


@contextmanager
def _alone(state: State) -> Iterator[None]:
    """Hold the folder's lock; the kernel drops it when the process ends, however it ends."""
    with state.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip()
            raise UsageError(
                f"{state.folder}: process {owner} collects here; stop it, or give another --state"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
