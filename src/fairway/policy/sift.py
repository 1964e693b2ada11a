"""sift: which recorded edges may make rules, and why the others may not. Observed is not the same as wanted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fairway.policy.directory import Directory
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

PORT_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_Relation = tuple[str, str, int, str]
"""Client and server workload, port, protocol."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One edge that may make rules: `server` is a real end, never a Service address."""

    client: Endpoint
    server: Endpoint
    port: int
    protocol: str
    service: str
    edge: Edge


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """Traffic that makes no rule, added up over pods. `connections` may be 0."""

    client: str
    server: str
    port: int
    protocol: str
    reason: str
    connections: int = 0


def sift(edges: Iterable[Edge], directory: Directory) -> tuple[list[Seen], tuple[LeftOut, ...]]:
    """The edges that may make rules, Service addresses opened into their backends, and those left out.

    What needs no rule at all is in neither: a pod's own node and its own address always pass, traffic without
    a pod at either end is not for policies, and edges of two workloads that others vouch for get their rule.
    """
    edges = [edge for edge in edges if needs_rule(edge.client, edge.server)]
    opened_by_someone = {_relation(edge) for edge in edges if edge.initiator_known}
    seen: list[Seen] = []
    left: Counter[tuple[_Relation, str]] = Counter()
    vouched: set[_Relation] = set()
    for edge in edges:
        reason = _why_not(edge, opened_by_someone)
        found = () if reason else _ends(edge, directory)
        seen += found
        if found:
            vouched.add(_relation(edge))
        else:
            left[_relation(edge), reason or "no backend stands behind the Service's port"] += edge.connections
    return seen, tuple(
        LeftOut(*relation, reason, connections)
        for (relation, reason), connections in sorted(left.items())
        if relation not in vouched
    )


def needs_rule(client: Endpoint, server: Endpoint) -> bool:
    """A policy could stand between the two."""
    kinds = (client.kind, server.kind)
    own_node = client.kind is Kind.NODE and server.kind is Kind.POD and client.node == server.node
    return Kind.POD in kinds and client.address != server.address and not own_node


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
    if edge.server.kind is not Kind.SERVICE:
        return (Seen(edge.client, edge.server, edge.port, edge.protocol, edge.service, edge),)
    dialled = edge.service or f"{edge.server.namespace}/{edge.server.name}:{edge.port}"
    return tuple(
        Seen(edge.client, backend, number, edge.protocol, dialled, edge)
        for backend, number in directory.backends(edge.server.address, edge.port, edge.protocol)
        if needs_rule(edge.client, backend)
    )
