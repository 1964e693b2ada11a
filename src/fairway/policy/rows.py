"""RowMaker: the rules of the policies that isolate a group of pods become its Grant."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fairway.policy.grants import SHUT, Grant, Openings, column_of
from fairway.policy.identities import Identities
from fairway.policy.intervals import ALL_PORTS, Span, Spans, union
from fairway.policy.model import Peer, Ports, Rule
from fairway.policy.vocabulary import Vocabulary
from fairway.wire.endpoint import NamedPort
from fairway.wire.words import PROTOCOL_NUMBERS, Direction

NumberedRule = tuple[int, str, Rule]
"""The rule's number in the table, its policy's namespace, and the rule."""
_NOBODY: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Clause:
    """A rule with its ports by column; `names` are those that the peers' own ports resolve."""

    number: int
    every_port: bool
    spans: tuple[tuple[int, Span], ...]
    names: frozenset[tuple[str, str]]


class RowMaker:
    """Makes grants for groups of pods that the same policies isolate."""

    def __init__(self, identities: Identities, vocabulary: Vocabulary) -> None:
        self._identities = identities
        self._vocabulary = vocabulary

    def grant(
        self,
        rules: Iterable[NumberedRule],
        direction: Direction,
        own: Sequence[NamedPort],
        only: Collection[int] | None = None,
    ) -> Grant:
        """What the rules allow pods whose own named ports are `own`; `only`: with peers of these identities."""
        clauses: list[_Clause] = []
        everyone: list[int] = []
        matched: dict[int, list[int]] = defaultdict(list)
        for place, (number, home, rule) in enumerate(rules):
            clauses.append(clause := _clause(number, rule, direction, own))
            if rule.peers is None:
                everyone.append(place)
            for identity in self._named(clause) if rule.peers is None else self._targets(rule.peers, home):
                if only is None or identity in only:
                    matched[identity].append(place)
        kinds: dict[tuple[tuple[int, ...], tuple[NamedPort, ...]], Openings] = {}

        def openings(places: Iterable[int], named: tuple[NamedPort, ...]) -> Openings:
            key = (tuple(sorted({*places, *everyone})), named)
            if key not in kinds:
                kinds[key] = _openings([clauses[place] for place in key[0]], named)
            return kinds[key]

        names = frozenset[tuple[str, str]]().union(*(clause.names for clause in clauses))
        default = openings((), ())
        traits = self._identities.traits
        found = {
            identity: openings(places, traits[identity].named if names else ())
            for identity, places in sorted(matched.items())
        }
        return Grant(default, {identity: mine for identity, mine in found.items() if mine != default})

    def _targets(self, peers: Iterable[Peer], home: str) -> Iterable[int]:
        """The identities that the peers match."""
        selections, blocks = self._vocabulary.seen(peers, home)
        matched = [self._identities.by_selection[number] for number in selections]
        matched += [self._identities.by_block[number] for number in blocks]
        return matched[0] if len(matched) == 1 else _NOBODY.union(*matched)

    def _named(self, clause: _Clause) -> Iterable[int]:
        """The identities that serve ports by the names of a rule for all destinations."""
        return _NOBODY.union(*(self._identities.by_name[name] for name in clause.names))


def _clause(number: int, rule: Rule, direction: Direction, own: Sequence[NamedPort]) -> _Clause:
    spans: list[tuple[int, Span]] = []
    names: set[tuple[str, str]] = set()
    for element in rule.ports or ():
        column = column_of(PROTOCOL_NUMBERS[element.protocol])
        if not isinstance(element.port, str):
            spans.append((column, Span(*_numbers(element), number)))
        elif direction is Direction.EGRESS:
            names.add((element.port, element.protocol))
        else:  # the server is the group itself
            spans += _resolved(own, {(element.port, element.protocol)}, number)
    return _Clause(number, rule.ports is None, tuple(spans), frozenset(names))


def _numbers(element: Ports) -> tuple[int, int]:
    if isinstance(element.port, int):
        return element.port, element.end or element.port
    return ALL_PORTS


def _resolved(
    ports: Iterable[NamedPort], names: Collection[tuple[str, str]], number: int
) -> list[tuple[int, Span]]:
    return [
        (column_of(PROTOCOL_NUMBERS[port.protocol]), Span(port.number, port.number, number))
        for port in ports
        if (port.name, port.protocol) in names
    ]


def _openings(clauses: Iterable[_Clause], named: Iterable[NamedPort]) -> Openings:
    columns: list[list[Span]] = [[] for _ in SHUT]
    for clause in clauses:
        if clause.every_port:
            for spans in columns:
                spans.append(Span(*ALL_PORTS, clause.number))
        for column, span in (*clause.spans, *_resolved(named, clause.names, clause.number)):
            columns[column].append(span)
    one, two, three, other = (_sum(spans) for spans in columns)
    return one, two, three, other


def _sum(spans: list[Span]) -> Spans:
    return tuple(spans) if len(spans) < 2 else union((), spans)
