"""Planes: what a cloud's own flow logs say beside what the agents saw. Two witnesses of the same traffic disagree
where something stands between them: a security group or network ACL, or a node that nobody looks at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fairway.wire.edge import Edge
from fairway.wire.endpoint import Kind

SLACK: Final = timedelta(minutes=10)
"""A flow log's records may be an aggregation interval apart from what they tell of, at most ten minutes."""


class Disagreement(StrEnum):
    """Of the cloud's network with the agents."""

    REFUSED = "refused"
    """The cloud's network rejected what the agents let pass: a security group or network ACL did it, no policy."""
    NEVER_CAME = "never came"
    """The cloud's network rejected it before any agent could see it."""
    UNSEEN = "unseen"
    """The cloud's network carried it, and no agent tells of it: nobody looks at the pod's node."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement, by workload. `packets` are the cloud's count of what was rejected, or of what it carried;
    `nodes` are those of the pods that no agent tells of, `hops` what stood in between: gateways, load balancers."""

    kind: Disagreement
    client: str
    server: str
    port: int
    protocol: str
    packets: int
    first: datetime
    last: datetime
    nodes: frozenset[str] = frozenset()
    hops: frozenset[str] = frozenset()


def disagreements(
    agents: Iterable[Edge], cloud: Iterable[Edge], hops: Mapping[frozenset[str], frozenset[str]]
) -> tuple[Finding, ...]:
    """What the two planes disagree about, the most packets first; of the time that agents told of, for before and
    after they cannot have seen it. `hops` are what stood between two addresses."""
    told = list(agents)
    if not told:
        return ()
    begin, end = min(e.first_seen for e in told) - SLACK, max(e.last_seen for e in told) + SLACK
    seen = {_relation(edge): edge for edge in told}
    # Who opened it may be seen the wrong way round by a log without TCP's flags.
    either = {frozenset((edge.client.address, edge.server.address)) for edge in told}
    found: dict[tuple[Disagreement, str, str, int, str], Finding] = {}
    for edge in cloud:
        if edge.last_seen < begin or edge.first_seen > end:
            continue
        kind = _kind(edge, seen.get(_relation(edge)), either)
        if kind is None:
            continue
        one = Finding(
            kind=kind,
            client=edge.client.group,
            server=edge.server.group,
            port=edge.port,
            protocol=edge.protocol,
            packets=edge.denied if edge.denied else edge.sent_packets + edge.received_packets,
            first=edge.first_seen,
            last=edge.last_seen,
            nodes=frozenset(_nodes(edge)) if kind is Disagreement.UNSEEN else frozenset(),
            hops=hops.get(frozenset((edge.client.address, edge.server.address)), frozenset()),
        )
        key = (one.kind, one.client, one.server, one.port, one.protocol)
        found[key] = _added(found[key], one) if key in found else one
    return tuple(sorted(found.values(), key=lambda one: (-one.packets, one.kind, one.client, one.server, one.port)))


def _kind(edge: Edge, seen: Edge | None, either: set[frozenset[str]]) -> Disagreement | None:
    pods = [end for end in (edge.client, edge.server) if end.kind is Kind.POD]
    if not pods:
        return None  # agents tell of pods
    if edge.denied:
        if seen is None:
            return Disagreement.NEVER_CAME
        return None if seen.denied and not seen.connections else Disagreement.REFUSED
    pair = frozenset((edge.client.address, edge.server.address))
    return Disagreement.UNSEEN if seen is None and pair not in either else None


def _nodes(edge: Edge) -> Iterable[str]:
    return {end.node for end in (edge.client, edge.server) if end.kind is Kind.POD and end.node}


def _added(one: Finding, other: Finding) -> Finding:
    return replace(
        one,
        packets=one.packets + other.packets,
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        nodes=one.nodes | other.nodes,
        hops=one.hops | other.hops,
    )


def _relation(edge: Edge) -> tuple[str, str, int, str]:
    return edge.client.address, edge.server.address, edge.port, edge.protocol
