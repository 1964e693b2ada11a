"""More of what is bad: connections that fail, packets that are sent again, DNS questions without an answer."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import numpy as np

from fairway.rollout.drift import LEAST_RATIO, shift
from fairway.rollout.seen import Tally
from fairway.signals.finding import Finding, of_pair, sureness
from fairway.signals.traffic import Floats, Grouped, Hour, Past, Traffic

ALARM: Final = 1e-7
"""Chance that nothing has changed: a cluster has thousands of pairs, and a day 24 hours."""
LEAST_HOURS: Final = 24
"""Hours in which a pair was active before."""
DEPLOYED: Final = 0.1
"""Share that is trouble even where an end was deployed: connections to pods that go are cut."""


class _Signal(NamedTuple):
    """What is bad, of what, how many more than expected and which share a person would act on."""

    kind: Literal["failures", "retransmissions"]
    bad: str
    of: str
    least: float
    share: float
    words: str


_SIGNALS: Final = (
    _Signal("failures", "failed", "connections", 10, 0.02, "connections failed"),
    _Signal("retransmissions", "retransmissions", "packets", 100, 0.005, "packets were sent again"),
)


class Trouble:
    """How much each pair failed in each hour of the past; `rollout.drift` says whether it is more now."""

    def __init__(self, past: Past) -> None:
        often = past.often(LEAST_HOURS)
        self._groups = Grouped.by(past.traffic.pairs, lambda pair: pair if pair in often else None)
        self._index = {key: number for number, key in enumerate(self._groups.keys)}
        self._past = {
            name: np.nan_to_num(past.sums(self._groups, _values(past.traffic, name))).astype(np.float32)
            for signal in _SIGNALS
            for name in (signal.bad, signal.of)
        }

    def find(self, hour: Hour) -> Iterator[Finding]:
        """Pairs that fail more than their past predicts, and than their worst hour."""
        for signal in _SIGNALS:
            bad, of = (_values(hour.traffic, name) for name in (signal.bad, signal.of))
            for row in np.flatnonzero((bad >= signal.least) & (of > 0)):
                found = self._judged(signal, hour, int(row), float(bad[row]), float(of[row]))
                if found is not None:
                    yield found

    def _judged(self, signal: _Signal, hour: Hour, row: int, bad: float, of: float) -> Finding | None:
        pair = hour.traffic.pairs[hour.traffic.of[row]]
        number = self._index.get(pair)
        least = DEPLOYED if hour.changed & {pair.client, pair.server} else signal.share
        if number is None or bad / of < least:
            return None
        past_bad, past_of = self._past[signal.bad][number], self._past[signal.of][number]
        active = past_of > 0
        whole_bad, whole = float(past_bad[active].sum()), float(past_of[active].sum())
        if active.sum() < LEAST_HOURS or bad * whole < LEAST_RATIO * whole_bad * of:
            return None
        moved = shift(_alike(past_bad[active], past_of[active], of), Tally(bad=bad, of=of))
        if not moved.alarming(ALARM, signal.least):
            return None
        return of_pair(
            signal.kind,
            pair,
            hour.number,
            what=f"{bad:.0f} of {of:.0f} {signal.words}, {bad / of:.2%}",
            compared=f"{whole_bad / whole:.2%} in the {active.sum()} hours before, "
            f"{moved.worst / of:.2%} in the worst of them",
            sure=sureness(bad - moved.expected, max(signal.least, moved.expected)),
        )


def _alike(bad: Floats, of: Floats, enough: float) -> list[Tally]:
    """Hours put together until each tally has as much exposure as half of what is judged: one failure of the only
    two connections of a night is no share of failures."""
    tallies, held = [], Tally()
    for one, other in zip(bad.tolist(), of.tolist(), strict=True):
        held = Tally(bad=held.bad + one, of=held.of + other)
        if held.of >= enough / 2:
            tallies.append(held)
            held = Tally()
    return tallies or [held]


def _values(traffic: Traffic, name: str) -> Floats:
    if name == "packets":
        return traffic.column("sent_packets") + traffic.column("received_packets")
    return traffic.column(name)
