"""Fairway's own programs on the lab, run as on any cluster: an agent per node, and the collector."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from fairway.hub.agents import read_agents
from fairway.hub.control import node_feeds, read_feed
from fairway.hub.intent import Intent, read_intent, write_intent
from fairway.hub.state import State
from fairway.hub.store import read_edges
from fairway.kit.documents import read_documents
from fairway.kit.errors import EnvironmentLacksError
from fairway.lab.extras import CommandResult
from fairway.lab.lab import Lab
from fairway.lab.pins import pins_of, remove_pins
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster
from fairway.wire.edge import Edge
from fairway.wire.rules import NodeFeed

PATIENCE: Final = 45.0
"""Seconds for all agents to take up what they are told; milliseconds are normal, but a busy machine may have to
start a dozen agents at once."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The agents and the collector of one lab. `interval` is the agents', in seconds."""

    lab: Lab
    interval: float = 1.0

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
        collect = ["collect", "--state", self.state.folder, "--cluster", self.lab.cluster_dir]
        self._spawn("collector", [*collect, "--ranges", self.lab.ranges_file])
        for node in self.lab.nodes:
            self._spawn_agent(node.name, node.netns)
        self.intend(Intent())

    def stop(self) -> None:
        """Stop everything; agents take their programs off, so that nothing stays in force."""
        for node in self.lab.nodes:
            self.lab.stop(f"agent-{node.name}")
        self.lab.stop("collector")
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
        told = read_agents(self.state).agents
        for node, feed in expected.items():
            given = read_feed(self.state, node)
            if given is None or node not in told or told[node].revision < given.table.revision:
                return False
            table = msgspec.structs.replace(given.table, revision=0)
            if msgspec.structs.replace(given, table=table) != feed:
                return False
        return True

    def _wait(self, what: str, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        names = ["collector", *(f"agent-{node.name}" for node in self.lab.nodes)]
        while not happened():
            dead = next((name for name in names if not self.lab.running(name)), None)
            if dead is not None:
                raise EnvironmentLacksError(f"{dead} ended: {last_line(self.lab.log(dead))}")
            if time.monotonic() > deadline:
                raise EnvironmentLacksError(
                    f"agents did not {what} within {PATIENCE:.0f} s; see {self.lab.config.logs}"
                )
            time.sleep(0.1)

    def _spawn_agent(self, node: str, netns: str) -> None:
        agent = ["agent", "--node", node, "--control", self.state.control / f"{node}.json"]
        agent += ["--spool", self.state.spool, "--pins", pins_of(self.lab.config.name) / node]
        self._spawn(f"agent-{node}", [*agent, "--interval", self.interval, "--detach"], netns)

    def _spawn(self, name: str, arguments: list[object], netns: str | None = None) -> None:
        self.lab.spawn(name, [sys.executable, "-m", "fairway.cli.main", *map(str, arguments)], netns)


def last_line(log: Path) -> str:
    """The last thing a program said."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"
