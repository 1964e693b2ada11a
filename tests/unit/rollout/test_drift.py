from math import exp, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairway.rollout.drift import Baseline, beta, shift
from fairway.rollout.seen import Tally

ALARM = 1e-6
STEADY = [Tally(bad=2, of=1000)] * 24


def tail(count: int, successes: float, chance: float) -> float:
    """P(N >= count) of a negative binomial, term by term."""
    terms = (
        lgamma(n + successes) - lgamma(successes) - lgamma(n + 1) + n * log(chance) + successes * log(1 - chance)
        for n in range(count)
    )
    return 1 - sum(map(exp, terms))


@given(st.integers(1, 60), st.floats(0.5, 300), st.floats(0.01, 0.95))
def test_the_beta_function_is_the_tail_of_the_negative_binomial(
    count: int, successes: float, chance: float
) -> None:
    assert beta(count, successes, chance) == pytest.approx(tail(count, successes, chance), abs=1e-9)


@pytest.mark.parametrize(
    ("after", "alarms"),
    [
        (Tally(bad=2, of=1000), False),
        (Tally(bad=0, of=0), False),
        (Tally(bad=6, of=1000), False),  # 4 more: too few to act on
        (Tally(bad=40, of=1000), True),
        (Tally(bad=40, of=20_000), False),  # what 20,000 chances let expect
        (Tally(bad=1000, of=1000), True),
    ],
)
def test_against_a_steady_baseline(after: Tally, alarms: bool) -> None:
    assert shift(STEADY, after).alarming(ALARM) is alarms


def test_what_comes_in_clumps_is_given_more_room() -> None:
    clumped = [Tally(bad=48 if n % 12 == 0 else 0, of=1000) for n in range(24)]
    assert Baseline(clumped).dispersion > 20
    assert shift(clumped, Tally(bad=40, of=1000)).alarming(ALARM) is False
    assert shift(clumped, Tally(bad=900, of=1000)).alarming(ALARM) is True


def test_without_a_baseline_nothing_is_known() -> None:
    assert shift([], Tally(bad=500, of=500)).alarming(ALARM) is False
    assert shift([Tally(bad=0, of=0)], Tally(bad=500, of=500)).alarming(ALARM) is False


def test_a_baseline_without_anything_bad_still_lets_chance_happen() -> None:
    clean = [Tally(bad=0, of=100)] * 24
    assert shift(clean, Tally(bad=2, of=100)).alarming(ALARM) is False
    assert shift(clean, Tally(bad=20, of=100)).alarming(ALARM) is True


@given(st.floats(0, 500), st.floats(1, 5000))
def test_more_is_never_less_suspicious(bad: float, of: float) -> None:
    less, more = (shift(STEADY, Tally(bad=count, of=of)).chance for count in (bad, bad + 1))
    assert more <= less + 1e-12
