"""Agents that a test plays: every node's obeys at once what the hub wants, and says so with each report."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fairway.hub.control import read_feed
from fairway.wire.words import Initiator, Reason, Verdict
from support.hubs import Serving
from support.reports import SECOND, report

_EVERY = 0.2
PORT = 9999
"""Where each node's first pod calls the first pod of `carts`, in ordinary times."""


class Obedient:
    """`denied` are nodes whose next call is denied; each tells so once."""

    def __init__(self, hub: Serving) -> None:
        cluster = hub.answers.hub.require_ready()
        self._hub = hub
        self._pods = {pod.node: pod for pod in cluster.pods if pod.addresses and not pod.host_network}
        self._server = next(pod.addresses[0] for pod in cluster.pods if pod.namespace == "carts")
        self._sequences, self._boot = itertools.count(1), f"b{time.time_ns()}"
        self.nodes = sorted(self._pods)
        self.denied: set[str] = set()

    def beat(self) -> None:
        """One report of each node."""
        at, sequence = time.time_ns() // 1000, next(self._sequences)
        for node, pod in self._pods.items():
            feed = read_feed(self._hub.state, node)
            told: dict[str, Any] = {"connections": 1, "tx_packets": 3, "rx_packets": 3}
            if node in self.denied:
                self.denied.discard(node)
                told = {"verdict": Verdict.DENY, "reason": Reason.NO_RULE, "denied": 4, "tx_packets": 4}
            batch = report(
                pod.addresses[0],
                self._server,
                PORT,
                Initiator.POD,
                name=(node, pod.namespace, pod.name),
                boot=self._boot,
                sequence=sequence,
                at=at - SECOND,
                revision=feed.table.revision if feed else 0,
                **told,
            )
            assert self._hub.post(batch).status_code == 200


@contextmanager
def obedient(hub: Serving) -> Iterator[Obedient]:
    """They report until the end."""
    agents, ended = Obedient(hub), threading.Event()

    def report_on() -> None:
        while not ended.wait(_EVERY):
            agents.beat()

    thread = threading.Thread(target=report_on)
    agents.beat()
    thread.start()
    try:
        yield agents
    finally:
        ended.set()
        thread.join()
