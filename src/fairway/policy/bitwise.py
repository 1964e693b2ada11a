"""bitwise: the verdicts of small clusters. Addresses and doors are bits; a rule is a few numbers, an answer a few
ANDs.

Nothing is compiled beforehand: a pair of ends is settled when it is first asked about. Tiers are asked in the order
of `decide`, with which tests compare the answers on random clusters.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from fairway.policy.decide import parsed, rules_of, tiered_rules_of
from fairway.policy.directory import Directory
from fairway.policy.doors import Doors
from fairway.policy.members import Members
from fairway.policy.model import Action, Cluster, IPBlock, Peer, Pod, PolicySet, Rule, Tier
from fairway.wire.address import Address, Network
from fairway.wire.words import Direction, Posture

_V6 = 1 << 32
"""IPv6 addresses have their places after all of IPv4, so that blocks of the other family never hold them."""
_LOOPBACK = range(127 << 24, 128 << 24)
_NOWHERE = -1
"""The place of a Service, which no block holds."""


class _Matcher(msgspec.Struct, frozen=True, gc=False):
    """A rule: whom it matches (members as `bits`; the places of `blocks`, each with those carved out of it), which
    doors it speaks of, and under which names of the server's."""

    action: Action
    bits: int
    blocks: Sequence[tuple[range, Sequence[range]]]
    doors: int
    names: Sequence[tuple[str, str]]


_Said = list[tuple[int, list[_Matcher]]]
"""Of each policy the members it is about and its rules."""


class _Side(msgspec.Struct, frozen=True, gc=False):
    """Who speaks of a pod in one direction. `own` are the rules of the NetworkPolicies that isolate it; None: none
    does. `rest` is what is open of `every` door of which nobody speaks."""

    admin: Sequence[_Matcher]
    own: Sequence[_Matcher] | None
    baseline: Sequence[_Matcher]
    every: int
    rest: int


class End(msgspec.Struct, frozen=True, gc=False):
    """An address. A pod that holds it has an `ingress` and `egress`, doors by the names and protocols of its ports,
    and a node with addresses. A Service at it has `fronts`."""

    address: str
    bit: int
    place: int
    ingress: _Side | None = None
    egress: _Side | None = None
    named: Mapping[tuple[str, str], int] = {}
    node: Sequence[str] = ()
    fronts: "Sequence[_Front]" = ()


_Front = tuple[int, Sequence[tuple[End, int]]]
"""A door of a Service, and who is behind it, each with a door of its own."""


class Bitwise:
    """Answers which `doors` are open between two addresses of a cluster under settled policies."""

    def __init__(self, cluster: Cluster, policies: PolicySet) -> None:
        self._members = members = Members(cluster)
        self.doors = Doors(policies, (pod for _, pod in members.held), cluster.services)
        self._rest = self.doors.every if policies.posture is Posture.ALLOW else 0
        ingress, egress = (self._said(policies, direction) for direction in Direction)
        nodes = {node.name: node.addresses for node in cluster.nodes}
        self._ends: dict[str, End] = {}
        for index, (address, pod) in enumerate(members.held):
            bit, place = 1 << index, _place(parsed(address))
            sides = self._side(ingress, bit), self._side(egress, bit)
            self._ends[address] = End(address, bit, place, *sides, self._named(pod), nodes.get(pod.node, ()))
        if cluster.services:
            self._place_services(cluster)

    def end(self, address: str) -> End:
        """Who is at a canonical address."""
        found = self._ends.get(address)
        if found is None:
            found = self._ends[address] = End(address, self._members.others, _place(parsed(address)))
        return found

    def opened(self, client: End, server: End) -> int:
        """The server's doors where neither side denies the connection; a Service's where nobody behind it does."""
        opened = self.doors.every
        if client is server or server.place in _LOOPBACK or server.place == _V6 + 1:
            return opened
        if client.egress is not None:
            opened = _through(client.egress, server) if server.fronts else _open(client.egress, server, server)
        for door, backends in server.fronts:
            if not all(self._let_in(client, backend) & own for backend, own in backends):
                opened &= ~door
        return opened & self._let_in(client, server)

    def _let_in(self, client: End, server: End) -> int:
        """The doors that the server's side does not deny."""
        if server.ingress is None or client is server or client.address in server.node:
            return self.doors.every
        return _open(server.ingress, client, server)

    def _place_services(self, cluster: Cluster) -> None:
        """Put Services at their addresses, but where a pod is."""
        directory = Directory(cluster)
        fronts: dict[str, list[_Front]] = {
            a: [] for s in cluster.services for a in s.addresses if a not in self._ends
        }
        self._ends |= {a: End(a, self._members.others, _NOWHERE, fronts=found) for a, found in fronts.items()}
        for address, found in fronts.items():
            service = directory.service_at(address)
            for port, protocol in {(p.port, p.protocol) for p in (service.ports if service else ())}:
                backends = directory.backends(address, port, protocol)
                behind = [(self.end(b.address), self.doors.at(protocol, number)) for b, number in backends]
                if behind:
                    found.append((self.doors.at(protocol, port), behind))

    def _named(self, pod: Pod) -> Mapping[tuple[str, str], int]:
        named: dict[tuple[str, str], int] = defaultdict(int)
        for port in pod.ports:
            named[port.name, port.protocol] |= self.doors.at(port.protocol, port.number)
        return named

    def _said(self, policies: PolicySet, direction: Direction) -> tuple[_Said, _Said, _Said]:
        """What the Admin tier, the NetworkPolicies and the Baseline tier say in one direction."""
        members, matcher = self._members, self._matcher
        own = [
            (
                members.meant(Peer(policy.subject), policy.namespace),
                [matcher(rule, policy.namespace) for rule in rules],
            )
            for policy in policies.policies
            if (rules := rules_of(policy, direction)) is not None
        ]
        if not policies.tiered:
            return [], own, []
        admin, baseline = (
            [
                (
                    members.meant(policy.subject, ""),
                    [matcher(r.rule, "", r.action) for r in tiered_rules_of(policy, direction)],
                )
                for policy in policies.of_tier(tier)
            ]
            for tier in (Tier.ADMIN, Tier.BASELINE)
        )
        return admin, own, baseline

    def _matcher(self, rule: Rule, home: str, action: Action = Action.ACCEPT) -> _Matcher:
        bits, doors = 0, 0
        blocks, names = [], []
        for peer in rule.peers or ():
            if peer.block is not None:
                blocks.append(_places(peer.block))
            else:
                bits |= self._members.meant(peer, home)
        for element in rule.ports or ():
            if isinstance(element.port, str):
                names.append((element.port, element.protocol))
            else:
                doors |= self.doors.of(element)
        if rule.peers is None:
            bits = self._members.everyone
        if rule.ports is None:
            doors = self.doors.every
        return _Matcher(action, bits, blocks, doors, names)

    def _side(self, said: tuple[_Said, _Said, _Said], bit: int) -> _Side:
        admin, own, baseline = said
        isolated = any(bits & bit for bits, _ in own)
        rules = _about(admin, bit), _about(own, bit) if isolated else None, _about(baseline, bit)
        return _Side(*rules, self.doors.every, self._rest)


def _about(said: _Said, bit: int) -> list[_Matcher]:
    return [matcher for bits, matchers in said if bits & bit for matcher in matchers]


def _open(side: _Side, peer: End, server: End) -> int:
    """The doors that a side does not deny between its pod and the peer, either of which is the server."""
    opened, left = _ask(side.admin, peer, server, side.every) if side.admin else (0, side.every)
    if side.own is not None:
        for matcher in side.own:
            opened |= left & _meant(matcher, peer, server)
        return opened
    if side.baseline:
        accepted, left = _ask(side.baseline, peer, server, left)
        opened |= accepted
    return opened | left & side.rest


def _through(side: _Side, service: End) -> int:
    """The doors of a Service that a side does not deny: those with somebody behind, if all of them are open."""
    opened = _open(side, service, service)
    for door, backends in service.fronts:
        reached = all(_open(side, backend, backend) & own for backend, own in backends)
        opened = opened | door if reached else opened & ~door
    return opened


def _ask(tier: Sequence[_Matcher], peer: End, server: End, asked: int) -> tuple[int, int]:
    """What a tier accepts of the doors that are `asked` about, and what it leaves to those after it."""
    accepted = passed = 0
    for matcher in tier:
        doors = asked & _meant(matcher, peer, server)
        asked &= ~doors
        if matcher.action is Action.ACCEPT:
            accepted |= doors
        elif matcher.action is Action.PASS:
            passed |= doors
    return accepted, asked | passed


def _meant(matcher: _Matcher, peer: End, server: End) -> int:
    """The doors that a rule speaks of, if it matches the peer."""
    if not matcher.bits & peer.bit:
        for network, holes in matcher.blocks:
            if peer.place in network and not any(peer.place in hole for hole in holes):
                break
        else:
            return 0
    doors = matcher.doors
    for name in matcher.names:
        doors |= server.named.get(name, 0)
    return doors


def _place(address: Address) -> int:
    return int(address) + (_V6 if address.version == 6 else 0)


def _places(block: IPBlock) -> tuple[range, Sequence[range]]:
    return _range(block.network), [_range(hole) for hole in block.excepts]


def _range(network: Network) -> range:
    return range(_place(network.network_address), _place(network.broadcast_address) + 1)
