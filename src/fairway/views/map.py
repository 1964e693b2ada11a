"""The map: who talks to whom as nodes and edges, out of sums per pair of ends, port and Service dialled.

A connection to a Service is told twice: the client's agent names the Service, the backends' agents name themselves.
The traffic counts once, as the backend's; what only the client's agent knows (its retransmissions, its denials) is
laid on the backend's edge where all backends are one workload, and stays with the Service where they are several.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

Grain = Literal["workload", "replica"]
_EVENTS: Final = (
    *("connections", "sent_bytes", "received_bytes", "sent_packets", "received_packets"),
    *("failed", "resets", "severed", "retransmissions", "handshake_retransmissions"),
    *("timeouts", "handshake_timeouts", "denied", "would_deny", "unjudged"),
)
"""What is added up, and makes an edge worth telling."""
_TIMES: Final = ("srtt_sum_us", "srtt_count", "connect_sum_us", "connect_count")
_SUMS: Final = (*_EVENTS, *_TIMES)
INTER_ZONE: Final = "inter-zone"


class Behind(msgspec.Struct, frozen=True):
    """What a Service and port lead to: workloads as (namespace, `Kind/name`), and ports of their own."""

    workloads: tuple[tuple[str, str], ...]
    ports: tuple[int, ...]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A workload, pod, namespace, Service, node, cloud service or network outside. `id` is what edges say."""

    id: str
    kind: str
    namespace: str
    name: str
    replica: str = ""
    node: str = ""
    sent_bytes: int = 0
    received_bytes: int = 0


class MapEdge(msgspec.Struct, frozen=True, kw_only=True):
    """All that moved between two nodes; `sent` is from the client to the server. `ports` as `TCP 8080`, the most
    bytes first; `services` are those dialled. Means of times are null
    where none is known; `cross_zone_bytes` are of both directions."""

    client: str
    server: str
    ports: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    connections: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    sent_packets: int = 0
    received_packets: int = 0
    failed: int = 0
    resets: int = 0
    severed: int = 0
    retransmissions: int = 0
    handshake_retransmissions: int = 0
    timeouts: int = 0
    handshake_timeouts: int = 0
    denied: int = 0
    would_deny: int = 0
    unjudged: int = 0
    cross_zone_bytes: int = 0
    rtt_us: int | None = None
    connect_us: int | None = None


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes by id, edges by client and server."""

    nodes: list[Node]
    edges: list[MapEdge]


@dataclass(slots=True)
class _Sum:
    """One edge while it is added up."""

    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMS, 0))
    ports: dict[str, int] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)
    cross_zone_bytes: int = 0

    def add(self, row: Mapping[str, Any], port: str) -> None:
        volume = row["sent_bytes"] + row["received_bytes"]
        for name in _SUMS:
            self.counters[name] += row[name]
        if port:
            self.ports[port] = self.ports.get(port, 0) + volume
        if row["service"]:
            self.services.add(row["service"])
        self.categories.add(row["category"])
        self.cross_zone_bytes += volume if row["category"] == INTER_ZONE else 0

    def edge(self, client: str, server: str) -> MapEdge:
        held = self.counters
        return MapEdge(
            client=client,
            server=server,
            ports=tuple(sorted(self.ports, key=lambda port: (-self.ports[port], port))),
            services=tuple(sorted(self.services)),
            categories=tuple(sorted(self.categories - {"unknown"})) or ("unknown",),
            cross_zone_bytes=self.cross_zone_bytes,
            rtt_us=mean(held["srtt_sum_us"], held["srtt_count"]),
            connect_us=mean(held["connect_sum_us"], held["connect_count"]),
            **{name: held[name] for name in _EVENTS},
        )


def mean(total: int, count: int) -> int | None:
    """In whole microseconds; None of nothing."""
    return total // count if count else None


def graph_of(
    rows: Iterable[Mapping[str, Any]],
    behind: Mapping[str, Behind],
    grain: Grain = "workload",
    collapsed: Collection[str] = (),
) -> Graph:
    """The map of sums as the catalogue's `map_edges` answers them. Namespaces in `collapsed`, or all for `*`, are
    one node each; what moves within one of them is an edge to itself."""
    nodes: dict[str, Node] = {}
    sums: dict[tuple[str, str], _Sum] = {}
    for told in rows:
        row, port = _backed(told, behind.get(told["service"]), grain)
        if row["server_kind"] == "service" and not any(row[name] for name in _EVENTS):
            continue  # all of it is its backends'
        client, server = (_node(row, end, grain, collapsed) for end in ("client", "server"))
        sums.setdefault((client.id, server.id), _Sum()).add(row, port)
        sent, received = row["sent_bytes"], row["received_bytes"]
        for node, out, back in ((client, sent, received), (server, received, sent)):
            held = nodes.setdefault(node.id, node)
            nodes[node.id] = msgspec.structs.replace(
                held, sent_bytes=held.sent_bytes + out, received_bytes=held.received_bytes + back
            )
    return Graph(
        nodes=[nodes[name] for name in sorted(nodes)],
        edges=[held.edge(*ends) for ends, held in sorted(sums.items())],
    )


def _backed(row: Mapping[str, Any], behind: Behind | None, grain: Grain) -> tuple[Mapping[str, Any], str]:
    """A row of a Service's as one of the workload behind it, if there is only one; and its port as a word."""
    port = row["port"]
    if row["server_kind"] == "service" and grain == "workload" and behind and len(behind.workloads) == 1:
        namespace, workload = behind.workloads[0]
        port = behind.ports[0] if len(behind.ports) == 1 else 0
        row = {**row, "server_kind": "pod", "server_namespace": namespace, "server_group": workload}
    return row, f"{row['protocol']} {port}" if port else "" if row["port"] else row["protocol"]


def _node(row: Mapping[str, Any], end: str, grain: Grain, collapsed: Collection[str]) -> Node:
    kind, namespace, group = (row[f"{end}_{name}"] for name in ("kind", "namespace", "group"))
    if namespace and ("*" in collapsed or namespace in collapsed):
        return Node(id=f"namespace {namespace}", kind="namespace", namespace=namespace, name=namespace)
    whole = f"{namespace}/{group}" if namespace else group
    if grain == "workload" or kind != "pod":
        return Node(id=f"{kind} {whole}", kind=kind, namespace=namespace, name=group)
    replica = row[f"{end}_replica"]
    return Node(
        id=f"{kind} {namespace}/{replica}",
        kind=kind,
        namespace=namespace,
        name=group,
        replica=replica,
        node=row[f"{end}_node"],
    )
