"""Rows: what the pods under one policy number may open, by peer identity and protocol, as spans of ports."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from fairway.policy.identities import Identities, Vocabulary, selection
from fairway.policy.intervals import ALL_PORTS, Span, Spans, rule_at, subtract, union
from fairway.policy.model import Peer, Ports, Rule
from fairway.wire.endpoint import NamedPort
from fairway.wire.rules import ANY
from fairway.wire.words import ANY_PROTOCOL, PROTOCOL_NUMBERS, Direction

_NOTHING: Final[Spans] = ()

Allowance = dict[tuple[int, int], Spans]
"""By (identity, protocol number): the allowed spans. An identity's own and those of ANY add up; so do a
protocol's own and those of protocol 0."""
NumberedRule = tuple[int, str, Rule]
"""The rule's number in the table, its policy's namespace, and the rule."""


def lookups(identity: int, protocol: int) -> tuple[tuple[int, int], ...]:
    """The keys of an allowance that speak of the identity and protocol, in the kernel's order."""
    return ((identity, protocol), (identity, ANY_PROTOCOL), (ANY, protocol), (ANY, ANY_PROTOCOL))


def allowing_rule(
    allowance: Mapping[tuple[int, int], Spans], identity: int, protocol: int, port: int
) -> int | None:
    """The rule that allows the connection, looked up in the kernel's order, or None."""
    for key in lookups(identity, protocol):
        rule = rule_at(allowance.get(key, _NOTHING), port)
        if rule is not None:
            return rule
    return None


class RowMaker:
    """Makes allowances for groups of pods that the same policies isolate."""

    def __init__(self, identities: Identities, vocabulary: Vocabulary) -> None:
        self._identities = identities
        self._vocabulary = vocabulary

    def allowance(self, rules: Iterable[NumberedRule], direction: Direction, own: Sequence[NamedPort]) -> Allowance:
        """What the rules allow pods whose own named ports are `own`; canonical: disjoint, nothing said twice."""
        found: dict[tuple[int, int], list[Span]] = defaultdict(list)
        for number, home, rule in rules:
            targets = self._targets(rule.peers, home)
            for element in rule.ports or (None,):
                for identity, protocol, low, high in self._openings(element, targets, direction, own):
                    found[identity, protocol].append(Span(low, high, number))
        return canonical({key: union((), spans) for key, spans in found.items()})

    def _targets(self, peers: tuple[Peer, ...] | None, home: str) -> list[int] | None:
        """The identities that the peers match; None means every one."""
        if peers is None:
            return None
        matched: set[int] = set()
        for peer in peers:
            if peer.block is not None:
                matched.update(self._identities.by_block[self._vocabulary.blocks[peer.block]])
            else:
                number = self._vocabulary.selections[selection(peer, home)]
                matched.update(self._identities.by_selection[number])
        return sorted(matched)

    def _openings(
        self, element: Ports | None, targets: list[int] | None, direction: Direction, own: Sequence[NamedPort]
    ) -> Iterator[tuple[int, int, int, int]]:
        """(identity, protocol, low, high) of one element of `ports`."""
        everyone = [ANY] if targets is None else targets
        if element is None:
            yield from ((identity, ANY_PROTOCOL, *ALL_PORTS) for identity in everyone)
            return
        protocol = PROTOCOL_NUMBERS[element.protocol]
        if isinstance(element.port, str):
            name = (element.port, element.protocol)
            if direction is Direction.INGRESS:  # the server is the group itself
                numbers = [port.number for port in own if (port.name, port.protocol) == name]
                yield from ((identity, protocol, n, n) for identity in everyone for n in numbers)
                return
            serving = self._identities.by_name[name]
            for identity in serving if targets is None else sorted({*serving} & {*targets}):
                for port in self._identities.traits[identity].named:
                    if (port.name, port.protocol) == name:
                        yield identity, protocol, port.number, port.number
            return
        low, high = ALL_PORTS if element.port is None else (element.port, element.end or element.port)
        yield from ((identity, protocol, low, high) for identity in everyone)


def canonical(allowance: Allowance) -> Allowance:
    """The same permissions without what ANY or protocol 0 already say."""
    kept: Allowance = {}
    for (identity, protocol), spans in sorted(allowance.items()):
        for key in ((ANY, protocol), (identity, ANY_PROTOCOL), (ANY, ANY_PROTOCOL)):
            if key != (identity, protocol):
                spans = subtract(spans, allowance.get(key, _NOTHING))
        if spans:
            kept[identity, protocol] = spans
    return kept


def narrowed(allowance: Allowance, holes: Mapping[tuple[int, int], set[int]], everyone: Iterable[int]) -> Allowance:
    """The same permissions, except that ANY no longer means the identities in `holes` at (protocol, port)."""
    cut = dict(allowance)
    identities = tuple(everyone)
    for (protocol, port), without in sorted(holes.items()):
        rule = rule_at(cut[ANY, protocol], port)
        point = Span(port, port, rule or 0)
        cut[ANY, protocol] = subtract(cut[ANY, protocol], (point,))
        for identity in identities:
            if identity not in without:
                cut[identity, protocol] = union(cut.get((identity, protocol), _NOTHING), (point,))
    return canonical(cut)
