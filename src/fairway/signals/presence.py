"""Whether something speaks at all: workloads that went silent, and regular traffic at an hour that it never had."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from fairway.signals.finding import Finding, of_pair, size, sureness
from fairway.signals.rhythm import WEEK, around, median, weekly
from fairway.signals.traffic import Floats, Grouped, Hour, Past, moment

CHANCE: Final = 1e-4
"""That it is silent for as long as it is now, by its own past."""
PAST_WORST: Final = 1.5
"""Times the surprise of its worst silence so far."""
LEAST_HOURS: Final = 72
_ITS_HOURS: Final = 0.6
"""An hour of the week is one of its own if it speaks in at least such a share of them."""
_REGULAR: Final = 0.98
_LEAST_DAYS: Final = 5
_TYPICAL: Final = 0.3
"""Of what it usually moves: less is a probe or a remainder."""


class Silence:
    """When each workload spoke, as a client or as a server.

    The chance that it is silent in an hour is the share of such hours (and their neighbours) over the weeks, shrunk
    towards its share over all; a silence's surprise adds up the negative logarithms of its hours' chances.
    """

    def __init__(self, past: Past) -> None:
        traffic = past.traffic
        ends = [
            Grouped.by(traffic.pairs, lambda pair: pair.client if pair.pod else None),
            Grouped.by(traffic.pairs, lambda pair: None if pair.outside or "/" not in pair.server else pair.server),
        ]
        names = dict.fromkeys(key for groups in ends for key in groups.keys)
        self._index = {name: number for number, name in enumerate(names)}
        moved = np.zeros((len(names), past.end - past.begin))
        for groups in ends:
            rows = [self._index[key] for key in groups.keys]
            moved[rows] += np.nan_to_num(past.sums(groups, traffic.bytes))
        spoke = _known(moved, past, self._index)
        silent = 1 - spoke
        self._days = np.sum(~np.isnan(spoke), 1) / 24
        self._usual = median(np.where(moved > 0, moved, np.nan), 1)[0]
        every = (np.nansum(silent, 1) + 0.5) / (np.sum(~np.isnan(silent), 1) + 1)
        quiet, of = (around(counted) for counted in weekly(silent, past.begin))
        self._surprise = -np.log((quiet + every[:, None]) / (of + 1))
        self._run, self._worst = self._runs(silent, past.begin)
        self._since = past.end - _trailing(silent)

    def find(self, hour: Hour) -> Iterator[Finding]:
        """Workloads that say nothing in an hour that is over, and for as long as no other of their silences."""
        if not hour.whole or not len(hour.traffic.of):
            return  # nobody reports: that is the agents' silence
        heard = {end for number in hour.traffic.of for end in _ends(hour, int(number))}
        for name, number in sorted(self._index.items()):
            if name in heard or (hour.alive is not None and name not in hour.alive):
                continue
            surprise = float(self._run[number] + self._surprise[number, hour.number % WEEK])
            limit = max(-np.log(CHANCE), PAST_WORST * float(self._worst[number]))
            if surprise < limit or self._days[number] * 24 < LEAST_HOURS:
                continue
            yield Finding(
                kind="silent",
                subject=name,
                client=name,
                hour=hour.number,
                what=f"nothing sent or received since {moment(int(self._since[number])):%a %H:%M} UTC",
                compared=f"usually {size(float(self._usual[number]))} an hour; in {self._days[number]:.0f} days it "
                "was never silent so long at such an hour",
                sure=sureness(surprise, float(limit)),
            )

    def _runs(self, silent: Floats, begin: int) -> tuple[Floats, Floats]:
        """The surprise of the silence that lasts at the end, and of the worst that ended."""
        run, worst = np.zeros(len(silent)), np.zeros(len(silent))
        for column in range(silent.shape[1]):
            quiet = silent[:, column] == 1
            worst = np.where(quiet, worst, np.maximum(worst, run))
            run = np.where(quiet, run + self._surprise[:, (begin + column) % WEEK], 0.0)
        return run, worst


class Hours:
    """At which hours of the week each pair speaks that has hours of its own."""

    def __init__(self, past: Past) -> None:
        traffic = past.traffic
        often = past.often(_LEAST_DAYS)
        self._groups = Grouped.by(
            traffic.pairs, lambda pair: pair if pair.pod and not pair.outside and pair in often else None
        )
        moved = past.sums(self._groups, traffic.bytes)
        spoke = np.where(np.isnan(moved), np.nan, moved > 0)
        self._spoke, self._of = weekly(spoke, past.begin)
        # An hour beside one of its own is its own as well: a schedule is no second hand.
        own = around((self._spoke >= _ITS_HOURS * np.maximum(self._of, 1)).astype(np.float64)) > 0
        column = (past.begin + np.arange(moved.shape[1])) % WEEK
        within = np.where(own[:, column], np.nan_to_num(spoke), 0.0).sum(1)
        total = np.nansum(spoke, 1)
        days = np.array([len({int(hour) // 24 for hour in np.flatnonzero(row == 1)}) for row in spoke])
        self._regular = (within >= _REGULAR * total) & (days >= _LEAST_DAYS) & (own.mean(1) <= _ITS_HOURS)
        self._usual = median(np.where(moved > 0, moved, np.nan), 1)[0]
        self._index = {key: number for number, key in enumerate(self._groups.keys)}

    def find(self, hour: Hour) -> Iterator[Finding]:
        """Pairs that speak now and never did at this hour of the week or beside it, nor at this hour of a day."""
        moved = hour.traffic.bytes
        for row, pair_number in enumerate(hour.traffic.of):
            pair = hour.traffic.pairs[pair_number]
            number = self._index.get(pair)
            if number is None or not self._regular[number]:
                continue
            spoke, near = self._spoke[number].reshape(7, 24).sum(0), hour.number + np.arange(-1, 2)
            if spoke[near % 24].any() or moved[row] < _TYPICAL * self._usual[number]:
                continue
            seen = int(self._of[number].reshape(7, 24)[:, hour.number % 24].sum())
            yield of_pair(
                "off-hours",
                pair,
                hour.number,
                what=f"{size(float(moved[row]))} at {moment(hour.number):%a %H:%M} UTC, outside its hours",
                compared=f"it speaks at {_hours(spoke)} UTC, and never did so within an hour of "
                f"{hour.number % 24:02}:00 on {seen} days",
                sure=sureness(seen, _LEAST_DAYS),
            )


def _known(moved: Floats, past: Past, index: Mapping[str, int]) -> Floats:
    """1 where it moved something, 0 where not, NaN before its first word and where nobody watched."""
    spoke: Floats = (moved > 0).astype(np.float64)
    spoke[:, ~past.watched] = np.nan
    if spoke.shape[1]:
        spoke[np.arange(spoke.shape[1])[None, :] < np.argmax(moved > 0, 1)[:, None]] = np.nan
    for name, hour in past.left_out:
        if name in index and past.begin <= hour < past.end:
            spoke[index[name], hour - past.begin] = np.nan
    return spoke


def _trailing(silent: Floats) -> Floats:
    """How many hours of silence there are at the end."""
    if not silent.shape[1]:
        return np.zeros(len(silent))
    spoke = silent[:, ::-1] != 1
    hours: Floats = np.where(spoke.any(1), np.argmax(spoke, 1), silent.shape[1]).astype(np.float64)
    return hours


def _ends(hour: Hour, number: int) -> tuple[str, str]:
    pair = hour.traffic.pairs[number]
    return pair.client, pair.server


def _hours(spoke: Floats) -> str:
    """The hours of a day at which something speaks, as spans: `02-04, 14`."""
    spans: list[list[int]] = []
    for hour in map(int, np.flatnonzero(spoke)):
        if spans and hour == spans[-1][1] + 1:
            spans[-1][1] = hour
        else:
            spans.append([hour, hour])
    return ", ".join(f"{a:02}:00" if a == b else f"{a:02}:00-{b:02}:59" for a, b in spans)
