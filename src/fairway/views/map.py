"""The map in words: nodes, edges, and what policies make of these."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

Grain = Literal["workload", "replica"]
OUTSIDE: Final = "external *"
"""The id of all networks outside, where they are shown as one."""

Standing = Literal["denied", "would-deny", "unprotected", "unknown", "allowed"]
"""What policies make of an edge, the worst first. `unprotected`: they isolate neither end, so everything passes."""
Judged = tuple[Standing, tuple[str, ...]]
"""A standing, and the titles of the rules that allow it."""
Row = Mapping[str, Any]


class Behind(msgspec.Struct, frozen=True):
    """What a Service and port lead to: workloads as (namespace, `Kind/name`), and ports of their own."""

    workloads: tuple[tuple[str, str], ...]
    ports: tuple[int, ...]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A workload, pod, namespace, Service, node, cloud service or network outside. `id` is what edges say.
    `members` counts the nodes that it stands for, where it is a collapsed namespace or the whole outside."""

    id: str
    kind: str
    namespace: str
    name: str
    replica: str = ""
    node: str = ""
    members: int = 1
    sent_bytes: int = 0
    received_bytes: int = 0


class MapEdge(msgspec.Struct, frozen=True, kw_only=True):
    """All that moved between two nodes; `sent` is from the client to the server. `ports` as `TCP 8080`, the most
    bytes first; `services` are those dialled. Means of times are null
    where none is known; `cross_zone_bytes` are of both directions, `cost` is theirs by the price table, and
    `unpriced_bytes` have no price there. `members` counts the pairs of nodes it stands for. `standing` is the worst
    of theirs by the policies of now and what was denied; `rules` allow it."""

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
    unpriced_bytes: int = 0
    cost: float = 0.0
    rtt_us: int | None = None
    connect_us: int | None = None
    members: int = 1
    standing: Standing = "unknown"
    rules: tuple[str, ...] = ()


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes by id, edges by client and server. `parts` are the nodes that stand behind a collapsed one."""

    nodes: list[Node]
    edges: list[MapEdge]
    parts: dict[str, tuple[Node, ...]] = {}


def mean(total: int, count: int) -> int | None:
    """In whole microseconds; None of nothing."""
    return total // count if count else None
