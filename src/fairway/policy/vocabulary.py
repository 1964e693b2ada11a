"""Vocabulary: everything that the rules of some policies can ask about an address."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from fairway.policy.decide import namespace_labels
from fairway.policy.model import Cluster, IPBlock, NetworkPolicy, Peer, Pod, Rule, TieredPolicy, TieredRule
from fairway.policy.select import Selected, selects
from fairway.wire.address import Network, packed
from fairway.wire.endpoint import Endpoint, NamedPort

Selection = tuple[str, Peer]
"""A selecting peer and the namespace it is bound to; empty if it has a namespace selector of its own."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What rules can see of an address. `named` are ports under names that egress rules use."""

    selections: frozenset[int] = frozenset()
    blocks: frozenset[int] = frozenset()
    named: tuple[NamedPort, ...] = ()


def selection(peer: Peer, home: str) -> Selection:
    """The selecting `peer` of a policy in namespace `home`."""
    return (home if peer.namespaces is None else "", peer)


Trait = tuple[str, int]
"""What a rule can ask about: a `selection` or a `block`, by number."""
Name = tuple[str, str]
"""A port's name and protocol."""
Asker = tuple[bool, int]
"""A policy: whether it is cluster-wide, and its number."""


@dataclass(slots=True)
class Vocabulary:
    """Selecting peers and blocks, numbered, and the names of ports.

    `askers` are the policies whose rules ask for a trait; for a port's name only where all destinations are meant.
    """

    selections: dict[Selection, int] = field(default_factory=dict)
    blocks: dict[IPBlock, int] = field(default_factory=dict)
    names: set[Name] = field(default_factory=set)
    askers: dict[Trait | Name, set[Asker]] = field(default_factory=lambda: defaultdict(set))
    _numbers: dict[tuple[int, str], Trait] = field(default_factory=dict)
    """By the peer's place in memory, since hashing a peer takes long; whoever learns policies keeps them."""

    def learn(self, policy: NetworkPolicy | TieredPolicy, number: int = 0) -> None:
        """Take in one more policy, settled, with its number among those of its kind."""
        asker = isinstance(policy, TieredPolicy), number
        if isinstance(policy, NetworkPolicy):
            home, ingress, egress = policy.namespace, policy.ingress or (), policy.egress or ()
        else:
            home, ingress, egress = "", _plain(policy.ingress), _plain(policy.egress)
        for rule in (*ingress, *egress):
            for peer in rule.peers or ():
                if peer.block is not None:
                    trait: Trait = "block", self.blocks.setdefault(peer.block, len(self.blocks))
                else:
                    chosen = selection(peer, home)
                    trait = "selection", self.selections.setdefault(chosen, len(self.selections))
                self._numbers[id(peer), home] = trait
                self.askers[trait].add(asker)
        for rule in egress:
            names = {(p.port, p.protocol) for p in rule.ports or () if isinstance(p.port, str)}
            self.names |= names
            for name in names if rule.peers is None else ():
                self.askers[name].add(asker)

    def seen(self, peers: Iterable[Peer], home: str) -> tuple[list[int], list[int]]:
        """The numbers of the selections and of the blocks among the peers of a rule that was learned."""
        traits = [self._numbers[id(peer), home] for peer in peers]
        selections, blocks = ([n for what, n in traits if what == kind] for kind in ("selection", "block"))
        return selections, blocks

    def asking(self, traits: Traits) -> set[Asker]:
        """The policies of which some rule tells addresses with these traits from others."""
        seen: list[Trait | Name] = [("selection", number) for number in traits.selections]
        seen += [("block", number) for number in traits.blocks]
        seen += [(port.name, port.protocol) for port in traits.named]
        return set[Asker]().union(*(self.askers.get(trait, ()) for trait in seen))

    def networks(self) -> dict[Network, frozenset[int]]:
        """Every network that a block mentions, with the blocks that contain it less the longer ones listed."""
        starts: dict[Network, set[int]] = defaultdict(set)
        holes: dict[Network, set[int]] = defaultdict(set)
        for block, number in self.blocks.items():
            starts[block.network].add(number)
            for hole in block.excepts:
                holes[hole].add(number)
        found: dict[Network, frozenset[int]] = {}
        around: list[Network] = []
        for network in sorted({*starts, *holes}, key=lambda n: (n.version, network_order(n))):
            while around and not _inside(network, around[-1]):
                around.pop()
            outer = found[around[-1]] if around else frozenset()
            found[network] = (outer | starts[network]) - holes[network]
            around.append(network)
        return found


def _plain(rules: Iterable[TieredRule]) -> tuple[Rule, ...]:
    return tuple(tiered.rule for tiered in rules)


def _inside(part: Network, whole: Network) -> bool:
    """Like subnet_of, for two networks of any families."""
    return part.version == whole.version and part.prefixlen >= whole.prefixlen and part.network_address in whole


def network_order(network: Network) -> tuple[bytes, int]:
    """Sorts networks of both families by address, then by length: whoever contains another comes before it."""
    return packed(str(network.network_address)), network.prefixlen


class Eye:
    """What the rules see of pods; pods with equal labels are looked at once."""

    def __init__(self, cluster: Cluster, vocabulary: Vocabulary) -> None:
        self._namespaces = cluster.namespaces
        self._names = vocabulary.names
        self._bound: dict[str, Selected[tuple[Peer, int]]] = defaultdict(Selected)
        for (home, peer), number in vocabulary.selections.items():
            self._bound[home].add(peer.pods, (peer, number))
        self._places: dict[tuple[str, int], bool] = {}
        self._seen: dict[tuple[str, tuple[tuple[str, str], ...]], frozenset[int]] = {}

    def selections(self, pod: Pod | Endpoint) -> frozenset[int]:
        """The numbers of the selecting peers that match the pod."""
        key = (pod.namespace, pod.labels)
        if key not in self._seen:
            labels = dict(pod.labels)
            self._seen[key] = frozenset(
                number
                for home in ("", pod.namespace)
                if home in self._bound
                for peer, number in self._bound[home].by(labels)
                if self._is_place(pod.namespace, peer, number)
            )
        return self._seen[key]

    def _is_place(self, namespace: str, peer: Peer, number: int) -> bool:
        """The peer's namespace selector, if it has one, selects the namespace."""
        if peer.namespaces is None:
            return True
        key = (namespace, number)
        if key not in self._places:
            self._places[key] = selects(peer.namespaces, namespace_labels(self._namespaces, namespace))
        return self._places[key]

    def named(self, pod: Pod) -> tuple[NamedPort, ...]:
        """The pod's ports under names that egress rules use."""
        return tuple(sorted({port for port in pod.ports if (port.name, port.protocol) in self._names}))
