"""Tiers as a grant: the first match wins."""

from fairway.policy.flatten import Layer, flattened
from fairway.policy.grants import SHUT, Grant, Openings
from fairway.policy.intervals import Span
from fairway.policy.model import Action

EVERY = (Span(0, 65535, 1),)
TO_ALL = Grant((EVERY,) * 4)
POSTURE = (Span(0, 65535, 9),)


def of(identity: int, low: int, high: int, rule: int = 2) -> Grant:
    return Grant(SHUT, {identity: tcp(Span(low, high, rule))})


def tcp(*spans: Span) -> Openings:
    return spans, (), (), ()


def test_a_deny_is_a_hole_for_one_and_for_nobody_else() -> None:
    found = flattened([Layer(Action.DENY, of(2, 80, 80))], None, [], 9)
    assert found.default == (POSTURE,) * 4
    assert found.own == {2: ((Span(0, 79, 9), Span(81, 65535, 9)), POSTURE, POSTURE, POSTURE)}


def test_nothing_is_allowed_behind_policies_but_what_they_allow() -> None:
    layers = [Layer(Action.PASS, TO_ALL)]
    assert flattened(layers, of(1, 80, 81), [Layer(Action.ACCEPT, TO_ALL)], 9) == of(1, 80, 81)


def test_what_a_tier_passes_on_is_asked_again() -> None:
    layers = [Layer(Action.PASS, of(1, 80, 81)), Layer(Action.DENY, TO_ALL)]
    found = flattened(layers, None, [Layer(Action.DENY, of(1, 81, 90))], 9)
    assert found == Grant(SHUT, {1: tcp(Span(80, 80, 9))})


def test_the_first_match_wins() -> None:
    layers = [
        Layer(Action.ACCEPT, of(1, 80, 80, 3)),
        Layer(Action.DENY, of(1, 80, 90)),
        Layer(Action.ACCEPT, TO_ALL),
    ]
    found = flattened(layers, None, [], None)
    assert found.default == (EVERY,) * 4
    assert found.own[1][0] == (Span(0, 79, 1), Span(80, 80, 3), Span(91, 65535, 1))
    assert found.own[1][1:] == (EVERY,) * 3


def test_what_tiers_change_for_nobody_is_not_told_apart() -> None:
    assert flattened([Layer(Action.DENY, of(2, 80, 80))], Grant(), [], None) == Grant()
