"""sampling: how much of what happens was seen, from how often each kind of thing was seen in bins of time.

Sources: A. Chao and L. Jost, "Coverage-based rarefaction and extrapolation", Ecology 93 (2012) 2533-2547, for
incidences in sampling units as in A. Chao et al., Ecological Monographs 84 (2014) 45-67; Chao2: A. Chao,
Biometrics 43 (1987) 783-791.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Estimate:
    """`coverage`, from 0 to 1: the share of all sightings to come that will be of kinds already seen; `error` is
    its standard error. `kinds` were seen, and at least `unseen` more are estimated to exist (Chao2).
    From a single bin nothing can be told: all but `kinds` is 0."""

    coverage: float
    error: float
    kinds: int
    unseen: float


def estimate(incidences: Iterable[int], bins: int) -> Estimate:
    """From the number of bins in which each kind was seen, out of `bins`.

    With Q1 kinds seen in one bin only, Q2 in two, U sightings in all and T bins, the coverage is
    1 - Q1/U * A, where A = (T-1) Q1 / ((T-1) Q1 + 2 Q2), or (T-1)(Q1-1) / ((T-1)(Q1-1) + 2) if Q2 is 0. A
    single Q1 without any Q2 is taken as Good and Turing did (A = 1): nothing says that it was the last.

    The error is that of the delta method with Q1 and Q2 as Poisson counts and U as fixed: most of U are kinds seen
    in nearly every bin, which vary little. (Chao and Jost draw it by a bootstrap; this one agrees with the spread
    of the estimates in simulations, and the same input gives the same figure.)
    """
    counts = Counter(incidences)
    kinds, total = sum(counts.values()), sum(seen * kinds for seen, kinds in counts.items())
    once, twice, rest = counts[1], counts[2], bins - 1
    if not total or bins < 2:
        return Estimate(0.0, 0.0, kinds, 0.0)
    if not once:
        return Estimate(1.0, 0.0, kinds, 0.0)
    ratio = rest / bins
    if twice:
        unseen = ratio * once**2 / (2 * twice)
        below = rest * once + 2 * twice
        share, by_once, by_twice = rest * once / below, 2 * rest * twice / below**2, -2 * rest * once / below**2
    elif once > 1:
        unseen = ratio * once * (once - 1) / 2
        below = rest * (once - 1) + 2
        share, by_once, by_twice = rest * (once - 1) / below, 2 * rest / below**2, 0.0
    else:
        unseen, share, by_once, by_twice = 0.0, 1.0, 0.0, 0.0
    slopes = share + once * by_once, once * by_twice
    error = sqrt(slopes[0] ** 2 * once + slopes[1] ** 2 * twice) / total
    return Estimate(1 - once / total * share, error, kinds, unseen)
