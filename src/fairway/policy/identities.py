"""Identities: sets of addresses that no rule can tell apart.

What rules can see of an address are its traits: which selecting peers match it, which address blocks contain
it, and what it serves under the port names that egress rules use. Equal traits, equal identity. Pods are
listed by address; everything else follows from the longest listed network that contains it. Each Service
address is an identity of its own, since what may be opened to it depends on its backends.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import copy

from fairway.policy.decide import parsed
from fairway.policy.model import Cluster, Pod
from fairway.policy.vocabulary import Eye, Traits, Vocabulary
from fairway.wire.address import Network, packed
from fairway.wire.rules import WORLD


class Identities:
    """The identities of a cluster's addresses.

    `exact` and `networks` are the look-up tables: exact, else the longest network, else WORLD. `traits[i]` is
    what rules see of identity i; `services` are the Service addresses among `exact`.
    """

    def __init__(self, cluster: Cluster, vocabulary: Vocabulary) -> None:
        self.traits: list[Traits] = [Traits()]
        self._numbers: dict[Traits, int] = {Traits(): WORLD}
        self.by_selection: dict[int, list[int]] = defaultdict(list)
        self.by_block: dict[int, list[int]] = defaultdict(list)
        self.by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.networks: dict[Network, int] = {}
        for network, blocks in vocabulary.networks().items():
            self.networks[network] = self.number(Traits(blocks=blocks))
        self._ladder = _ladder(self.networks)
        self._eye = Eye(cluster, vocabulary)
        self.exact: dict[str, int] = {}
        for address, pod in sorted(holders(cluster), key=lambda pair: packed(pair[0])):
            self.exact[address] = self.number(self.traits_of(pod, address))
        self.services: dict[str, int] = {}
        for address in sorted({a for service in cluster.services for a in service.addresses}, key=packed):
            if address not in self.exact:
                self.services[address] = self.exact[address] = len(self.traits)
                self.traits.append(Traits())

    def traits_of(self, pod: Pod, address: str) -> Traits:
        """What the rules see of a pod at one of its addresses."""
        # The borders of all blocks are listed: the longest network around an address is in the same blocks.
        blocks = self.traits[self.outside(address)].blocks
        return Traits(self._eye.selections(pod), blocks, self._eye.named(pod))

    def number(self, traits: Traits) -> int:
        """The identity with these traits, a new one if there is none yet."""
        known = self._numbers.get(traits)
        if known is not None:
            return known
        identity = self._numbers[traits] = len(self.traits)
        self.traits.append(traits)
        for number in traits.selections:
            self.by_selection[number].append(identity)
        for number in traits.blocks:
            self.by_block[number].append(identity)
        for name in {(port.name, port.protocol) for port in traits.named}:
            self.by_name[name].append(identity)
        return identity

    def moved(self, changes: Mapping[str, Pod | None]) -> "Identities":
        """The same, but for the addresses that other pods hold now, or none. Both share what may only grow."""
        other = copy(self)
        other.exact = dict(self.exact)
        for address, pod in changes.items():
            if pod is None:
                del other.exact[address]
            else:
                other.exact[address] = self.number(self.traits_of(pod, address))
        return other

    def of(self, address: str) -> int:
        """The identity of an address in canonical text, found as the kernel finds it."""
        exact = self.exact.get(address)
        return self.outside(address) if exact is None else exact

    def outside(self, address: str) -> int:
        """The identity that the address has, or would have, without an entry of its own."""
        if not self._ladder:
            return WORLD
        place = parsed(address)
        return self._longest(place.version, int(place), 0)

    def around(self, network: Network) -> int:
        """The identity of the longest listed network around another."""
        shift = network.max_prefixlen - network.prefixlen
        return self._longest(network.version, int(network.network_address), shift + 1)

    def _longest(self, family: int, value: int, least: int) -> int:
        """Of the networks around an address that leave `least` bits of it open at least."""
        for version, shift, networks in self._ladder:
            if version == family and shift >= least:
                found = networks.get(value >> shift)
                if found is not None:
                    return found
        return WORLD


def holders(cluster: Cluster) -> Iterator[tuple[str, Pod]]:
    """The addresses that pods hold as their own."""
    for pod in cluster.pods:
        if not pod.finished and not pod.host_network:
            yield from ((address, pod) for address in pod.addresses)


def _ladder(networks: dict[Network, int]) -> list[tuple[int, int, dict[int, int]]]:
    """Identities by family and length, the longest first: by what is left of an address after a shift."""
    steps: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    for network, identity in networks.items():
        shift = network.max_prefixlen - network.prefixlen
        steps[network.version, shift][int(network.network_address) >> shift] = identity
    return [(version, shift, steps[version, shift]) for version, shift in sorted(steps)]
