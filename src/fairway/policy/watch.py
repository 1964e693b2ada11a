"""watch: when each edge was seen, in bins of time; and that history told by workload."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Final, NamedTuple

from fairway.policy.directory import pod_endpoint
from fairway.policy.labels import Workload, workload_of
from fairway.policy.model import Cluster
from fairway.policy.sift import denied_only, needs_rule, unanswered
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction

_NEAR: Final = {4: 24, 6: 64}
"""Addresses outside count as one peer by /24 and /64: single ones come and go."""


class Sighting(NamedTuple):
    """An edge and the numbers of the bins in which it was seen, ascending."""

    edge: Edge
    bins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """An observation. Bin n begins at `start` + n * `length`; `watched` are the bins in which agents reported,
    ascending; `extent` is the time from the first report's beginning to the last one's end. `lost` are events and
    batches lost, by node; None where nobody counted them."""

    start: datetime
    length: timedelta
    extent: timedelta
    watched: tuple[int, ...]
    sightings: tuple[Sighting, ...]
    lost: Mapping[str, int] | None = None

    @property
    def observed(self) -> timedelta:
        """The time that was watched, holes left out."""
        return min(len(self.watched) * self.length, self.extent)


@dataclass(frozen=True, slots=True)
class History:
    """One workload's part of a watch. `kinds` maps each kind of connection to the bins it was seen in, ascending;
    `watched` are the watch's bins from its first sighting on; `starts` the pods that came up meanwhile."""

    kinds: Mapping[Hashable, tuple[int, ...]]
    watched: tuple[int, ...]
    starts: int = 0
    replicas: int = 0
    replicas_seen: int = 0
    lost: int | None = None


@dataclass(slots=True)
class _Sight:
    kinds: dict[Hashable, set[int]] = field(default_factory=lambda: defaultdict(set))
    pods: dict[str, dict[tuple[int, str], int]] = field(default_factory=lambda: defaultdict(dict))
    """By pod's name: the first bin of each of its addresses, by family."""
    nodes: set[str] = field(default_factory=set)


def histories(watch: Watch, cluster: Cluster, unwanted: Iterable[Edge] = ()) -> dict[Workload, History]:
    """The history of every workload that was seen. Edges that say nothing of what a policy must allow do not
    count: denied, unanswered, `unwanted` (which a person decided to deny)."""
    sights: dict[Workload, _Sight] = defaultdict(_Sight)
    apart = set(unwanted)
    for edge, bins in watch.sightings:
        for direction, own, peer in ((Direction.EGRESS, edge.client, edge.server),
                                     (Direction.INGRESS, edge.server, edge.client)):  # fmt: skip
            if own.kind is not Kind.POD or not bins:
                continue
            sight = sights[workload_of(own)]
            addresses, address = sight.pods[own.name], (edge.family, own.address)
            addresses[address] = min(bins[0], addresses.get(address, bins[0]))
            sight.nodes.add(own.node)
            idle = denied_only(edge) or unanswered(edge) or edge in apart
            if needs_rule(edge.client, edge.server) and not idle:
                sight.kinds[direction, _peer(peer), edge.port, edge.protocol].update(bins)
    running: dict[Workload, set[str]] = defaultdict(set)
    for pod in cluster.pods:
        if not pod.finished and not pod.host_network:
            running[workload_of(pod_endpoint(pod, ""))].add(pod.name)
    return {
        workload: _history(watch, sight, running.get(workload, set())) for workload, sight in sorted(sights.items())
    }


def _history(watch: Watch, sight: _Sight, running: set[str]) -> History:
    begun = [min(addresses.values()) for addresses in sight.pods.values()]
    first = min(begun)
    # A name that comes back with another address of the same family is a StatefulSet's pod, started again.
    again = sum(len(addresses) - len({family for family, _ in addresses}) for addresses in sight.pods.values())
    lost = None if watch.lost is None else sum(watch.lost.get(node, 0) for node in sight.nodes)
    return History(
        kinds={kind: tuple(sorted(bins)) for kind, bins in sight.kinds.items()},
        watched=watch.watched[bisect_left(watch.watched, first) :],
        starts=sum(seen > first for seen in begun) + again,
        replicas=len(running),
        replicas_seen=len(running & sight.pods.keys()),
        lost=lost,
    )


def _peer(end: Endpoint) -> str:
    """Whom a rule would name: a workload, the nodes, a cloud's service, the network around an address."""
    if end.kind is Kind.NODE:
        return "the cluster's nodes"
    if end.kind in (Kind.POD, Kind.SERVICE, Kind.CLOUD):
        return end.group
    length = _NEAR[6 if ":" in end.address else 4]
    return str(ip_network(f"{end.address}/{length}", strict=False))
