"""width: how much wider than what was observed is what a policy set allows?

Counted from the compiled rows, over the pods of the cluster: (client workload, server workload, protocol, port).
Pods that no NetworkPolicy isolates allow nothing here: they are another question. Outside, IPv4 addresses count.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

from fairway.policy.compile import compile_rules
from fairway.policy.decide import isolates, rules_of
from fairway.policy.directory import Directory, pod_endpoint
from fairway.policy.grants import Grant
from fairway.policy.intervals import EVERY_PORT, Span, intersect, subtract
from fairway.policy.labels import Workload, title_of, workload_of
from fairway.policy.model import Cluster, NetworkPolicy, PolicySet
from fairway.policy.rulings import Rulings
from fairway.policy.sift import PORT_PROTOCOLS, sift
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Kind
from fairway.wire.rules import CLOSED, OPEN
from fairway.wire.words import Direction, Slot

_Pair = tuple[Workload, Workload, str]
"""Client, server, protocol."""
_Ports = tuple[Span, ...]


@dataclass(frozen=True, slots=True, order=True)
class Unseen:
    """Ports that one workload may call at another and was not seen to; `ports` are `53` or `32768-65535`."""

    client: str
    server: str
    protocol: str
    ports: str
    count: int


@dataclass(frozen=True, slots=True)
class Width:
    """Connections between workloads, one per pair and port: `allowed`, of which `seen`; the rest is `unseen`.
    Addresses outside: `outside_allowed` IPv4 addresses, of which `outside_seen`, added up over workloads."""

    allowed: int
    seen: int
    unseen: tuple[Unseen, ...]
    outside_allowed: int
    outside_seen: int


def width(
    edges: Sequence[Edge], policies: Sequence[NetworkPolicy], cluster: Cluster, rulings: Rulings | None = None
) -> Width:
    """Compare what generated policies (without `except`) allow with what the edges show; edges that make no rule
    count as not seen. The cluster's own cluster-wide policies have their say between workloads: what they deny is
    not allowed, and what they accept is."""
    observed, _ = sift(edges, Directory(cluster), rulings)
    seen: dict[_Pair, set[int]] = defaultdict(set)
    outside: set[tuple[Workload, str]] = set()
    for one in observed:
        if one.client.kind is one.server.kind is Kind.POD:
            # A dialled Service's other backends were not seen, though they need the same rule.
            if one.edge.connections or one.edge.server == one.server:
                seen[workload_of(one.client), workload_of(one.server), one.protocol].add(one.port)
        else:
            own, far = (one.client, one.server) if one.client.kind is Kind.POD else (one.server, one.client)
            outside |= {(workload_of(own), far.address)} if ":" not in far.address else set()
    allowed = _Allowed(cluster, tuple(policies)).between()
    unseen = sorted(_unseen(allowed, seen))
    total = sum(span.high - span.low + 1 for spans in allowed.values() for span in spans)
    return Width(
        allowed=total,
        seen=total - sum(one.count for one in unseen),
        unseen=tuple(unseen),
        outside_allowed=sum(_addresses(policy) for policy in policies),
        outside_seen=len(outside),
    )


class _Allowed:
    """What compiled rows open between the pods of the cluster."""

    def __init__(self, cluster: Cluster, policies: tuple[NetworkPolicy, ...]) -> None:
        compiled = compile_rules(cluster, PolicySet(policies, tiered=cluster.tiered), None)
        self._grants = {number: grant for number, (_, grant) in compiled.grants.items()}
        self._grants[OPEN] = Grant((EVERY_PORT, EVERY_PORT, EVERY_PORT, EVERY_PORT))
        self._ends: dict[tuple[Workload, int, int, int], None] = {}
        self._servers: dict[int, list[tuple[Workload, int]]] = defaultdict(list)
        by_namespace: dict[str, list[NetworkPolicy]] = defaultdict(list)
        for policy in policies:
            by_namespace[policy.namespace].append(policy)
        for subject in compiled.subjects.values():
            end = pod_endpoint(subject.pod, "")
            workload, near = workload_of(end), by_namespace[end.namespace]
            ingress, egress = subject.numbers[Slot.ACTIVE]
            if not any(isolates(policy, direction, end) for policy in near for direction in Direction):
                ingress = egress = CLOSED  # another question
            for address in subject.pod.addresses:
                self._ends.setdefault((workload, ingress, egress, compiled.identities.of(address)))
        for workload, ingress, _, identity in self._ends:
            self._servers[identity].append((workload, ingress))

    def between(self) -> dict[_Pair, _Ports]:
        """The open ports of every pair of workloads that has some."""
        found: dict[_Pair, _Ports] = {}
        for client, _, egress, own in self._ends:
            outgoing = self._grant(egress)
            targets = self._servers if any(outgoing.default) else outgoing.own
            for target in sorted(targets):
                for server, ingress in self._servers.get(target, ()):
                    incoming = self._grant(ingress).of(own)
                    for column, protocol in enumerate(PORT_PROTOCOLS):
                        spans = intersect(outgoing.of(target)[column], incoming[column])
                        if spans:
                            pair = (client, server, protocol)
                            known = found.get(pair, ())
                            found[pair] = (*known, *subtract(spans, known))
        return found

    def _grant(self, number: int) -> Grant:
        return self._grants.get(number, Grant())


def _unseen(allowed: Mapping[_Pair, _Ports], seen: Mapping[_Pair, set[int]]) -> Iterator[Unseen]:
    for (client, server, protocol), spans in allowed.items():
        holes = [Span(port, port, 0) for port in seen.get((client, server, protocol), ())]
        for low, high, _ in sorted(subtract(spans, holes)):
            ports = str(low) if low == high else f"{low}-{high}"
            yield Unseen(title_of(client), title_of(server), protocol, ports, high - low + 1)


def _addresses(policy: NetworkPolicy) -> int:
    """The IPv4 addresses in the policy's blocks, each once per direction."""
    count = 0
    for direction in Direction:
        peers = [peer for rule in rules_of(policy, direction) or () for peer in rule.peers or ()]
        networks = [peer.block.network for peer in peers if peer.block]
        apart = collapse_addresses([network for network in networks if isinstance(network, IPv4Network)])
        count += sum(network.num_addresses for network in apart)
    return count
