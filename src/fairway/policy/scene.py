"""Scene: a policy set over a cluster, with the questions that a reviewer's checks ask of it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from fairway.policy.compile import Compiled, compile_rules
from fairway.policy.decide import (
    isolates,
    peer_matches,
    rule_title,
    rules_of,
    tiered_rules_of,
    tiered_title,
)
from fairway.policy.directory import pod_endpoint
from fairway.policy.model import Action, Cluster, NetworkPolicy, Peer, PolicySet, Ports, Rule, TieredPolicy
from fairway.policy.reach import Reach, reach
from fairway.policy.settle import Names, settle
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, NamedPort
from fairway.wire.words import Direction

Policy = NetworkPolicy | TieredPolicy


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A rule in its place, compared and hashed by identity. `written` still has its nodes and domain names, which
    `rule` has as addresses. NetworkPolicies only accept."""

    policy: Policy
    direction: Direction
    index: int
    rule: Rule
    written: Rule
    action: Action = Action.ACCEPT

    @property
    def home(self) -> str:
        """The namespace that peers without a namespace selector mean; a cluster-wide policy has none."""
        return self.policy.namespace if isinstance(self.policy, NetworkPolicy) else ""

    @property
    def title(self) -> str:
        """`shop/ui egress[0]`."""
        if isinstance(self.policy, NetworkPolicy):
            return rule_title(self.policy, self.direction, self.index)
        return tiered_title(self.policy, self.direction, self.index)

    @property
    def where(self) -> str:
        """`shop.yaml: shop/ui egress[0]`."""
        return _in_file(self.policy, self.title)


class Scene:
    """The pods that policies can select, and who selects whom. Pods are one Endpoint per address; `edges` are
    recorded traffic, None if none was given; `names` what domain names resolve to."""

    def __init__(
        self,
        policies: PolicySet,
        cluster: Cluster,
        edges: Sequence[Edge] | None = None,
        names: Names | None = None,
    ) -> None:
        self.written = policies
        self.policies = settle(policies, cluster.nodes, names)
        self.cluster = cluster
        self.edges = edges
        running = (pod for pod in cluster.pods if not pod.finished and not pod.host_network)
        self.pods = [pod_endpoint(pod, address) for pod in running for address in pod.addresses]
        self.known = [pod_endpoint(pod, "") for pod in cluster.pods if not pod.host_network]
        """Finished pods, too: a job's come back."""
        self._by_namespace: dict[str, list[Endpoint]] = defaultdict(list)
        for end in self.pods:
            self._by_namespace[end.namespace].append(end)
        self._alike: dict[object, list[Endpoint]] = defaultdict(list)
        for end in self.pods:
            self._alike[end.namespace, end.labels].append(end)
        self._peers: dict[tuple[str, tuple[Peer, ...]], list[Endpoint]] = {}
        self._selected: dict[int, list[Endpoint]] = {}
        self._homes: dict[str, list[NetworkPolicy]] = defaultdict(list)
        for policy in self.policies.policies:
            self._homes[policy.namespace].append(policy)
        self._isolating: dict[object, list[NetworkPolicy]] = {}
        self._judging: dict[object, list[TieredPolicy]] = {}

    @cached_property
    def compiled(self) -> Compiled:
        """The rows of the policies, in the active slot."""
        return compile_rules(self.cluster, self.policies, None)

    def reach(self, number: int, address: str) -> Reach:
        """The ports that pods under policy `number` share with an address."""
        return reach(self.compiled, number, self.compiled.identities.of(address))

    @cached_property
    def every(self) -> tuple[Policy, ...]:
        """All policies."""
        return (*self.policies.policies, *self.policies.tiered)

    @cached_property
    def rules(self) -> tuple[Placed, ...]:
        """Every rule in force: those of NetworkPolicies, then those of cluster-wide policies."""
        return tuple(self._placed())

    def _placed(self) -> Iterator[Placed]:
        for policy, written in zip(self.policies.policies, self.written.policies, strict=True):
            for direction in Direction:
                pairs = zip(rules_of(policy, direction) or (), rules_of(written, direction) or (), strict=True)
                for index, (rule, original) in enumerate(pairs):
                    yield Placed(policy, direction, index, rule, original)
        for tiered, first in zip(self.policies.tiered, self.written.tiered, strict=True):
            for direction in Direction:
                both = zip(tiered_rules_of(tiered, direction), tiered_rules_of(first, direction), strict=True)
                for index, (own, as_written) in enumerate(both):
                    yield Placed(tiered, direction, index, own.rule, as_written.rule, own.action)

    @cached_property
    def of(self) -> dict[tuple[int, Direction], list[Placed]]:
        """The rules of one policy, by its `id`, and direction."""
        found: dict[tuple[int, Direction], list[Placed]] = defaultdict(list)
        for placed in self.rules:
            found[id(placed.policy), placed.direction].append(placed)
        return found

    def isolating(self, direction: Direction, pod: Endpoint) -> list[NetworkPolicy]:
        """The NetworkPolicies that isolate a pod."""
        key = (direction, pod.namespace, pod.labels)
        if key not in self._isolating:
            near = self._homes.get(pod.namespace, ())
            self._isolating[key] = [policy for policy in near if isolates(policy, direction, pod)]
        return self._isolating[key]

    def judging(self, direction: Direction, pod: Endpoint) -> list[TieredPolicy]:
        """The cluster-wide policies with rules for a pod."""
        key = (direction, pod.namespace, pod.labels)
        if key not in self._judging:
            own = (policy for policy in self.policies.tiered if tiered_rules_of(policy, direction))
            self._judging[key] = [policy for policy in own if self.selects(policy, pod)]
        return self._judging[key]

    def selects(self, policy: Policy, pod: Endpoint) -> bool:
        """The policy is about the pod, in whichever direction."""
        if isinstance(policy, TieredPolicy):
            return peer_matches(policy.subject, "", self.cluster.namespaces, pod)
        return any(isolates(policy, direction, pod) for direction in Direction)

    def subjects(self, policy: Policy) -> list[Endpoint]:
        """The pods that the policy selects."""
        if id(policy) not in self._selected:
            near = self.pods
            if isinstance(policy, NetworkPolicy):
                near = self._by_namespace.get(policy.namespace, [])
            self._selected[id(policy)] = [end for end in near if self.selects(policy, end)]
        return self._selected[id(policy)]

    def peers(self, placed: Placed) -> list[Endpoint]:
        """The pods that the rule's peers match, by selector or by address."""
        if placed.rule.peers is None:
            return self.pods
        key = (placed.home, placed.rule.peers)
        if key not in self._peers:
            self._peers[key] = [end for alike in self._alike.values() for end in self._matched(*key, alike)]
        return self._peers[key]

    def _matched(self, home: str, peers: tuple[Peer, ...], alike: list[Endpoint]) -> list[Endpoint]:
        """Those of some pods with equal labels that a peer matches; selectors look at the first one only."""
        namespaces = self.cluster.namespaces
        if any(peer.block is None and peer_matches(peer, home, namespaces, alike[0]) for peer in peers):
            return alike
        blocks = [peer for peer in peers if peer.block is not None]
        return [end for end in alike if any(peer_matches(peer, home, namespaces, end) for peer in blocks)]

    def servers(self, placed: Placed) -> list[Endpoint]:
        """The pods whose ports the rule names: the subjects of ingress, the peers of egress."""
        ingress = placed.direction is Direction.INGRESS
        return self.subjects(placed.policy) if ingress else self.peers(placed)


def place(policy: Policy) -> str:
    """`shop.yaml: shop/ui`."""
    return _in_file(policy, policy.title)


def _in_file(policy: Policy, title: str) -> str:
    return f"{policy.source}: {title}" if policy.source else title


def numbers(element: Ports, ports: tuple[NamedPort, ...]) -> tuple[range, ...]:
    """The port numbers that an element of `ports` means on a server with these."""
    match element.port:
        case None:
            return (range(1, 65536),)
        case int(low):
            return (range(low, (element.end or low) + 1),)
        case name:
            return tuple(
                range(p.number, p.number + 1) for p in ports if (p.name, p.protocol) == (name, element.protocol)
            )


def selecting(rule: Rule) -> bool:
    """All its peers are pods by selector: no block, not everyone."""
    return rule.peers is not None and all(peer.block is None for peer in rule.peers)
