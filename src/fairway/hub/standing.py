"""Standing: what the policies of now make of a map's edges, how far they protect a workload, and its replicas.

A map's edge is between workloads; it is judged by one pod of each, since a workload's pods are alike to policies.
Of a network outside only its first address is judged: where no rule means that, whoever is isolated got through by
a rule about a part of it.
"""

from collections import Counter, defaultdict
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Literal

from fairway.hub.control import policy_set
from fairway.hub.intent import Intent
from fairway.kit.errors import UsageError
from fairway.kit.files import Signature, signature
from fairway.policy.decide import Attempt, isolates
from fairway.policy.directory import Directory, pod_endpoint
from fairway.policy.matches import Matches
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.settle import settle
from fairway.views.map import End, Judged, Relation
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction

Protection = Literal["open", "ingress", "egress", "both", "unknown"]
"""In which directions a policy isolates a workload."""
_FAR: Final = (Kind.CLOUD, Kind.EXTERNAL, Kind.UNKNOWN)
_WITH_PORTS: Final = ("TCP", "UDP", "SCTP")
_UNKNOWN: Final[Judged] = ("unknown", ())


class Standing:
    """One cluster under one set of policies; ask it from one thread at a time or many, its caches only grow."""

    def __init__(self, cluster: Cluster, policies: PolicySet) -> None:
        self.cluster = cluster
        self._directory = Directory(cluster)
        self._matches = Matches(settle(policies, cluster.nodes), cluster)
        self._nodes = {node.name: node for node in cluster.nodes}
        self._pods: dict[tuple[str, str], list[Endpoint]] = defaultdict(list)
        for pod in cluster.pods:
            if pod.addresses and not pod.finished and not pod.host_network:
                end = pod_endpoint(pod, pod.addresses[0])
                self._pods[end.namespace, end.workload].append(end)
        self._judged: dict[Relation, Judged] = {}

    def replicas(self, namespace: str, workload: str) -> int:
        """Pods of a workload that have an address now."""
        return len(self._pods.get((namespace, workload), ()))

    def sizes(self, *, replicas: bool) -> Counter[str]:
        """Workloads by namespace, or replicas."""
        counted: Counter[str] = Counter()
        for (namespace, _), pods in self._pods.items():
            counted[namespace] += len(pods) if replicas else 1
        return counted

    def protection(self, namespace: str, workload: str) -> Protection:
        """`unknown` of what the cluster does not have."""
        pods = self._pods.get((namespace, workload))
        if not pods:
            return "unknown"
        ingress, egress = (self._isolated(pods[0], direction) for direction in Direction)
        return "both" if ingress and egress else "ingress" if ingress else "egress" if egress else "open"

    def judge(self, relation: Relation) -> Judged:
        """What policies make of it; its Service is already replaced by what is behind it, where that is one."""
        if relation not in self._judged:
            self._judged[relation] = self._judge(relation)
        return self._judged[relation]

    def _judge(self, relation: Relation) -> Judged:
        client, server = self._end(relation.client), self._end(relation.server)
        port, protocol = relation.port, relation.protocol
        if relation.server.kind == Kind.SERVICE:
            found = self._directory.dialled(relation.service, 4, protocol)
            found = found or self._directory.dialled(relation.service, 6, protocol)
            server, port = found[0] if found else (None, port)
        if client is None or server is None or (not port and protocol in _WITH_PORTS):
            return _UNKNOWN
        rules = self._matches.allowed(Attempt(client, server, port, protocol))
        if rules:
            return "allowed", tuple(dict.fromkeys(rules))
        if client.kind in _FAR or server.kind in _FAR:
            shut = self._isolated(client, Direction.EGRESS) or self._isolated(server, Direction.INGRESS)
            return ("allowed" if shut else "unprotected"), ()
        return ("would-deny" if rules is None else "unprotected"), ()

    def _end(self, end: End) -> Endpoint | None:
        if end.kind == Kind.POD:
            pods = self._pods.get((end.namespace, end.group))
            return pods[0] if pods else None
        if end.kind == Kind.NODE:
            node = self._nodes.get(end.group)
            return self._directory.at(node.addresses[0]) if node and node.addresses else None
        return Endpoint(kind=Kind(end.kind), address=_first(end.group)) if end.kind in _FAR else None

    def _isolated(self, end: Endpoint, direction: Direction) -> bool:
        return end.kind is Kind.POD and any(
            isolates(policy, direction, end) for policy in self._matches.near(end, end).policies
        )


def _first(group: str) -> str:
    """Of a network; nobody's where it is none."""
    try:
        return str(ip_network(group, strict=False).network_address)
    except ValueError:
        return "::"


class Stand:
    """The standing of now, made anew when the cluster or what is wanted changes."""

    def __init__(self) -> None:
        self._made: tuple[Cluster, Intent, Signature, Standing] | None = None

    def of(self, cluster: Cluster, intent: Intent) -> Standing:
        """By the policies in force, or in audit; where nobody set any, by the cluster's own."""
        choice = intent.active
        files = signature(Path(choice.policies)) if choice and choice.policies else frozenset()
        made = self._made
        if made is None or made[0] is not cluster or made[1:3] != (intent, files):
            try:
                chosen = policy_set(choice)
            except UsageError:
                chosen = None  # whoever reads the readiness is told
            own = PolicySet(cluster.policies, tiered=cluster.tiered)
            made = self._made = cluster, intent, files, Standing(cluster, chosen or own)
        return made[3]
