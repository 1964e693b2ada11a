"""Spans are sets of ports: compared with Python's own sets."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fairway.policy.intervals import Span, rule_at, subtract, union

SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 6), st.integers(1, 3)).map(
        lambda t: Span(t[0], t[0] + t[1], t[2])
    ),
    max_size=5,
)


def ports(spans: object) -> set[int]:
    return {port for low, high, _ in spans for port in range(low, high + 1)}  # type: ignore[attr-defined]


@given(SPANS, SPANS)
def test_union_and_difference(first: list[Span], second: list[Span]) -> None:
    one, two = union((), first), union((), second)
    assert ports(union(one, two)) == ports(first) | ports(second)
    assert ports(subtract(one, two)) == ports(first) - ports(second)
    both = union(one, two)
    assert all(left.high < right.low for left, right in pairwise(both))
    joined = [(a, b) for a, b in pairwise(both) if a.high + 1 == b.low and a.rule == b.rule]
    assert joined == []


@given(SPANS, st.integers(0, 40))
def test_the_earlier_rule_is_named(spans: list[Span], port: int) -> None:
    first = next((span.rule for span in spans if span.low <= port <= span.high), None)
    assert rule_at(union((), spans), port) == first
