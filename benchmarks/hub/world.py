"""A cluster to measure with: nodes, workloads of several pods, who calls whom, and what agents tell of it.

SIMULATED, from assumptions written here: every workload calls `calls` others through their Services, each pod asks
DNS, one in four goes to an address outside. A pod-to-pod conversation is told by both ends' agents. Counters are
drawn log-normally around a mean of each conversation's own.
"""

import json
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairway.wire import batch as wire
from fairway.wire.address import packed
from fairway.wire.rules import NodePod
from fairway.wire.words import Initiator

SECOND: Final = 1_000_000
JITTER_US: Final = 2_000
"""Standard deviation of the moment at which an agent's interval ends."""
_PORTS: Final = (80, 443, 3306, 5432, 6379, 8080, 8443, 9092)
_TCP, _UDP, _DNS = 6, 17, 53
_PER_NAMESPACE: Final = 10
_ZONES: Final = 3


@dataclass(frozen=True)
class Size:
    """Of the cluster; `calls` is the number of other workloads that each one calls, `spread` of how many backends
    behind their Services each pod sees one interval's connections land on."""

    nodes: int
    pods: int
    workloads: int
    calls: int = 4
    spread: int = 1


class World:
    """`rows[i]` are what the agent of node i could tell in one interval, without times and counters."""

    def __init__(self, size: Size, seed: int = 1) -> None:
        self.size = size
        self._rng = np.random.default_rng(seed)
        self.workload = np.arange(size.pods) % size.workloads
        self.node = self._rng.permutation(size.pods) % size.nodes
        self.address = [f"10.{64 + pod // 65536}.{pod // 256 % 256}.{pod % 256}" for pod in range(size.pods)]
        self.port = self._rng.choice(_PORTS, size.workloads)
        self._packed = np.frombuffer(b"".join(map(packed, self.address)), "V16")
        self._services = np.frombuffer(b"".join(packed(service(w)) for w in range(size.workloads)), "V16")
        self._index = np.empty(size.pods, np.int64)
        for node in range(size.nodes):
            here = np.flatnonzero(self.node == node)
            self._index[here] = np.arange(len(here))
        told = np.concatenate(self._conversations())
        whose = self._whose
        order = np.argsort(whose, kind="stable")
        bounds = np.searchsorted(whose[order], np.arange(size.nodes + 1))
        self.rows = [told[order[a:b]] for a, b in pairwise(bounds)]

    def _conversations(self) -> list[NDArray[np.void]]:
        size, rng = self.size, self._rng
        parts, whose = [], []
        for number in range(size.calls):
            called = (self.workload + 1 + 7 * number + self.workload % 5) % size.workloads
            # A call lands on any of the workload's pods.
            replicas = (size.pods - 1 - called) // size.workloads + 1
            first = rng.integers(0, replicas)
            port = self.port[called]
            client = np.arange(size.pods)
            parts.append(self._told(client, self._services[called], port, Initiator.POD))
            whose.append(self.node[client])
            for turn in range(size.spread):
                server = called + size.workloads * ((first + turn) % replicas)
                parts.append(self._told(server, self._packed[client], port, Initiator.REMOTE))
                whose.append(self.node[server])
        everyone = np.arange(size.pods)
        dns = self._told(everyone, np.frombuffer(packed(service(0)) * size.pods, "V16"), _DNS, Initiator.POD)
        dns["protocol"] = _UDP
        outside = np.flatnonzero(everyone % 4 == 0)
        addresses = b"".join(packed(f"198.51.{pod % 99}.{pod % 251}") for pod in outside)
        parts += [dns, self._told(outside, np.frombuffer(addresses, "V16"), 443, Initiator.POD)]
        self._whose = np.concatenate([*whose, self.node, self.node[outside]])
        return parts

    def _told(self, pod: NDArray[Any], remote: NDArray[Any], port: Any, initiator: Initiator) -> NDArray[np.void]:
        rows = np.zeros(len(pod), wire.RECORD)
        rows["family"], rows["protocol"], rows["initiator"] = 4, _TCP, initiator
        rows["pod"], rows["port"], rows["verdict"] = self._index[pod], port, 1
        rows["pod_address"], rows["remote_address"] = self._packed[pod], remote
        rows["tx_bytes"] = self._rng.lognormal(8, 2, len(pod)) + 60
        rows["rx_bytes"] = self._rng.lognormal(9, 2, len(pod)) + 60
        return rows

    def batch(self, node: int, sequence: int, end_us: int, seconds: int, flows: int, boot: str = "b") -> wire.Batch:
        """What a node's agent tells of an interval; `flows` at most."""
        rng = np.random.default_rng((node, sequence))
        rows = np.resize(self.rows[node], flows) if len(self.rows[node]) > flows else self.rows[node].copy()
        start = end_us - seconds * SECOND
        draw(rows, rng)
        rows["first_us"] = start + rng.integers(0, seconds * SECOND // 4, len(rows))
        rows["last_us"] = end_us - rng.integers(0, seconds * SECOND // 4, len(rows))
        pods = tuple(
            NodePod(
                f"uid-{pod}", namespace(self.workload[pod]), name(pod, self.workload[pod]), (self.address[pod],)
            )
            for pod in np.flatnonzero(self.node == node)
        )
        header = wire.Header(
            node=f"node-{node}", boot=boot, sequence=sequence, start_us=start, end_us=end_us, pods=pods
        )
        return wire.Batch(header, rows)

    def write(self, folder: Path) -> None:
        """The cluster's manifests."""
        folder.mkdir(parents=True, exist_ok=True)
        nodes = [
            {
                "kind": "Node",
                "metadata": {
                    "name": f"node-{i}",
                    "labels": {"topology.kubernetes.io/zone": f"1{'abc'[i % _ZONES]}"},
                },
                "status": {"addresses": [{"type": "InternalIP", "address": str(ip_address("10.32.0.0") + i)}]},
            }
            for i in range(self.size.nodes)
        ]
        pods = [self._pod(pod) for pod in range(self.size.pods)]
        services = [self._service(workload) for workload in range(self.size.workloads)]
        spaces = [
            {"kind": "Namespace", "metadata": {"name": namespace(w)}}
            for w in range(0, self.size.workloads, _PER_NAMESPACE)
        ]
        content = {"kind": "List", "items": [*spaces, *nodes, *services, *pods]}
        (folder / "cluster.json").write_text(json.dumps(content))

    def _pod(self, pod: int) -> dict[str, Any]:
        workload = int(self.workload[pod])
        owner = {"kind": "ReplicaSet", "name": f"app-{workload}-7c9d8b6f5d", "controller": True}
        return {
            "kind": "Pod",
            "metadata": {
                "name": name(pod, workload),
                "namespace": namespace(workload),
                "uid": f"uid-{pod}",
                "labels": {
                    "app.kubernetes.io/name": f"app-{workload}",
                    "app.kubernetes.io/part-of": namespace(workload),
                    "pod-template-hash": "7c9d8b6f5d",
                },
                "ownerReferences": [owner],
            },
            "spec": {
                "nodeName": f"node-{self.node[pod]}",
                "containers": [{"name": "c", "ports": [{"containerPort": int(self.port[workload])}]}],
            },
            "status": {"phase": "Running", "podIPs": [{"ip": self.address[pod]}]},
        }

    def _service(self, workload: int) -> dict[str, Any]:
        return {
            "kind": "Service",
            "metadata": {"name": f"app-{workload}", "namespace": namespace(workload)},
            "spec": {
                "clusterIPs": [service(workload)],
                "selector": {"app.kubernetes.io/name": f"app-{workload}"},
                "ports": [{"port": int(self.port[workload])}, {"port": _DNS, "protocol": "UDP"}],
            },
        }


def draw(rows: NDArray[np.void], rng: np.random.Generator) -> None:
    """Counters of one interval around each conversation's own mean."""
    for way in ("tx", "rx"):
        moved = (rows[f"{way}_bytes"] * rng.lognormal(0, 0.5, len(rows))).astype(np.uint64) + 52
        rows[f"{way}_bytes"], rows[f"{way}_packets"] = moved, moved // 700 + 2
    rows["connections"] = rows["tx_packets"] // 9 + 1
    rows["srtt_us"] = np.where(rows["protocol"] == _TCP, rng.lognormal(6, 0.4, len(rows)), 0)
    rows["retransmissions"] = rng.random(len(rows)) < 0.02


def namespace(workload: int) -> str:
    """The namespace of a workload."""
    return f"team-{workload // _PER_NAMESPACE}"


def name(pod: int, workload: int) -> str:
    """A pod's name."""
    return f"app-{workload}-7c9d8b6f5d-{pod:05x}"


def service(workload: int) -> str:
    """The address of a workload's Service."""
    return f"172.20.{workload // 250}.{workload % 250 + 1}"
