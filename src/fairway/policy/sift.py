"""sift: which recorded edges may make rules, and why the others may not. Observed is not the same as wanted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from fairway.policy.decide import from_own_node
from fairway.policy.directory import Directory
from fairway.policy.labels import workload_of
from fairway.policy.rulings import Rulings
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

PORT_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_NO_BACKEND: Final = "no backend stands behind the Service's port"
_Relation = tuple[str, str, int, str]
"""Client and server workload, port, protocol."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One edge that may make rules: `server` is a real end, never a Service address. `ruling`: who allowed it."""

    client: Endpoint
    server: Endpoint
    port: int
    protocol: str
    service: str
    edge: Edge
    ruling: str = ""


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """Traffic that makes no rule, added up over pods. `connections` may be 0."""

    client: str
    server: str
    port: int
    protocol: str
    reason: str
    connections: int = 0


def sift(
    edges: Iterable[Edge], directory: Directory, rulings: Rulings | None = None
) -> tuple[list[Seen], tuple[LeftOut, ...]]:
    """The edges that may make rules, Service addresses opened into their backends, and those left out.

    What needs no rule at all is in neither: a pod's own node and its own address always pass, traffic without
    a pod at either end is not for policies, and edges of two workloads that others vouch for get their rule.
    What a person decided comes before what was observed.
    """
    rulings = rulings or Rulings()
    edges, unwanted = rulings.obeyed(edge for edge in edges if needs_rule(edge.client, edge.server))
    opened_by_someone = {_relation(edge) for edge in edges if edge.initiator_known}
    seen: list[Seen] = []
    left: Counter[tuple[_Relation, str]] = Counter()
    vouched: set[_Relation] = set()
    for edge in edges:
        reason = _why_not(edge, opened_by_someone)
        found = () if reason else _ruled(_ends(edge, directory), rulings)
        seen += found
        if found:
            vouched.add(_relation(edge))
        else:
            left[_relation(edge), reason or _NO_BACKEND] += edge.connections
    left_out = [
        LeftOut(*relation, reason, connections)
        for (relation, reason), connections in left.items()
        if relation not in vouched or reason == _NO_BACKEND
    ]
    denied: Counter[tuple[_Relation, str]] = Counter()
    for edge in unwanted:
        ruling = rulings.of(edge)
        denied[_relation(edge), ruling.title if ruling else ""] += edge.connections
    left_out += [LeftOut(*relation, reason, count) for (relation, reason), count in denied.items()]
    return seen, tuple(sorted(left_out))


def _ruled(ends: Sequence[Seen], rulings: Rulings) -> Sequence[Seen]:
    """The ends that nobody decided to deny, with who decided to allow them."""
    found = []
    for seen in ends:
        ruling = rulings.on(seen.client, seen.server, seen.port, seen.protocol, seen.service)
        if ruling is None or ruling.allow:
            found.append(replace(seen, ruling=ruling.title) if ruling else seen)
    return found


def needs_rule(client: Endpoint, server: Endpoint) -> bool:
    """A policy could stand between the two."""
    kinds = (client.kind, server.kind)
    return Kind.POD in kinds and client.address != server.address and not from_own_node(client, server)


def denied_only(edge: Edge) -> bool:
    """All that was seen of the edge was dropped."""
    return edge.denied > 0 and edge.connections == 0


def unanswered(edge: Edge) -> bool:
    """A TCP connection that nobody took up: a scan, a wrong address, a server that was down."""
    return edge.protocol == "TCP" and not edge.answered


def _why_not(edge: Edge, opened_by_someone: set[_Relation]) -> str:
    if denied_only(edge):
        return "it was denied when recorded"
    if edge.protocol not in PORT_PROTOCOLS:
        return f"a NetworkPolicy allows {edge.protocol} only together with every port"
    if unanswered(edge):
        return "nobody answered"
    if not edge.initiator_known and _relation(edge) not in opened_by_someone:
        return "nobody saw who opened it"
    for end in (edge.client, edge.server):
        if end.kind is Kind.UNKNOWN:
            return f"nobody in the cluster held {end.address} then"
    return ""


def _relation(edge: Edge) -> _Relation:
    return edge.client.group, edge.server.group, edge.port, edge.protocol


def _ends(edge: Edge, directory: Directory) -> Sequence[Seen]:
    """The edge at its real ends. A Service was dialled: any of its backends might have answered, and those of
    other workloads than the one that did are ends, too, without counters."""
    client, server = edge.client, edge.server
    if server.kind is Kind.SERVICE:
        dialled = edge.service or f"{server.namespace}/{server.name}:{edge.port}"
        backends = directory.backends(server.address, edge.port, edge.protocol)
        return [Seen(client, end, port, edge.protocol, dialled, edge) for end, port in backends]
    seen = [Seen(client, server, edge.port, edge.protocol, edge.service, edge)]
    if edge.service and client.kind is Kind.POD:
        quiet = msgspec.structs.replace(edge, connections=0, sent_bytes=0, received_bytes=0)
        seen += [
            Seen(client, end, port, edge.protocol, edge.service, quiet)
            for end, port in directory.dialled(edge.service, edge.family, edge.protocol)
            if workload_of(end) != workload_of(server) or port != edge.port
        ]
    return seen
