"""Rhythm: what many series usually are at each hour of the week, and how far they stray from it. Robust.

Values become y = log(1 + value / UNIT), so that straying is by a factor. What is usual at an hour of the week
is the median of that hour over the weeks, shrunk towards the median of that hour of the day, and this towards
the median of all, each by n / (n + SHRINK) for n values, as an empirical Bayes estimate shrinks a group's mean
(Efron and Morris, Journal of the American Statistical Association 70 (1975), 311-319): a week of history knows
days, four know weeks. The scale is 1.4826 times the median absolute deviation of what remains (Rousseeuw and
Croux, ibid. 88 (1993), 1273-1283), which half of the hours may spoil without moving it. Seasonal medians and
MAD of the remainder are the S-H-ESD of Hochenbaum, Vallis and Kejariwal (arXiv:1704.07706). Heavy tails have no
scale: hence `highest` and `lowest`, the most that was ever strayed.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairway.signals.traffic import Floats, Ints

WEEK: Final = 168
SHRINK: Final = 3.0
UNIT: Final = 1000.0
LEAST_SCALE: Final = 0.1
_NORMAL: Final = 1.4826
"""Makes the median absolute deviation of a normal distribution its standard deviation."""


class Rhythm:
    """Of series as rows, an hour each column from hour `begin` on; NaN where nothing is known. `known` counts each
    row's hours. `usual` is in y, by hour of the week."""

    def __init__(self, values: Floats, begin: int) -> None:
        y = np.log1p(_whole_weeks(values, begin) / UNIT)
        rows, length = y.shape
        weeks = y.reshape(rows, length // WEEK, WEEK)
        slot, of_slot = median(weeks, 1)
        day, of_day = median(y.reshape(rows, length // 24, 24), 1)
        every, self.known = median(y, 1)
        pooled = np.tile(_shrunk(day, of_day, every[:, None]), 7)
        self.usual = _shrunk(slot, of_slot, pooled)
        strayed = weeks - self.usual[:, None, :]
        self.scale = np.maximum(LEAST_SCALE, _NORMAL * median(np.abs(strayed), (1, 2))[0])
        self.highest, self.lowest = (
            np.where(self.known > 0, extreme(np.where(np.isnan(strayed), 0.0, strayed), axis=(1, 2)), 0.0)
            for extreme in (np.max, np.min)
        )

    def expected(self, hour: int) -> Floats:
        """What is usual in an hour, of each row, in the values' own unit."""
        expected: Floats = np.expm1(self.usual[:, hour % WEEK]) * UNIT
        return expected

    def strayed(self, values: Floats, hour: int) -> Floats:
        """How far values of an hour are from what is usual, in y: 0.7 is twice as much."""
        strayed: Floats = np.log1p(values / UNIT) - self.usual[:, hour % WEEK]
        return strayed


def median(values: Floats, axis: int | tuple[int, ...]) -> tuple[Floats, Ints]:
    """The median of what is not NaN, 0 where there is nothing, and of how many."""
    if isinstance(axis, tuple):
        values, axis = values.reshape(len(values), int(np.prod(values.shape[1:]))), 1
    count = np.sum(~np.isnan(values), axis=axis)
    if not values.shape[axis]:
        return np.zeros(count.shape), count
    ordered = np.sort(values, axis=axis)  # NaN last
    middle = [
        np.take_along_axis(ordered, np.expand_dims(index, axis), axis).squeeze(axis)
        for index in (np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[axis] - 1))
    ]
    return np.where(count > 0, (middle[0] + middle[1]) / 2, 0.0), count


def weekly(values: Floats, begin: int) -> tuple[Floats, Floats]:
    """Of each row and hour of the week the sum over the weeks, and of how many that are not NaN."""
    whole = _whole_weeks(values, begin)
    weeks = whole.reshape(len(whole), whole.shape[1] // WEEK, WEEK)
    there = ~np.isnan(weeks)
    return np.where(there, weeks, 0.0).sum(1), there.sum(1).astype(np.float64)


def around(values: Floats) -> Floats:
    """Values by hour of the week with those of both neighbours added."""
    summed: Floats = values + np.roll(values, 1, 1) + np.roll(values, -1, 1)
    return summed


def _shrunk(own: Floats, count: NDArray[np.int64], towards: Floats) -> Floats:
    shrunk: Floats = (count * own + SHRINK * towards) / (count + SHRINK)
    return shrunk


def _whole_weeks(values: Floats, begin: int) -> Floats:
    """The same from the beginning of a week to the end of one; NaN for what was added."""
    before = begin % WEEK
    after = -(before + values.shape[1]) % WEEK
    return np.pad(values, ((0, 0), (before, after)), constant_values=np.nan)
