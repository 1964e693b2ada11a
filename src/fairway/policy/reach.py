"""Reach: the ports that one side of a connection leaves open, as sets that can be compared."""

from typing import Final

from fairway.policy.compile import Compiled
from fairway.policy.intervals import Span, Spans, subtract, union
from fairway.wire.rules import CLOSED, FIRST_POLICY

PROTOCOLS: Final = ("TCP", "UDP", "SCTP", "other protocols")
"""What a Reach is indexed by; the last one stands for ICMP and everything else without ports."""
_ALL: Final = (Span(1, 65535, 0),)

Reach = tuple[Spans, Spans, Spans, Spans]
"""Ports by protocol, without the rules that open them: equal sets are equal values."""
EVERYTHING: Final[Reach] = (_ALL, _ALL, _ALL, _ALL)
NOTHING: Final[Reach] = ((), (), (), ())


def reach(compiled: Compiled, number: int, identity: int) -> Reach:
    """What pods under policy `number` may open with, or take from, peers of `identity`."""
    if number < FIRST_POLICY:
        return NOTHING if number == CLOSED else EVERYTHING
    _, grant = compiled.grants[number]

    def ports(spans: Spans) -> Spans:
        found = (Span(max(1, low), high, 0) for low, high, _ in spans)
        return union((), (span for span in found if span.low <= span.high))

    first, second, third, other = map(ports, grant.of(identity))
    return first, second, third, other


def both(one: Reach, other: Reach) -> Reach:
    """The ports that are open on both sides."""
    if one is EVERYTHING:
        return other
    return _each(one, _each(one, other))


def minus(one: Reach, other: Reach) -> Reach:
    """The ports of `one` that are not in `other`."""
    return _each(one, other)


def _each(one: Reach, other: Reach) -> Reach:
    first, second, third, last = (subtract(a, b) for a, b in zip(one, other, strict=True))
    return first, second, third, last


def only(low: int, protocol: str, high: int | None = None) -> Reach:
    """One port, or those from `low` to `high`."""
    span = Span(low, high or low, 0)
    first, second, third = ((span,) if name == protocol else () for name in PROTOCOLS[:3])
    return first, second, third, ()


def opens(what: Reach, port: int, protocol: str) -> bool:
    """The port is among them."""
    number = PROTOCOLS.index(protocol) if protocol in PROTOCOLS else 3
    return any(span.low <= (port or 1) <= span.high for span in what[number])


def port_titles(what: Reach) -> tuple[str, ...]:
    """`TCP 80`, `TCP 8000-8100`, `UDP every port`, or `every port and protocol`."""
    if what == EVERYTHING:
        return ("every port and protocol",)
    return tuple(_title(name, span) for name, spans in zip(PROTOCOLS, what, strict=True) for span in spans)


def _title(name: str, span: Span) -> str:
    if name == PROTOCOLS[3]:
        return name
    if (span.low, span.high) == (1, 65535):
        return f"{name} every port"
    return f"{name} {span.low}" if span.low == span.high else f"{name} {span.low}-{span.high}"


def sample(what: Reach, family: int) -> tuple[int, str]:
    """One port of the set and its protocol, to explain the others by. ValueError if it is empty."""
    for name, spans in zip(PROTOCOLS, what, strict=True):
        if spans:
            if name == PROTOCOLS[3]:
                return 0, "ICMPv6" if family == 6 else "ICMP"
            return spans[0].low, name
    raise ValueError("no port is open")
