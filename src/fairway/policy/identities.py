"""Identities: sets of addresses that no rule can tell apart.

What rules can see of an address are its traits: which selecting peers match it, which address blocks contain
it, and what it serves under the port names that egress rules use. Equal traits, equal identity. Pods are
listed by address; everything else follows from the longest listed network that contains it. Each Service
address is an identity of its own, since what may be opened to it depends on its backends.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network

from fairway.policy.decide import parsed, peer_matches
from fairway.policy.directory import pod_endpoint
from fairway.policy.model import Cluster, IPBlock, NetworkPolicy, Peer, Pod, Rule, TieredPolicy, TieredRule
from fairway.wire.address import Address, Network, packed
from fairway.wire.endpoint import NamedPort
from fairway.wire.rules import WORLD

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


@dataclass(slots=True)
class Vocabulary:
    """Everything that the rules of some policies can ask about an address, numbered."""

    selections: dict[Selection, int] = field(default_factory=dict)
    blocks: dict[IPBlock, int] = field(default_factory=dict)
    names: set[tuple[str, str]] = field(default_factory=set)

    def learn(self, policy: NetworkPolicy | TieredPolicy) -> None:
        """Take in one more policy, settled."""
        if isinstance(policy, NetworkPolicy):
            home, ingress, egress = policy.namespace, policy.ingress or (), policy.egress or ()
        else:
            home, ingress, egress = "", _plain(policy.ingress), _plain(policy.egress)
        for rule in (*ingress, *egress):
            for peer in rule.peers or ():
                if peer.block is not None:
                    self.blocks.setdefault(peer.block, len(self.blocks))
                else:
                    self.selections.setdefault(selection(peer, home), len(self.selections))
        for rule in egress:
            self.names.update((p.port, p.protocol) for p in rule.ports or () if isinstance(p.port, str))

    def networks(self) -> list[Network]:
        """Every network that a block mentions."""
        return sorted({n for block in self.blocks for n in (block.network, *block.excepts)}, key=network_order)

    def blocks_at(self, place: Address | Network) -> frozenset[int]:
        """The blocks that contain an address, or a listed network less the longer ones that are listed."""
        network = ip_network(place)
        return frozenset(
            number
            for block, number in self.blocks.items()
            if _inside(network, block.network) and not any(_inside(network, hole) for hole in block.excepts)
        )


def _plain(rules: Iterable[TieredRule]) -> tuple[Rule, ...]:
    return tuple(tiered.rule for tiered in rules)


def _inside(part: Network, whole: Network) -> bool:
    """Like subnet_of, for two networks of any families."""
    return part.version == whole.version and part.prefixlen >= whole.prefixlen and part.network_address in whole


def network_order(network: Network) -> tuple[bytes, int]:
    """Sorts networks of both families by address, then by length."""
    return packed(str(network.network_address)), network.prefixlen


class Identities:
    """The identities of a cluster's addresses.

    `exact` and `networks` are the look-up tables: exact, else the longest network, else WORLD. `traits[i]` is
    what rules see of identity i; `services` are the Service addresses among `exact`.
    """

    def __init__(self, cluster: Cluster, vocabulary: Vocabulary) -> None:
        self.traits: list[Traits] = [Traits()]
        self._numbers: dict[Traits, int] = {Traits(): WORLD}
        self.networks: dict[Network, int] = {}
        for network in vocabulary.networks():
            self.networks[network] = self._number(Traits(blocks=vocabulary.blocks_at(network)))
        self.exact: dict[str, int] = {}
        eye = _Eye(cluster, vocabulary)
        held = [(a, p) for p in cluster.pods if not p.finished and not p.host_network for a in p.addresses]
        for address, pod in sorted(held, key=lambda pair: packed(pair[0])):
            blocks = vocabulary.blocks_at(parsed(address))
            self.exact[address] = self._number(Traits(eye.selections(pod), blocks, eye.named(pod)))
        self.services: dict[str, int] = {}
        for address in sorted({a for service in cluster.services for a in service.addresses}, key=packed):
            if address not in self.exact:
                self.services[address] = self.exact[address] = len(self.traits)
                self.traits.append(Traits())
        self._lengths = sorted({(n.version, n.prefixlen) for n in self.networks}, reverse=True)
        self._index()

    def _number(self, traits: Traits) -> int:
        if traits not in self._numbers:
            self._numbers[traits] = len(self.traits)
            self.traits.append(traits)
        return self._numbers[traits]

    def _index(self) -> None:
        self.by_selection: dict[int, list[int]] = defaultdict(list)
        self.by_block: dict[int, list[int]] = defaultdict(list)
        self.by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
        for identity, traits in enumerate(self.traits):
            for number in traits.selections:
                self.by_selection[number].append(identity)
            for number in traits.blocks:
                self.by_block[number].append(identity)
            for name in {(port.name, port.protocol) for port in traits.named}:
                self.by_name[name].append(identity)

    def of(self, address: str) -> int:
        """The identity of an address in canonical text, found as the kernel finds it."""
        exact = self.exact.get(address)
        if exact is not None or not self.networks:
            return WORLD if exact is None else exact
        wanted = parsed(address)
        for version, length in self._lengths:
            if version == wanted.version:
                found = self.networks.get(ip_network((wanted, length), strict=False))
                if found is not None:
                    return found
        return WORLD


class _Eye:
    """What the rules see of pods; pods with equal labels are looked at once."""

    def __init__(self, cluster: Cluster, vocabulary: Vocabulary) -> None:
        self._namespaces = cluster.namespaces
        self._names = vocabulary.names
        self._bound: dict[str, list[tuple[Peer, int]]] = defaultdict(list)
        for (home, peer), number in vocabulary.selections.items():
            self._bound[home].append((peer, number))
        self._seen: dict[tuple[str, tuple[tuple[str, str], ...]], frozenset[int]] = {}

    def selections(self, pod: Pod) -> frozenset[int]:
        key = (pod.namespace, pod.labels)
        if key not in self._seen:
            endpoint = pod_endpoint(pod, "")
            self._seen[key] = frozenset(
                number
                for home in ("", pod.namespace)
                for peer, number in self._bound.get(home, ())
                if peer_matches(peer, home, self._namespaces, endpoint)
            )
        return self._seen[key]

    def named(self, pod: Pod) -> tuple[NamedPort, ...]:
        return tuple(sorted({port for port in pod.ports if (port.name, port.protocol) in self._names}))
