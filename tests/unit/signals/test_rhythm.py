"""Rhythms: medians by hand, and what half of the hours may not move."""

import numpy as np
import pytest

from fairway.signals.rhythm import UNIT, WEEK, Rhythm, median

BEGIN = 497_000 // WEEK * WEEK


def weeks(count: int, level: float = 1e6) -> np.ndarray:
    """Ten times as much by day, and nothing on the seventh."""
    hours = np.arange(count * WEEK)
    values = np.where((hours % 24 >= 8) & (hours % 24 < 18), 10.0, 1.0) * level
    return np.where(hours // 24 % 7 == 6, 0.0, values)[None, :]


def test_median_of_what_is_there() -> None:
    told = np.array([[3.0, 1.0, np.nan, 2.0], [np.nan] * 4, [4.0, 1.0, 2.0, 3.0]])
    middle, count = median(told, 1)
    assert middle.tolist() == [2.0, 0.0, 2.5]
    assert count.tolist() == [3, 0, 4]


def test_four_weeks_know_hours_of_the_week_and_one_knows_hours_of_the_day() -> None:
    rhythm = Rhythm(weeks(4), BEGIN)
    for hour, wanted in ((3, 1e6), (12, 1e7)):
        assert rhythm.expected(BEGIN + hour)[0] == pytest.approx(
            wanted, rel=0.15
        )  # a little of all hours is in each
    # An hour of the seventh day: four weeks pull it 4/7 of the way from a usual day's towards nothing.
    usual = np.log1p(1e7 / UNIT)
    pooled = (28 * usual + 3 * np.log1p(1e6 / UNIT)) / 31
    assert rhythm.usual[0, 6 * 24 + 12] == pytest.approx(3 / 7 * pooled)
    assert Rhythm(weeks(1), BEGIN).usual[0, 6 * 24 + 12] == pytest.approx(
        3 / 4 * (7 * usual + 3 * np.log1p(1e6 / UNIT)) / 10
    )


def test_bursts_move_the_extremes_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    noisy = weeks(4) * np.exp(rng.normal(0, 0.2, (1, 4 * WEEK)))
    calm = Rhythm(noisy, BEGIN)
    noisy[0, 10::29] *= 1000
    burst = Rhythm(noisy, BEGIN)
    assert burst.scale[0] == pytest.approx(calm.scale[0], rel=0.1)
    assert np.abs(burst.usual - calm.usual).max() < 0.4
    assert burst.highest[0] > np.log(300)


def test_what_nobody_watched_is_not_nothing() -> None:
    values = weeks(4)
    values[0, 100:400] = np.nan
    rhythm = Rhythm(values, BEGIN + 5)
    assert rhythm.known[0] == 4 * WEEK - 300
    assert rhythm.expected(BEGIN + 5 + 12)[0] == pytest.approx(1e7, rel=0.3)
    assert np.isfinite(rhythm.strayed(np.array([1e9]), BEGIN)).all()
