"""Drift: did something bad become more frequent than it was before?

The count of bad events in an exposure is held against what its own baseline predicts. For Poisson events with an
unknown rate the predictive distribution is negative binomial (gamma-Poisson; Gelman et al., Bayesian Data Analysis,
3rd ed., section 2.6, with Jeffreys' prior). Real failures come in clumps: all counts are divided by the dispersion
of the baseline's spans, Pearson's chi-square per degree of freedom (McCullagh and Nelder, Generalized Linear
Models, 2nd ed., section 6.2.3), never below one. Deploys make clumps that no such law knows: what was as bad at
some time of the baseline, for as long, is nothing new. `benchmarks/rollout` states how often it alarms in error.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from itertools import accumulate
from math import exp, inf, lgamma, log, log1p
from typing import Final

import msgspec

from fairway.rollout.seen import Tally

_PRIOR: Final = 0.5
LEAST_RATIO: Final = 1.5
"""Times what was expected, before chance is even asked: a person would not act on less."""
LEAST_WORSE: Final = 1.75
"""Times what the worst time before would let expect."""
_STEPS: Final = 300
_TINY: Final = 1e-300
_PRECISION: Final = 1e-12


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """How a tally compares with what its baseline predicts. `chance` is the probability of as many bad events or
    more if nothing had changed; `worst` the events expected at the baseline's worst time of the same length."""

    seen: float
    expected: float
    worst: float
    chance: float

    def alarming(self, alarm: float, least: float = 5) -> bool:
        """Is it more than chance and large enough to matter: `least` events more than expected?"""
        enough = self.seen >= self.expected * LEAST_RATIO and self.seen - self.expected >= least
        return enough and self.seen > self.worst * LEAST_WORSE and self.chance < alarm


class Baseline:
    """What was before: tallies of equal spans, in their order."""

    def __init__(self, spans: Sequence[Tally]) -> None:
        self._spans = spans
        self._bad = [0.0, *accumulate(tally.bad for tally in spans)]
        self._of = [0.0, *accumulate(tally.of for tally in spans)]
        self._worst: dict[int, float] = {}

    @property
    def whole(self) -> Tally:
        """All of it."""
        return Tally(bad=self._bad[-1], of=self._of[-1])

    @cached_property
    def dispersion(self) -> float:
        """By how much counts vary more than Poisson's would, at least 1."""
        exposed = [tally for tally in self._spans if tally.of > 0]
        bad, whole = self._bad[-1], self._of[-1]
        if bad <= 0 or len(exposed) < 2:
            return 1.0
        expected = [bad * tally.of / whole for tally in exposed]
        pearson = sum((tally.bad - mean) ** 2 / mean for tally, mean in zip(exposed, expected, strict=True))
        return max(1.0, pearson / (len(exposed) - 1))

    def worst(self, spans: int) -> float:
        """The largest share of bad events over so many spans in a row, or over all where there are fewer."""
        if spans not in self._worst:
            size = min(spans, len(self._spans))
            bad, of = self._bad, self._of
            windows = ((bad[end] - bad[end - size], of[end] - of[end - size]) for end in range(size, len(bad)))
            self._worst[spans] = max((one / chances for one, chances in windows if chances > 0), default=0.0)
        return self._worst[spans]


def spans_in(time: timedelta, span: timedelta) -> int:
    """The windows of a baseline that a time is held against: whole spans, rounded down. A longer window would make
    what is short, a deploy, look rarer in the baseline than it is in a time that just covers it."""
    return max(1, time // span)


def shift(before: Sequence[Tally] | Baseline, after: Tally, spans: int = 1) -> Shift:
    """The tally after, which took as long as `spans` of those before, held against these."""
    baseline = before if isinstance(before, Baseline) else Baseline(before)
    whole = baseline.whole
    if after.of <= 0 or whole.of <= 0:
        # Without exposure nothing is known: everything is possible.
        return Shift(seen=after.bad, expected=inf, worst=inf, chance=1)
    clumps, expected = baseline.dispersion, whole.bad * after.of / whole.of
    successes = whole.bad / clumps + _PRIOR
    # P(N >= k) of a negative binomial is a regularised incomplete beta function, also for k between whole numbers.
    chance = beta(after.bad / clumps, successes, after.of / (whole.of + after.of)) if after.bad > 0 else 1.0
    return Shift(seen=after.bad, expected=expected, worst=baseline.worst(spans) * after.of, chance=chance)


def beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b) for positive a and b, by its continued fraction (NIST
    DLMF 8.17.22, evaluated after Lentz)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return min(1.0, front / _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    numerator, denominator, value = 1.0, 0.0, 1.0
    for step in range(1, 2 * _STEPS):
        half = step // 2
        if step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        denominator = 1 / _apart(1 + term * denominator)
        numerator = _apart(1 + term / numerator)
        value *= numerator * denominator
        if abs(numerator * denominator - 1) < _PRECISION:
            break
    return value


def _apart(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
