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


@dataclass(slots=True)
class Opened:
    """Connections opened and segments sent again, since this agent started; by pod, and for the node.

    `connections` are (ingress, egress). A pod that went away is left out of the pods, never of the node.
    """

    connections: dict[str, tuple[int, int]] = field(default_factory=dict)
    retransmissions: dict[str, int] = field(default_factory=dict)
    node: dict[str, int] = field(default_factory=dict)

    def count(self, rows: NDArray[np.void], rest: NDArray[np.void], pods: list[NodePod]) -> None:
        """Add an interval: all its conversations, told or not, and what no conversation has."""
        numbers, size = rows["pod"].astype("i8"), len(pods)
        by_pod = {}
        for name, kept in (
            ("ingress", rows["initiator"] == Initiator.REMOTE),
            ("egress", rows["initiator"] == Initiator.POD),
        ):
            by_pod[name] = np.bincount(numbers[kept], rows["connections"][kept], size).astype("i8").tolist()
        again = np.bincount(numbers, rows["retransmissions"], size).astype("i8").tolist()
        connections, retransmissions = {}, {}
        for index, pod in enumerate(pods):
            before = self.connections.get(pod.uid, (0, 0))
            connections[pod.uid] = (before[0] + by_pod["ingress"][index], before[1] + by_pod["egress"][index])
            retransmissions[pod.uid] = self.retransmissions.get(pod.uid, 0) + again[index]
        self.connections, self.retransmissions = connections, retransmissions
        self._count_node(
            {**{f"{way}_connections": sum(counts) for way, counts in by_pod.items()}, "retransmissions": sum(again)}
        )
        for way, name in (("egress", "tx"), ("ingress", "rx")):
            for what in ("packets", "bytes"):
                column = f"{name}_{what}"
                self._count_node({f"{way}_{what}": int(rows[column].sum()) + int(rest[column].sum())})

    def _count_node(self, more: dict[str, int]) -> None:
        for name, count in more.items():
            self.node[name] = self.node.get(name, 0) + count


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
