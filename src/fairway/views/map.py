"""The map in words: nodes, edges, what moved on them, and what policies make of these."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, Self

import msgspec

Grain = Literal["workload", "replica"]
OUTSIDE: Final = "external *"
"""The id of all networks outside, where they are shown as one."""

Standing = Literal["denied", "would-deny", "unprotected", "unknown", "allowed"]
"""What policies make of an edge, the worst first. `unprotected`: they isolate neither end, so everything passes."""
Judged = tuple[Standing, tuple[str, ...]]
"""A standing, and the titles of the rules that allow it."""


class End(NamedTuple):
    """One end of a relation: a workload as `Kind/name`, or another end's name; of a single pod which, and where."""

    kind: str
    namespace: str
    group: str
    replica: str = ""
    node: str = ""


class Relation(NamedTuple):
    """What policies judge: who calls whom, on which port (0: not known), and the Service that was dialled."""

    client: End
    server: End
    port: int
    protocol: str
    service: str


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


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What moved, each flow counted once. `timeouts` are expiries of TCP's retransmission timer; `failed`
    connections were refused or never answered, `severed` ones given up, `unjudged` ones held against no policy set.
    `rtt_us` and `connect_us` are means, null where none is known."""

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
    rtt_us: int | None = None
    connect_us: int | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row of sums: these, and of each time its sum and count."""
        told: dict[str, Any] = {name: row[name] for name in COUNTERS}
        return cls(**told, **means(row))


COUNTERS: Final = tuple(name for name in Sums.__struct_fields__ if not name.endswith("_us"))
"""What is added up, and makes an edge worth telling."""


class MapEdge(Sums, frozen=True, kw_only=True):
    """All that moved between two nodes; `sent` is from the client to the server. `ports` as `TCP 8080`, the most
    bytes first; `services` are those dialled. `cross_zone_bytes` are of both directions, `cost` is theirs by the
    price table, and `unpriced_bytes` have no price there. `members` counts the pairs of nodes it stands for.
    `standing` is the worst of theirs by the policies of now and what was denied; `rules` allow it."""

    client: str
    server: str
    ports: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    cross_zone_bytes: int = 0
    unpriced_bytes: int = 0
    cost: float = 0.0
    members: int = 1
    standing: Standing = "unknown"
    rules: tuple[str, ...] = ()


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes by id, edges by client and server. `parts` are the nodes that stand behind a collapsed one."""

    nodes: list[Node]
    edges: list[MapEdge]
    parts: dict[str, tuple[Node, ...]] = {}


def means(row: Mapping[str, int]) -> dict[str, Any]:
    """The two times that sums tell of, by what they are called there."""
    return {
        "rtt_us": mean(row["srtt_sum_us"], row["srtt_count"]),
        "connect_us": mean(row["connect_sum_us"], row["connect_count"]),
    }


def mean(total: int, count: int) -> int | None:
    """In whole microseconds; None of nothing."""
    return total // count if count else None
