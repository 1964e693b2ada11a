"""The map made: who talks to whom as nodes and edges, out of sums per pair of ends, port and Service dialled.

A connection to a Service is told twice: the client's agent names the Service, the backends' agents name themselves.
The traffic counts once, as the backend's; what only the client's agent knows (its retransmissions, its denials) is
laid on the backend's edge where all backends are one workload, and stays with the Service where they are several.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from operator import itemgetter
from typing import Final, get_args

import msgspec

from fairway.cloud.prices import Prices, cost
from fairway.views.map import OUTSIDE, Behind, Grain, Graph, Judged, MapEdge, Node, Row, Standing, mean

_EVENTS: Final = (
    *("connections", "sent_bytes", "received_bytes", "sent_packets", "received_packets"),
    *("failed", "resets", "severed", "retransmissions", "handshake_retransmissions"),
    *("timeouts", "handshake_timeouts", "denied", "would_deny", "unjudged"),
)
"""What is added up, and makes an edge worth telling."""
_TIMES: Final = ("srtt_sum_us", "srtt_count", "connect_sum_us", "connect_count")
_SUMS: Final = (*_EVENTS, *_TIMES)
_counted: Final = itemgetter(*_SUMS)
INTER_ZONE: Final = "inter-zone"
_MOST_RULES: Final = 8
_WORST: Final[Mapping[Standing, int]] = {word: rank for rank, word in enumerate(get_args(Standing))}
_UNKNOWN: Final[Judged] = ("unknown", ())


@dataclass(slots=True)
class _Met:
    """One node while it is added up; `parts` are those behind it, itself where it is not collapsed."""

    node: Node
    parts: dict[str, Node] = field(default_factory=dict)
    sent_bytes: int = 0
    received_bytes: int = 0

    def add(self, whole: Node, sent: int, received: int) -> None:
        self.parts.setdefault(whole.id, whole)
        self.sent_bytes += sent
        self.received_bytes += received

    def told(self) -> Node:
        return msgspec.structs.replace(
            self.node, members=len(self.parts), sent_bytes=self.sent_bytes, received_bytes=self.received_bytes
        )


@dataclass(slots=True)
class _Sum:
    """One edge while it is added up."""

    rows: list[tuple[int, ...]] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    cross_zone_bytes: int = 0
    unpriced_bytes: int = 0
    cost: float = 0.0
    standing: Standing = "allowed"
    rules: set[str] = field(default_factory=set)

    def add(self, row: Row, port: str, per_byte: Callable[[str, str], float | None]) -> None:
        volume = row["sent_bytes"] + row["received_bytes"]
        self.rows.append(_counted(row))
        if port:
            self.ports[port] = self.ports.get(port, 0) + volume
        if row["service"]:
            self.services.add(row["service"])
        self.categories.add(row["category"])
        if row["category"] == INTER_ZONE:
            self.cross_zone_bytes += volume
            here, there = row["from_zone"], row["to_zone"]
            self._bill(row["sent_bytes"], per_byte(here, there))
            self._bill(row["received_bytes"], per_byte(there, here))

    def _bill(self, size: int, price: float | None) -> None:
        self.cost += size * (price or 0.0)
        self.unpriced_bytes += size if price is None else 0

    def judge(self, judged: Judged) -> None:
        standing, rules = judged
        if _WORST[standing] < _WORST[self.standing]:
            self.standing = standing
        self.rules.update(rules)

    def edge(self, client: str, server: str) -> MapEdge:
        held = dict(zip(_SUMS, map(sum, zip(*self.rows, strict=True)), strict=True))
        denied: Standing | None = "denied" if held["denied"] else "would-deny" if held["would_deny"] else None
        return MapEdge(
            client=client,
            server=server,
            ports=tuple(sorted(self.ports, key=lambda port: (-self.ports[port], port))),
            services=tuple(sorted(self.services)),
            categories=tuple(sorted(self.categories - {"unknown"})) or ("unknown",),
            cross_zone_bytes=self.cross_zone_bytes,
            unpriced_bytes=self.unpriced_bytes,
            cost=round(self.cost, 9),
            members=len(self.pairs),
            standing=denied or self.standing,
            rules=tuple(sorted(self.rules)[:_MOST_RULES]),
            rtt_us=mean(held["srtt_sum_us"], held["srtt_count"]),
            connect_us=mean(held["connect_sum_us"], held["connect_count"]),
            **{name: held[name] for name in _EVENTS},
        )


def graph_of(
    rows: Iterable[Row],
    behind: Mapping[str, Behind],
    grain: Grain = "workload",
    collapsed: Collection[str] = (),
    *,
    outside_as_one: bool = False,
    unfolded: Collection[tuple[str, str]] = (),
    prices: Prices = Prices(),  # noqa: B008  # frozen
    judge: Callable[[Row], Judged] | None = None,
) -> Graph:
    """The map of sums as the catalogue's `map_edges` answers them. Namespaces in `collapsed`, or all for `*`, are
    one node each, and all networks outside if `outside_as_one`; what moves within one of them is an edge to itself.
    Workloads in `unfolded`, by namespace and name, are a node for each pod, out of rows of single pods; what nobody
    knows which of them had is the workload's own. `judge` says what policies make of a row."""
    nodes: dict[str, _Met] = {}
    sums: dict[tuple[str, str], _Sum] = {}
    per_byte = lru_cache(maxsize=None)(partial(_per_byte, prices))
    ends = lru_cache(maxsize=None)(partial(_end, frozenset(collapsed), outside_as_one))
    for told in rows:
        row, port = _backed(told, behind.get(told["service"]), grain)
        if row["server_kind"] == "service" and not any(row[name] for name in _EVENTS):
            continue  # all of it is its backends'
        (client, one), (server, other) = (
            ends(
                row[f"{end}_kind"],
                row[f"{end}_namespace"],
                row[f"{end}_group"],
                *_replica(row, end, grain, unfolded),
            )
            for end in ("client", "server")
        )
        pair = client.id, server.id
        if (held := sums.get(pair)) is None:
            held = sums[pair] = _Sum()
            for met in (client, server):
                if met.id not in nodes:
                    nodes[met.id] = _Met(met)
        held.add(row, port, per_byte)
        held.judge(judge(row) if judge else _UNKNOWN)
        held.pairs.add((one.id, other.id))
        sent, received = row["sent_bytes"], row["received_bytes"]
        nodes[client.id].add(one, sent, received)
        nodes[server.id].add(other, received, sent)
    return Graph(
        nodes=[nodes[name].told() for name in sorted(nodes)],
        edges=[held.edge(*pair) for pair, held in sorted(sums.items(), key=lambda item: item[0])],
        parts={name: tuple(met.parts.values()) for name, met in nodes.items() if name not in met.parts},
    )


def _per_byte(prices: Prices, sender: str, receiver: str) -> float | None:
    return cost(1, sender, receiver, prices)


def _backed(row: Row, behind: Behind | None, grain: Grain) -> tuple[Row, str]:
    """A row of a Service's as one of the workload behind it, if there is only one; and its port as a word."""
    port, without = row["port"], not row["port"]
    if row["server_kind"] == "service" and grain == "workload" and behind and len(behind.workloads) == 1:
        namespace, workload = behind.workloads[0]
        port = behind.ports[0] if len(behind.ports) == 1 else 0
        row = {
            **row,
            "server_kind": "pod",
            "server_namespace": namespace,
            "server_group": workload,
            "server_replica": "",
            "server_node": "",
            "port": port,
        }
    return row, f"{row['protocol']} {port}" if port else row["protocol"] if without else ""


def _replica(row: Row, end: str, grain: Grain, unfolded: Collection[tuple[str, str]]) -> tuple[str, str]:
    whole = grain == "workload" and (row[f"{end}_namespace"], row[f"{end}_group"]) not in unfolded
    if whole or row[f"{end}_kind"] != "pod":
        return "", ""
    return row[f"{end}_replica"], row[f"{end}_node"]


def _end(
    collapsed: frozenset[str], outside_as_one: bool, kind: str, namespace: str, group: str, replica: str, node: str
) -> tuple[Node, Node]:
    """An end as it is shown, and as itself."""
    name = replica or group
    own = Node(
        id=f"{kind} {namespace}/{name}" if namespace or replica else f"{kind} {name}",
        kind=kind,
        namespace=namespace,
        name=group,
        replica=replica,
        node=node,
    )
    if namespace and ("*" in collapsed or namespace in collapsed):
        return Node(id=f"namespace {namespace}", kind="namespace", namespace=namespace, name=namespace), own
    if outside_as_one and kind == "external":
        return Node(id=OUTSIDE, kind="external", namespace="", name="outside"), own
    return own, own
