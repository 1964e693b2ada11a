"""Scene: a policy set over a cluster, with the questions that a reviewer's checks ask of it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from fairway.policy.compile import Compiled, compile_rules
from fairway.policy.decide import isolates, peer_matches, rule_title, rules_of
from fairway.policy.directory import pod_endpoint
from fairway.policy.model import Cluster, NetworkPolicy, Peer, PolicySet, Ports, Rule
from fairway.policy.reach import Reach, reach
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, NamedPort
from fairway.wire.words import Direction


class Scene:
    """The pods that policies can select, and who selects whom. Pods are one Endpoint per address; `edges` are
    recorded traffic, None if none was given."""

    def __init__(self, policies: PolicySet, cluster: Cluster, edges: Sequence[Edge] | None = None) -> None:
        self.policies = policies
        self.cluster = cluster
        self.edges = edges
        running = (pod for pod in cluster.pods if not pod.finished and not pod.host_network)
        self.pods = [pod_endpoint(pod, address) for pod in running for address in pod.addresses]
        self.known = [pod_endpoint(pod, "") for pod in cluster.pods if not pod.host_network]
        """Finished pods, too: a job's come back."""
        self.by_namespace: dict[str, list[Endpoint]] = defaultdict(list)
        for end in self.pods:
            self.by_namespace[end.namespace].append(end)
        self._alike: dict[object, list[Endpoint]] = defaultdict(list)
        for end in self.pods:
            self._alike[end.namespace, end.labels].append(end)
        self._peers: dict[tuple[str, tuple[Peer, ...]], list[Endpoint]] = {}
        self._selected: dict[NetworkPolicy, list[Endpoint]] = {}

    @cached_property
    def compiled(self) -> Compiled:
        """The rows of the policies, in the active slot."""
        return compile_rules(self.cluster, self.policies, None)

    def reach(self, number: int, address: str) -> Reach:
        """The ports that pods under policy `number` share with an address."""
        return reach(self.compiled, number, self.compiled.identities.of(address))

    def rules(self) -> Iterator[tuple[NetworkPolicy, Direction, int, Rule]]:
        """Every rule in force."""
        for policy in self.policies.policies:
            for direction in Direction:
                for index, rule in enumerate(rules_of(policy, direction) or ()):
                    yield policy, direction, index, rule

    def subjects(self, policy: NetworkPolicy) -> list[Endpoint]:
        """The pods that the policy selects."""
        if policy not in self._selected:
            side = Direction.EGRESS if policy.ingress is None else Direction.INGRESS
            found = self.by_namespace.get(policy.namespace, ())
            self._selected[policy] = [end for end in found if isolates(policy, side, end)]
        return self._selected[policy]

    def peers(self, policy: NetworkPolicy, rule: Rule) -> list[Endpoint]:
        """The pods that the rule's peers match, by selector or by address."""
        if rule.peers is None:
            return self.pods
        key = (policy.namespace, rule.peers)
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

    def servers(self, policy: NetworkPolicy, direction: Direction, rule: Rule) -> list[Endpoint]:
        """The pods whose ports the rule names: the subjects of ingress, the peers of egress."""
        return self.subjects(policy) if direction is Direction.INGRESS else self.peers(policy, rule)


def place(policy: NetworkPolicy, direction: Direction | None = None, index: int = 0) -> str:
    """`shop.yaml: shop/ui egress[0]`."""
    title = policy.title if direction is None else rule_title(policy, direction, index)
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
