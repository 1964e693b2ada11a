"""Sample coverage: against worked figures, against a simulated truth, and at its edges."""

import random
from statistics import mean, stdev

import pytest

from fairway.policy.sampling import estimate


@pytest.mark.parametrize(
    ("incidences", "bins", "coverage", "unseen"),
    [
        ([], 10, 0.0, 0.0),
        ([10, 10, 5], 10, 1.0, 0.0),
        # U = 20, Q1 = 2, Q2 = 1: A = 9*2 / (9*2 + 2*1) = 0.9; 1 - 2/20*0.9; Chao2 0.9 * 4/2
        ([10, 6, 2, 1, 1], 10, 0.91, 1.8),
        # Q2 = 0: A = 9*1 / (9*1 + 2); Chao2 0.9 * 2*1/2
        ([10, 8, 1, 1], 10, 1 - 2 / 20 * 9 / 11, 0.9),
        ([9, 1], 10, 0.9, 0.0),
        ([1], 1, 0.0, 0.0),
    ],
)
def test_worked_figures(incidences: list[int], bins: int, coverage: float, unseen: float) -> None:
    found = estimate(incidences, bins)
    assert found.coverage == pytest.approx(coverage)
    assert found.unseen == pytest.approx(unseen)
    assert found.kinds == len(incidences)
    assert 0 <= found.error <= 1


def test_against_known_truth_the_estimate_is_close_and_its_error_the_right_size() -> None:
    chance = random.Random(7)
    rates = [0.5 / rank for rank in range(1, 41)]
    estimates, errors, truths = [], [], []
    for _ in range(300):
        counts = [sum(chance.random() < rate for _ in range(60)) for rate in rates]
        found = estimate([count for count in counts if count], 60)
        estimates.append(found.coverage)
        errors.append(found.error)
        truths.append(sum(r for r, c in zip(rates, counts, strict=True) if c) / sum(rates))
    assert mean(estimates) == pytest.approx(mean(truths), abs=0.005)
    # The spread of the estimates is what the error claims.
    assert mean(errors) == pytest.approx(stdev(estimates), rel=0.15)
