"""Positions: where each number is in an array of numbers, without sorting it; and which are one of a few.

A table of slots, by the numbers' low bits, finds nearly all; the few that lost their slot to another number
are found by search. Several times cheaper than sorting where nearly everything is found, as from one reading of a
table to the next.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MOST_SLOTS: Final = 1 << 18
_SLOTS_EACH: Final = 4
_BLOCK: Final = 4096


class Positions:
    """Of `numbers`, which must be well mixed in their low bits. Equal numbers have one position in common, and
    `repeated` says whether there are any."""

    def __init__(self, numbers: NDArray[np.uint64]) -> None:
        self._numbers = numbers
        bits = (len(numbers) * _SLOTS_EACH).bit_length()
        self._slots = np.zeros(min(1 << bits, _MOST_SLOTS), "i4")
        self._mask = np.uint64(len(self._slots) - 1)
        everyone = np.arange(len(numbers), dtype="i4")
        slots = (numbers & self._mask).astype("i4")
        self._slots[slots] = everyone
        holders = self._slots[slots]
        lost = np.flatnonzero(numbers[holders] != numbers) if len(numbers) else everyone
        self._lost = lost[np.argsort(numbers[lost], kind="stable")]
        self._lost_numbers = numbers[self._lost]
        twice = self._lost_numbers[1:] == self._lost_numbers[:-1]
        self.repeated = bool(np.count_nonzero(holders == everyone) + len(lost) < len(numbers) or twice.any())

    def find(self, wanted: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """For each wanted number its position, and whether there is one; 0 where there is none."""
        if not len(self._numbers):
            return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), bool)
        at = self._slots[(wanted & self._mask).astype("i4")].astype(np.intp)
        found = self._numbers[at] == wanted
        rest = np.flatnonzero(~found)
        if len(rest) and len(self._lost):
            place = np.searchsorted(self._lost_numbers, wanted[rest])
            place[place == len(self._lost)] = 0
            hit = self._lost_numbers[place] == wanted[rest]
            at[rest[hit]] = self._lost[place[hit]]
            found[rest[hit]] = True
        at[~found] = 0
        return at, found

    def distinct(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """For each number the position of the one that stands for its equals, and the positions of those that do.

        As `numpy.unique` does, whose first call loads what the agent has no other use for: up to 6 MiB.
        """
        parts = [self.find(self._numbers[part])[0] for part in blocks(len(self._numbers))]
        places = np.concatenate([np.zeros(0, np.intp), *parts])
        return places, np.flatnonzero(places == np.arange(len(places)))


def blocks(count: int) -> Iterator[slice]:
    """Parts of a long array, to be worked on one after the other: what comes in between stays in the CPU's cache,
    and in memory that the process has already."""
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def among(column: NDArray[np.generic], few: Iterable[int]) -> NDArray[np.bool_]:
    """Which of a column's numbers are one of a few. As `numpy.isin` does, which may call `numpy.unique`."""
    result = np.zeros(len(column), bool)
    for number in few:
        result |= column == number
    return result
