"""Fairway's own programs on the lab, run as on any cluster: an agent per node, and the hub."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from fairway.hub.auth import Role
from fairway.hub.client import hub_of, read_door
from fairway.hub.control import node_feeds, read_feed
from fairway.hub.intent import Intent, read_intent, write_intent
from fairway.hub.state import State
from fairway.hub.store import read_edges
from fairway.kit.documents import read_documents
from fairway.kit.errors import EnvironmentLacksError
from fairway.lab.certificate import make_certificate
from fairway.lab.extras import CommandResult
from fairway.lab.lab import Lab
from fairway.lab.passing import LOOPBACK
from fairway.lab.pins import pins_of, remove_pins
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster
from fairway.wire.edge import Edge
from fairway.wire.rules import NodeFeed

PORT: Final = 8480
"""Where the hub answers, on every node's own loopback."""
METRICS_PORT: Final = 9410
"""Where each agent serves its metrics, on all its node's addresses."""
PATIENCE: Final = 45.0
"""Seconds for all agents to take up what they are told; milliseconds are normal, but a busy machine may have to
start a dozen agents at once."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The agents and the hub of one lab. `interval` is the agents', in seconds; `compat_window` that of what they
    tell under the names of Amazon's agent."""

    lab: Lab
    interval: float = 1.0
    compat_window: float = 10.0

    @property
    def state(self) -> State:
        return State(self.lab.config.directory / "fairway")

    def cluster(self) -> Cluster:
        """The lab's cluster as it is now."""
        return read_cluster(read_documents([self.lab.cluster_dir])).cluster

    def edges(self) -> list[Edge]:
        """All that was seen since the start."""
        return read_edges(self.state.folder)

    def start(self) -> None:
        """Start everything anew: nothing seen, nothing in force. Returns once every agent is at work."""
        shutil.rmtree(self.state.folder, ignore_errors=True)
        self.state.folder.mkdir(parents=True)
        self.start_hub()
        for node in self.lab.nodes:
            self._spawn_agent(node.name, node.netns)
        self.intend(Intent())

    def start_hub(self) -> None:
        """Start the hub over the state folder as it is, and wait until it answers."""
        certificate, key = make_certificate(self.state.folder / "tls")
        self.state.door.unlink(missing_ok=True)
        hub = ["hub", "--state", self.state.folder, "--cluster", self.lab.cluster_dir]
        hub += ["--ranges", self.lab.ranges_file, "--listen", "127.0.0.1:0", "--cert", certificate, "--key", key]
        hub += ["--metric-edges", 1000]
        netns = [node.netns for node in self.lab.nodes]
        passing = [sys.executable, "-m", "fairway.lab.passing", str(PORT), *netns, "--"]
        self.lab.spawn("hub", [*passing, *_fairway(hub)])
        self._wait("reach the hub", self._hub_ready, ["hub"])

    def _hub_ready(self) -> bool:
        try:
            return read_door(self.state) is not None and hub_of(self.state).ready()
        except EnvironmentLacksError:
            return False

    def caught_up(self) -> None:
        """Wait until what every agent saw up to now can be asked for."""
        # First sights come at once, and their flows with the next interval.
        then_us = time.time_ns() // 1000 + int(2e6 * self.interval)
        nodes = [node.name for node in self.lab.nodes]

        def told() -> bool:
            agents = hub_of(self.state).agents().agents
            return all(node in agents and agents[node].last_seen_us >= then_us for node in nodes)

        self._wait("tell what they saw", told)

    def stop(self) -> None:
        """Stop everything; agents take their programs off, so that nothing stays in force."""
        for node in self.lab.nodes:
            self.lab.stop(f"agent-{node.name}")
        self.lab.stop("hub")
        remove_pins(self.lab.config.name)

    def intend(self, intent: Intent) -> None:
        """Want `intent`, and wait until every agent holds its node to it."""
        write_intent(self.state, intent)
        self.settle()

    def settle(self) -> None:
        """Wait until every agent holds its node to what is wanted, over the cluster as it is by then."""
        intent = read_intent(self.state)
        self._wait("take up the rules", lambda: self._applied(node_feeds(self.cluster(), intent, 0)))

    def run_job(self) -> CommandResult:
        """Run the batch job. Its container starts once every node knows the new pod's address, as a cluster's
        containers start after their pod's network is there: a server's node cannot tell whose address it is before.
        """
        return self.lab.run_job(self.settle)

    def _applied(self, expected: dict[str, NodeFeed]) -> bool:
        told = hub_of(self.state).agents().agents
        for node, feed in expected.items():
            given = read_feed(self.state, node)
            if given is None or node not in told or told[node].revision < given.table.revision:
                return False
            table = msgspec.structs.replace(given.table, revision=0)
            if msgspec.structs.replace(given, table=table) != feed:
                return False
        return True

    def _wait(self, what: str, happened: Callable[[], bool], programs: Sequence[str] = ()) -> None:
        deadline = time.monotonic() + PATIENCE
        names = programs or ["hub", *(f"agent-{node.name}" for node in self.lab.nodes)]
        missing: set[str] = set()
        while not happened():
            # One that is just becoming another program has no name for a moment.
            before, missing = missing, {name for name in names if not self.lab.running(name)}
            if dead := sorted(before & missing):
                raise EnvironmentLacksError(f"{dead[0]} ended: {last_line(self.lab.log(dead[0]))}")
            if time.monotonic() > deadline:
                raise EnvironmentLacksError(
                    f"agents did not {what} within {PATIENCE:.0f} s; see {self.lab.config.logs}"
                )
            time.sleep(0.1)

    def _spawn_agent(self, node: str, netns: str) -> None:
        agent: list[object] = ["agent", "--node", node, "--hub", f"https://{LOOPBACK}:{PORT}"]
        agent += ["--token-file", self.state.token(Role.AGENT), "--ca-file", self.state.folder / "tls" / "hub.crt"]
        agent += ["--spool", self.state.folder / "spool" / node, "--pins", pins_of(self.lab.config.name) / node]
        agent += ["--interval", self.interval, "--detach", "--metrics", f":{METRICS_PORT}"]
        agent += ["--compat", "aws", "--compat-window", self.compat_window, "--instance-id", f"i-{node}"]
        self.lab.spawn(f"agent-{node}", _fairway(agent), netns)


def _fairway(arguments: Sequence[object]) -> list[str]:
    return [sys.executable, "-m", "fairway.cli.main", *map(str, arguments)]


def last_line(log: Path) -> str:
    """The last thing a program said."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"
