"""Spans: sorted, disjoint intervals of ports, each with the number of the rule that allows it."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final, NamedTuple


class Span(NamedTuple):
    """Ports `low..high`, both included."""

    low: int
    high: int
    rule: int


Spans = tuple[Span, ...]
ALL_PORTS: Final = (0, 65535)
EVERY_PORT: Final[Spans] = (Span(*ALL_PORTS, 0),)


def union(first: Spans, more: Iterable[Span]) -> Spans:
    """Both; where they overlap the rule of `first`, then of the earlier one, stays."""
    spans = first
    for span in more:
        spans = tuple(sorted((*spans, *subtract((span,), spans))))
    return _joined(spans)


def subtract(spans: Spans, holes: Iterable[Span]) -> Spans:
    """What of `spans` is in none of the `holes`."""
    left = list(spans)
    for hole in holes:
        left = [
            part
            for span in left
            for part in (
                Span(span.low, min(span.high, hole.low - 1), span.rule),
                Span(max(span.low, hole.high + 1), span.high, span.rule),
            )
            if part.low <= part.high
        ]
        if not left:
            break
    return tuple(left)


def intersect(spans: Spans, others: Spans) -> Spans:
    """What of `spans` is in `others`, too, under the rules of `spans`."""
    if not spans or others in (spans, EVERY_PORT):
        return spans
    return subtract(spans, subtract(spans, others)) if others else ()


def rule_at(spans: Spans, port: int) -> int | None:
    """The rule that allows the port, or None."""
    index = bisect_right(spans, port, key=lambda span: span.low) - 1
    return spans[index].rule if index >= 0 and port <= spans[index].high else None


def _joined(spans: Spans) -> Spans:
    """Neighbours of one rule as one span, so that equal sets have equal spans."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].high + 1 == span.low and joined[-1].rule == span.rule:
            joined[-1] = Span(joined[-1].low, span.high, span.rule)
        else:
            joined.append(span)
    return tuple(joined)
