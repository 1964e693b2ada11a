"""bitwise: the verdicts of small clusters. Pods and doors are bits; a rule is a few numbers, an answer a few ANDs.

Nothing is compiled beforehand: a pair of ends is settled when it is first asked about. The order of the tiers is that of
`decide`, with which tests compare it on random clusters. Services are not judged here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

from fairway.policy.decide import namespace_labels, parsed, rules_of, tiered_rules_of
from fairway.policy.doors import Doors
from fairway.policy.intervals import ALL_PORTS
from fairway.policy.model import Action, Cluster, IPBlock, Operator, Peer, Pod, PolicySet, Rule, Selector, Tier
from fairway.wire.address import Address, Network
from fairway.wire.words import Direction, Posture

_NOBODY: Final[Mapping[str, int]] = {}
_V6: Final = 1 << 32
"""IPv6 addresses are numbered after all of IPv4, so that blocks of the other family never match."""


class Labels:
    """Which of some things have a label, as bits in their order."""

    def __init__(self, each: Iterable[Mapping[str, str]]) -> None:
        self._having: dict[str, dict[str, int]] = defaultdict(dict)
        bit = 1
        for labels in each:
            for key, value in labels.items():
                values = self._having[key]
                values[value] = values.get(value, 0) | bit
            bit <<= 1
        self._every = bit - 1

    def select(self, selector: Selector) -> int:
        """Those that the selector matches."""
        chosen = self._every
        for wanted in selector.expressions:
            values = self._having.get(wanted.key, _NOBODY)
            match wanted.operator:  # no thing has two values of one key: a sum is a union
                case Operator.IN:
                    chosen &= sum([values.get(value, 0) for value in wanted.values])
                case Operator.NOT_IN:
                    chosen &= ~sum([values.get(value, 0) for value in wanted.values])
                case Operator.EXISTS:
                    chosen &= sum(values.values())
                case Operator.DOES_NOT_EXIST:
                    chosen &= ~sum(values.values())
        return chosen


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """An address, its `place` among all addresses, and the pod that holds it, if one does. `bit` is that pod's, or
    the one of everybody else; `named` are doors by the name and protocol of the pod's ports."""

    address: str
    place: int
    bit: int
    pod: Pod | None
    named: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, eq=False)
class _Matcher:
    """A rule: whom it matches (`bits`, `blocks`), which doors it speaks of, and under which names of the server's."""

    action: Action
    bits: int
    blocks: Sequence[IPBlock]
    doors: int
    names: Sequence[tuple[str, str]]

    def doors_of(self, peer: _End, server: _End) -> int:
        """The doors that the rule speaks of between a pod and this peer; either may be the server."""
        if not self.bits & peer.bit and not any(_inside(peer.place, block) for block in self.blocks):
            return 0
        doors = self.doors
        for name in self.names:
            doors |= server.named.get(name, 0)
        return doors


_Spoken = list[tuple[int, list[_Matcher]]]
"""What policies say in one direction: the pods that each is about, and its rules."""


class Bitwise:
    """Answers which `doors` are open between two addresses of a cluster under settled policies."""

    def __init__(self, cluster: Cluster, policies: PolicySet) -> None:
        self._pods = [pod for pod in cluster.pods if not pod.finished and not pod.host_network]
        self._labels = Labels(dict(pod.labels) for pod in self._pods)
        self._namespaces = Labels(namespace_labels(cluster.namespaces, pod.namespace) for pod in self._pods)
        self._homes: dict[str, int] = defaultdict(int)
        for index, pod in enumerate(self._pods):
            self._homes[pod.namespace] |= 1 << index
        self._others = 1 << len(self._pods)
        self._local = {node.name: node.addresses for node in cluster.nodes}
        self._posture = policies.posture
        self.doors = Doors(_cuts(policies, self._pods))
        self._ends = {end.address: end for index, pod in enumerate(self._pods) for end in self._held(index, pod)}
        self._own = tuple(self._said_by_policies(policies, direction) for direction in Direction)
        self._tiers = {
            (tier, direction): self._said_by_tier(policies, tier, direction)
            for tier in (Tier if policies.tiered else ())
            for direction in Direction
        }

    def opened(self, client: str, server: str) -> int:
        """The server's doors at which neither side denies the connection; both are canonical addresses."""
        if client == server:
            return self.doors.every
        source, target = self._end(client), self._end(server)
        opened = self._open(Direction.EGRESS, source, target, target)
        if target.pod is not None and client in self._local.get(target.pod.node, ()):
            return opened
        return opened & self._open(Direction.INGRESS, target, source, target)

    def _open(self, direction: Direction, subject: _End, peer: _End, server: _End) -> int:
        """The doors that one side does not deny."""
        if subject.pod is None:
            return self.doors.every
        opened, left = self._ask(Tier.ADMIN, direction, subject, peer, server, self.doors.every)
        isolating = [matchers for bits, matchers in self._own[direction] if bits & subject.bit]
        if isolating:
            for matcher in chain.from_iterable(isolating):
                opened |= left & matcher.doors_of(peer, server)
            return opened
        accepted, left = self._ask(Tier.BASELINE, direction, subject, peer, server, left)
        return opened | accepted | (left if self._posture is Posture.ALLOW else 0)

    def _ask(
        self, tier: Tier, direction: Direction, subject: _End, peer: _End, server: _End, asked: int
    ) -> tuple[int, int]:
        """What a tier accepts of the doors that are `asked` about, and what it leaves to those after it."""
        accepted = passed = 0
        for bits, matchers in self._tiers.get((tier, direction), ()):
            for matcher in matchers if bits & subject.bit else ():
                doors = asked & matcher.doors_of(peer, server)
                asked &= ~doors
                if matcher.action is Action.ACCEPT:
                    accepted |= doors
                elif matcher.action is Action.PASS:
                    passed |= doors
        return accepted, asked | passed

    def _said_by_policies(self, policies: PolicySet, direction: Direction) -> _Spoken:
        spoken = []
        for policy in policies.policies:
            rules = rules_of(policy, direction)
            if rules is not None and (bits := self._homes.get(policy.namespace, 0)):
                matchers = [self._matcher(rule, policy.namespace) for rule in rules]
                spoken.append((bits & self._labels.select(policy.subject), matchers))
        return spoken

    def _said_by_tier(self, policies: PolicySet, tier: Tier, direction: Direction) -> _Spoken:
        return [
            (
                self._selected(policy.subject, ""),
                [self._matcher(wrapped.rule, "", wrapped.action) for wrapped in tiered_rules_of(policy, direction)],
            )
            for policy in policies.of_tier(tier)
        ]

    def _matcher(self, rule: Rule, home: str, action: Action = Action.ACCEPT) -> _Matcher:
        bits, blocks = 0, []
        for peer in rule.peers or ():
            if peer.block is not None:
                blocks.append(peer.block)
            else:
                bits |= self._selected(peer, home)
        doors, names = 0, []
        for element in rule.ports or ():
            if isinstance(element.port, str):
                names.append((element.port, element.protocol))
            elif element.port is None:
                doors |= self.doors.between(element.protocol, *ALL_PORTS)
            else:
                doors |= self.doors.between(element.protocol, element.port, element.end or element.port)
        if rule.peers is None:
            bits = 2 * self._others - 1
        return _Matcher(action, bits, blocks, self.doors.every if rule.ports is None else doors, names)

    def _selected(self, peer: Peer, home: str) -> int:
        """The pods that a peer matches in a policy of namespace `home`."""
        if peer.namespaces is None:
            bits = self._homes.get(home, 0)
        else:
            bits = self._namespaces.select(peer.namespaces)
        return bits if peer.pods is None else bits & self._labels.select(peer.pods)

    def _held(self, index: int, pod: Pod) -> Iterator[_End]:
        """The pod at each of its addresses."""
        named: dict[tuple[str, str], int] = defaultdict(int)
        for port in pod.ports:
            named[port.name, port.protocol] |= self.doors.at(port.protocol, port.number)
        for address in pod.addresses:
            yield _End(address, _place(parsed(address)), 1 << index, pod, named)

    def _end(self, address: str) -> _End:
        found = self._ends.get(address)
        if found is None:
            found = self._ends[address] = _End(address, _place(parsed(address)), self._others, None, {})
        return found


def _cuts(policies: PolicySet, pods: Iterable[Pod]) -> set[int]:
    """The ports where what the rules say may change."""
    rules = [r for p in policies.policies for r in chain(p.ingress or (), p.egress or ())]
    rules += [wrapped.rule for p in policies.tiered for wrapped in chain(p.ingress, p.egress)]
    ranges = [(p.port, p.end or p.port) for rule in rules for p in rule.ports or () if isinstance(p.port, int)]
    ranges += [(port.number, port.number) for pod in pods for port in pod.ports]
    return {cut for low, high in ranges for cut in (low, high + 1)}


def _place(address: Address) -> int:
    return int(address) + (_V6 if address.version == 6 else 0)


def _inside(place: int, block: IPBlock) -> bool:
    network, holes = _ranges(block)
    return place in network and not any(place in hole for hole in holes)


@lru_cache(maxsize=4096)
def _ranges(block: IPBlock) -> tuple[range, tuple[range, ...]]:
    """The places of a block and of its holes."""
    return _range(block.network), tuple(map(_range, block.excepts))


def _range(network: Network) -> range:
    return range(_place(network.network_address), _place(network.broadcast_address) + 1)
