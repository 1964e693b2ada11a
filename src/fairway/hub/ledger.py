"""Ledger: which batches are kept."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from fairway.wire import protocol


class BatchId(NamedTuple):
    """Which batch: a node's agent numbers its batches from each of its starts (boot) on."""

    node: str
    boot: str
    sequence: int


def entry(identity: protocol.BatchId) -> BatchId:
    """A received batch's place in the ledger: parts of one that was split are as of a boot of their own."""
    boot = identity.boot if identity.part == protocol.WHOLE else f"{identity.boot}/{identity.part}"
    return BatchId(identity.node, boot, identity.sequence)


class Ledger:
    """A set of batch ids, small because sequences are mostly without gaps: [first, last] runs per boot."""

    def __init__(self, ids: Iterable[BatchId] = ()) -> None:
        self._runs: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for batch in ids:
            self.add(batch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and self._runs == other._runs

    def __contains__(self, batch: BatchId) -> bool:
        runs = self._runs.get(batch[:2], [])
        at = bisect_right(runs, batch.sequence, key=lambda run: run[0])
        return at > 0 and batch.sequence <= runs[at - 1][1]

    def add(self, batch: BatchId) -> None:
        self._add(batch[:2], batch.sequence, batch.sequence)

    def add_run(self, node: str, boot: str, first: int, last: int) -> None:
        """All from `first` to `last`."""
        self._add((node, boot), first, last)

    def _add(self, boot: tuple[str, str], first: int, last: int) -> None:
        """Join the run with those it overlaps or touches."""
        runs = self._runs.setdefault(boot, [])
        start = bisect_left(runs, first - 1, key=lambda run: run[1])
        stop = bisect_right(runs, last + 1, key=lambda run: run[0])
        touched = runs[start:stop]
        low = min([first, *(run[0] for run in touched)])
        high = max([last, *(run[1] for run in touched)])
        runs[start:stop] = [(low, high)]
