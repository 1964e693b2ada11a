"""review: edges unlike the rest, for a person to decide about before they become rules. Reasons, not verdicts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from fairway.policy.declared import references
from fairway.policy.directory import pod_endpoint
from fairway.policy.labels import Workload, workload_of
from fairway.policy.model import Cluster
from fairway.policy.peers import is_cluster_dns
from fairway.policy.rulings import Rulings
from fairway.policy.sift import denied_only, needs_rule, unanswered
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Kind

FEW: Final = 3
"""So many connections in the whole record are a handful, if they were short (`FEW_PACKETS`: one that stays open for
days is no rarity) and most others made four times as many."""
FEW_PACKETS: Final = 200
SCANNED: Final = 10
"""Whoever tried so many (address, port) ends, most of them in vain, has the shape of a scan."""
LATE: Final = 0.75
"""What came after this part of the record is new."""
DATA_PORTS: Final = {
    1433: "SQL Server",
    1521: "Oracle",
    2379: "etcd",
    3306: "MySQL",
    5432: "PostgreSQL",
    5984: "CouchDB",
    6379: "Redis",
    7000: "Cassandra",
    9042: "Cassandra",
    9200: "Elasticsearch",
    11211: "memcached",
    27017: "MongoDB",
}

_Relation = tuple[str, str, int, str]


@dataclass(frozen=True, slots=True, order=True)
class Doubt:
    """Connections of one workload to another that a person should look at, and why."""

    client: str
    server: str
    port: int
    protocol: str
    connections: int
    reasons: tuple[str, ...]


def review(edges: Sequence[Edge], cluster: Cluster, rulings: Rulings | None = None) -> tuple[Doubt, ...]:
    """The answered connections between workloads, or of one with the outside, that are unlike the rest. Those that
    somebody decided about are not asked about again; nor is who asks the cluster's DNS."""
    decided = rulings or Rulings()
    near = [edge for edge in edges if needs_rule(edge.client, edge.server)]
    groups: dict[_Relation, list[Edge]] = defaultdict(list)
    for edge in near:
        real = not denied_only(edge) and not unanswered(edge) and not is_cluster_dns(edge.server)
        if real and decided.of(edge) is None:
            groups[edge.client.group, edge.server.group, edge.port, edge.protocol].append(edge)
    sums = [sum(edge.connections for edge in members) for members in groups.values()]
    record = _Record(near, cluster, median(sums) if sums else 0)
    found = []
    for relation, members in sorted(groups.items()):
        reasons = tuple(record.reasons(members))
        if reasons:
            found.append(Doubt(*relation, sum(edge.connections for edge in members), reasons))
    return tuple(found)


class _Record:
    """What is usual in one record."""

    def __init__(self, edges: Sequence[Edge], cluster: Cluster, usual: float) -> None:
        self._usual = usual
        self._first = min((edge.first_seen for edge in edges), default=datetime.min)
        self._last = max((edge.last_seen for edge in edges), default=datetime.min)
        self._scanners = _scanners(edges)
        self._pairs: dict[tuple[str, str], datetime] = {}
        self._clients: dict[Workload, set[str]] = defaultdict(set)
        for edge in edges:
            pair = (edge.client.namespace, edge.server.namespace)
            self._pairs[pair] = min(edge.first_seen, self._pairs.get(pair, edge.first_seen))
            if edge.client.kind is Kind.POD:
                self._clients[workload_of(edge.client)].add(edge.client.name)
        self._declared = _declared(cluster)

    def reasons(self, members: Sequence[Edge]) -> Iterator[str]:
        """Why the connections of one relation are unlike the rest."""
        client, server, port = members[0].client, members[0].server, members[0].port
        if client.kind is server.kind is Kind.POD and client.namespace != server.namespace:
            yield from self._across(members)
        if client.kind is not Kind.POD:
            return
        own = workload_of(client)
        total = sum(edge.connections for edge in members)
        packets = sum(edge.sent_packets + edge.received_packets for edge in members)
        if 0 < total <= FEW and packets <= FEW_PACKETS and self._usual > 4 * FEW:
            yield "a handful of connections"
        replicas, callers = self._clients[own], {edge.client.name for edge in members}
        if len(replicas) > 1 and len(callers) == 1:
            yield f"only {min(callers)} of {len(replicas)} replicas made it"
        if {edge.client.address for edge in members} & self._scanners:
            yield f"its client tried {SCANNED} or more ends, most of them in vain: a scan's shape"
        store = DATA_PORTS.get(port)
        if store and server.kind is Kind.POD and client.namespace != server.namespace:
            dialled = {edge.service.rpartition(":")[0] for edge in members}
            if not dialled & self._declared.get(own, set()):
                yield f"a data store ({store}) reached from another namespace that does not declare it"

    def _across(self, members: Sequence[Edge]) -> Iterator[str]:
        pair = (members[0].client.namespace, members[0].server.namespace)
        if self._last > self._first and (self._pairs[pair] - self._first) / (self._last - self._first) > LATE:
            yield f"namespaces {pair[0]} and {pair[1]} never spoke before the end of the record"


def _scanners(edges: Iterable[Edge]) -> set[str]:
    """Addresses of pods most of whose attempts were in vain."""
    tried: dict[str, set[tuple[str, int]]] = defaultdict(set)
    vain: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for edge in edges:
        if edge.client.kind is Kind.POD:
            end = (edge.server.address, edge.port)
            tried[edge.client.address].add(end)
            if denied_only(edge) or unanswered(edge):
                vain[edge.client.address].add(end)
    return {one for one, ends in tried.items() if len(ends) >= SCANNED and 2 * len(vain[one]) > len(ends)}


def _declared(cluster: Cluster) -> Mapping[Workload, set[str]]:
    """The Services that each workload's environment, arguments and ConfigMaps name."""
    services = {(service.namespace, service.name): service for service in cluster.services}
    values: dict[Workload, set[str]] = defaultdict(set)
    for pod in cluster.pods:
        values[workload_of(pod_endpoint(pod, ""))].update(pod.declared)
    return {
        workload: {f"{one.namespace}/{one.name}" for one in references(sorted(found), workload[0], services)}
        for workload, found in values.items()
    }
