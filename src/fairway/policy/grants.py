"""Grants: what the pods under one policy number may open, or take, by the identity of the other end."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from fairway.policy.intervals import ALL_PORTS, EVERY_PORT, Spans, intersect, rule_at, subtract
from fairway.wire.words import ANY_PROTOCOL, PROTOCOL_NUMBERS

WITH_PORTS: Final = tuple(PROTOCOL_NUMBERS[name] for name in ("TCP", "UDP", "SCTP"))
OTHERS: Final = len(WITH_PORTS)
"""The column of ICMP and all other protocols without ports, which rules cannot tell apart."""
_COLUMNS: Final = {number: column for column, number in enumerate(WITH_PORTS)}
_OTHER_NUMBERS: Final = tuple(number for number in range(1, 256) if number not in WITH_PORTS)

Openings = tuple[Spans, Spans, Spans, Spans]
"""Open ports by column: TCP, UDP, SCTP, other protocols; of these all ports are open or none."""
SHUT: Final[Openings] = ((), (), (), ())

RowPart = tuple[int, int, int, int]
"""Protocol, low, high, rule: of a row what is neither its policy nor its peer."""


def column_of(protocol: int) -> int:
    """Where Openings speak of a protocol number."""
    return _COLUMNS.get(protocol, OTHERS)


@dataclass(frozen=True, slots=True)
class Grant:
    """`own` are the peers that are treated unlike the rest, each with all its ports; `default` is the rest's."""

    default: Openings = SHUT
    own: Mapping[int, Openings] = field(default_factory=dict)

    def of(self, identity: int) -> Openings:
        """What may be opened with peers of an identity."""
        return self.own.get(identity, self.default)

    def rule(self, identity: int, column: int, port: int) -> int | None:
        """The rule that allows a connection, or None."""
        return rule_at(self.own.get(identity, self.default)[column], port)


@dataclass(frozen=True, slots=True)
class GrantRows:
    """A grant as the kernel obeys it: `common` is for every peer, `default` and `own` are what others may beyond
    it; every identity of the grant is in `own`."""

    common: tuple[RowPart, ...]
    default: tuple[RowPart, ...]
    own: Mapping[int, tuple[RowPart, ...]]


def rows_of(grant: Grant, alive: Container[int] | None = None) -> GrantRows:
    """Disjoint rows that say nothing twice; `alive` are the identities that any address has, None for all."""
    own = {i: openings for i, openings in grant.own.items() if alive is None or i in alive}
    kinds = dict.fromkeys(own.values())
    common = reduce(_common, kinds, grant.default)
    rows = {openings: tuple(_rows(openings, common)) for openings in (*kinds, grant.default)}
    return GrantRows(tuple(_rows(common, SHUT)), rows[grant.default], {i: rows[own[i]] for i in own})


def _common(first: Openings, second: Openings) -> Openings:
    one, two, three, other = (intersect(a, b) for a, b in zip(first, second, strict=True))
    return one, two, three, other


def _rows(openings: Openings, said: Openings) -> Iterator[RowPart]:
    """Rows for what is not `said`: one for every protocol where all are open, else each protocol by itself."""
    left = [subtract(spans, others) for spans, others in zip(openings, said, strict=True)]
    if not any(left):
        return
    if not any(subtract(EVERY_PORT, spans) for spans in openings):
        yield ANY_PROTOCOL, *ALL_PORTS, openings[OTHERS][0].rule
        return
    for protocol, spans in zip(WITH_PORTS, left[:OTHERS], strict=True):
        yield from ((protocol, low, high, rule) for low, high, rule in spans)
    for low, high, rule in left[OTHERS]:
        yield from ((protocol, low, high, rule) for protocol in _OTHER_NUMBERS)
