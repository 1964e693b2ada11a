"""Agents that a test plays, for rollouts: they obey at once, and what they see is as told."""

import threading
import time
from collections.abc import Callable
from typing import Any

from fairway.hub.control import read_feed
from fairway.wire.words import Initiator
from support.asking import ask
from support.hubs import Serving, until
from support.reports import DB, ORDERS, SECOND, UI, UI2, report

PATH = "/api/v1/rollouts"
NODES = {"node-a": UI, "node-b": ORDERS, "node-c": DB}
_NEIGHBOUR = {"node-a": UI2, "node-b": DB, "node-c": ORDERS}
"""Who calls a node's pod in ordinary times, which the policy allows."""


class Agents:
    """The agents of all nodes: they obey at once, and say so with every report."""

    def __init__(self, hub: Serving) -> None:
        self.hub = hub
        self.boot = f"b{time.time_ns()}"
        self.sequence = 0
        self.batches = hub.answers.hub.agents.totals.batches
        self.deaf: set[str] = set()
        self.more: list[Any] = []

    def beat(self) -> None:
        """One report of each node."""
        self.sequence += 1
        at = time.time_ns() // 1000
        told = self.more, self.more = self.more, []
        for node, pod in NODES.items():
            feed = read_feed(self.hub.state, node)
            revision = feed.table.revision if feed and node not in self.deaf else 0
            usual = {"remote": _NEIGHBOUR[node], "port": 8080}
            fields = next((more for where, more in told[0] if where == node), usual)
            fields = {"initiator": Initiator.REMOTE, "connections": 1, "tx_packets": 3, "rx_packets": 3, **fields}
            batch = report(pod, sequence=self.sequence, boot=self.boot, at=at - SECOND, revision=revision, **fields)
            assert self.hub.post(batch).status_code == 200
        self.batches += len(NODES)

    def arrived(self) -> None:
        """All that was reported can be asked for."""
        until(lambda: self.hub.answers.hub.agents.totals.batches >= self.batches)

    def until(self, what: Callable[[Any], bool], name: str = "shop") -> Any:
        deadline = time.monotonic() + 60
        while True:
            found = ask(self.hub, "GET", f"{PATH}/{name}").json()
            if what(found):
                return found
            assert time.monotonic() < deadline, (found["phase"], found["waits"], found["gates"])
            self.beat()
            threading.Event().wait(0.05)


def phase(name: str) -> Callable[[Any], bool]:
    """Is a rollout there?"""
    return lambda found: found["phase"] == name
