"""Owners: who held an address when. Addresses are used again, so an address has a row of holdings.

Holdings of one address are in order and do not overlap.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from fairway.kit.codes import Ints
from fairway.wire.endpoint import Endpoint

GRACE_US: Final = 30_000_000
"""A flow this long before or after an address's nearest owner is still theirs: manifests lag behind packets."""
FOREVER: Final = 1 << 62


class Holding(NamedTuple):
    """Who held an address from `since` to `until`, in microseconds since 1970."""

    since: int
    until: int
    endpoint: Endpoint


def sole(holdings: Sequence[Holding], first_us: int, last_us: int) -> Endpoint | None:
    """The owner of every flow of this time; None if there may be several, or none."""
    for holding in reversed(holdings):
        if holding.since <= first_us and last_us <= holding.until:
            return holding.endpoint
    if len(holdings) == 1:
        since, until, endpoint = holdings[0]
        return endpoint if since - GRACE_US <= first_us and last_us <= until + GRACE_US else None
    return None


def longest(holdings: Sequence[Holding], first_us: Ints, last_us: Ints) -> Ints:
    """For each flow, which holding shares most of its time; the later of two alike, -1 for none in reach."""
    best, most = np.full(len(first_us), -1), np.full(len(first_us), -GRACE_US)
    for index, holding in enumerate(holdings):
        shared = np.minimum(holding.until, last_us) - np.maximum(holding.since, first_us)
        better = shared >= most
        best[better], most[better] = index, shared[better]
    return best
