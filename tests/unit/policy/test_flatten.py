"""Tiers as rows: first match wins, and ANY never says what one identity is denied."""

from fairway.policy.flatten import Area, Front, Layer, flattened
from fairway.policy.intervals import Span
from fairway.policy.model import Action
from fairway.policy.rows import Allowance, allowing_rule
from fairway.wire.rules import ANY

EVERY = Span(0, 65535, 1)
TO_ALL: Allowance = {(ANY, 0): (EVERY,)}
TCP, ICMP = 6, 1


def deny(allowance: Allowance) -> Layer:
    return Layer(Action.DENY, Area(allowance))


def accept(allowance: Allowance) -> Layer:
    return Layer(Action.ACCEPT, Area(allowance))


def of(identity: int, low: int, high: int, rule: int = 2) -> Allowance:
    return {(identity, TCP): (Span(low, high, rule),)}


def test_a_deny_is_a_hole_that_any_does_not_leak_into() -> None:
    rows = flattened([deny(of(2, 80, 80))], None, [], 9, (), 4)
    assert rows[ANY, TCP] == (Span(0, 79, 9), Span(81, 65535, 9))
    assert {identity for identity, protocol in rows if protocol == TCP} == {ANY, 0, 1, 3}
    assert (2, TCP) not in rows
    assert rows[ANY, ICMP] == (Span(0, 65535, 9),)
    assert (ANY, 0) not in rows


def test_an_identity_that_may_nothing_costs_the_others_one_row_each() -> None:
    rows = flattened([deny({(2, 0): (EVERY,)})], None, [], 9, (), 4)
    assert rows == {(identity, 0): (Span(0, 65535, 9),) for identity in (0, 1, 3)}


def test_nothing_is_allowed_behind_policies_but_what_they_allow() -> None:
    rows = flattened([Layer(Action.PASS, Area(TO_ALL))], Area(of(1, 80, 81)), [accept(TO_ALL)], 9, (), 3)
    assert rows == {(1, TCP): (Span(80, 81, 2),)}


def test_the_first_match_wins() -> None:
    layers = [
        accept(of(1, 80, 80, 3)),
        deny(of(1, 80, 90)),
        accept(TO_ALL),
    ]
    rows = flattened(layers, None, [], None, (), 2)
    assert rows[ANY, TCP] == (Span(0, 80, 1), Span(91, 65535, 1))
    assert rows[0, TCP] == (Span(81, 90, 1),)


def test_a_service_is_open_if_all_its_backends_are() -> None:
    fronts = [Front(3, TCP, 80, ((1, 8080), (2, 8080))), Front(4, TCP, 80, ((1, 8080),))]
    rows = flattened([deny(of(2, 8080, 8080))], None, [], 9, fronts, 5)
    assert (3, TCP) in rows
    opened = {identity: allowing_rule(rows, identity, TCP, 80) is not None for identity in range(5)}
    assert opened == {0: True, 1: True, 2: True, 3: False, 4: True}
    assert allowing_rule(rows, 3, TCP, 81) is not None
