"""Readings: the counters that metrics show, each only growing. Taken at any moment, from any thread."""

import resource
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairway.agent.kernel import Kernel
from fairway.agent.pods import Pods
from fairway.wire.rules import NodePod
from fairway.wire.words import Initiator

_CONNTRACK: Final = Path("/proc/sys/net/netfilter")
_TCP, _UDP = 6, 17
_DNS: Final = 53
_STATM: Final = Path("/proc/self/statm")


class PodReading(NamedTuple):
    """One pod's exact totals since its interface was attached; ingress goes to the pod."""

    interface: int
    pod: NodePod
    ingress_packets: int
    egress_packets: int
    ingress_bytes: int
    egress_bytes: int
    ingress_dropped: int
    egress_dropped: int


class PodOpened(NamedTuple):
    """What a pod's conversations add up to: connections opened to and by it, those of TCP, and of them those that
    failed; segments sent again, expiries of the timer behind them; DNS questions by UDP, and answers to them."""

    ingress: int = 0
    egress: int = 0
    tcp_ingress: int = 0
    tcp_egress: int = 0
    failed_ingress: int = 0
    failed_egress: int = 0
    retransmissions: int = 0
    timeouts: int = 0
    dns_questions: int = 0
    dns_answers: int = 0


@dataclass(slots=True)
class Opened:
    """Sums since this agent started, by pod's uid, and for the node by name.

    A pod that went away is left out of the pods, never of the node.
    """

    pods: dict[str, PodOpened] = field(default_factory=dict)
    node: dict[str, int] = field(default_factory=dict)

    def of(self, pod: NodePod) -> PodOpened:
        """One pod's sums."""
        return self.pods.get(pod.uid, PodOpened())

    def count(self, rows: NDArray[np.void], pods: list[NodePod]) -> None:
        """Add an interval's conversations, told or not."""
        to, by, tcp = (
            rows["initiator"] == Initiator.REMOTE,
            rows["initiator"] == Initiator.POD,
            rows["protocol"] == _TCP,
        )
        asked = rows[by & (rows["protocol"] == _UDP) & (rows["port"] == _DNS)]
        sums = [
            *(_by_pod(rows[mine], "connections", len(pods)) for mine in (to, by, to & tcp, by & tcp)),
            *(_by_pod(rows[mine], "failed", len(pods)) for mine in (to, by)),
            *(_by_pod(rows, column, len(pods)) for column in ("retransmissions", "timeouts")),
            *(_by_pod(asked, column, len(pods)) for column in ("tx_packets", "rx_packets")),
        ]
        self.pods = {
            pod.uid: PodOpened(*(old + new for old, new in zip(self.of(pod), more, strict=True)))
            for pod, *more in zip(pods, *sums, strict=True)
        }
        more = {
            "ingress_connections": sum(sums[0]),
            "egress_connections": sum(sums[1]),
            "retransmissions": sum(sums[PodOpened._fields.index("retransmissions")]),
        }
        for name, count in more.items():
            self.node[name] = self.node.get(name, 0) + count

    def count_told(self, told: NDArray[np.void]) -> None:
        """Add what an interval's batch adds up to: the pods' exact totals."""
        for way, prefix in (("ingress", "rx"), ("egress", "tx")):
            for what in ("packets", "bytes"):
                name = f"{way}_{what}"
                self.node[name] = self.node.get(name, 0) + int(told[f"{prefix}_{what}"].sum())


def _by_pod(rows: NDArray[np.void], column: str, pods: int) -> list[int]:
    sums: list[int] = np.bincount(rows["pod"].astype("i8"), rows[column], pods).astype("i8").tolist()
    return sums


def pod_readings(kernel: Kernel, pods: Pods) -> list[PodReading]:
    """Every attached pod's totals, in the order in which they were attached."""
    known = [
        (interface, pod, held[1])
        for interface, pod in list(pods.by_interface.items())  # a copy: the agent's own thread may attach meanwhile
        if (held := pods.enforcement.pods.get(interface)) is not None
    ]
    if not known:
        return []
    _, totals = kernel.tables["totals"].read()
    mine = totals.take([index for _, _, index in known])
    columns = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_dropped", "tx_dropped")
    values = zip(*(mine[name].tolist() for name in columns), strict=True)
    return [PodReading(interface, pod, *row) for (interface, pod, _), row in zip(known, values, strict=True)]


def conntrack() -> dict[str, int]:
    """`count` and `max` of the kernel's connection tracking in this network namespace; empty where it is off."""
    try:
        return {name: int((_CONNTRACK / f"nf_conntrack_{name}").read_text()) for name in ("count", "max")}
    except (OSError, ValueError):
        return {}


def own_use() -> tuple[float, int]:
    """This process's CPU seconds and resident bytes."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, int(_STATM.read_text().split()[1]) * resource.getpagesize()
