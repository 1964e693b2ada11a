"""score: has enough of one workload been seen? 100 points, less some for each thing that was not seen.

The points are calibrated: `benchmarks/coverage` simulates services whose rare connections are known, and
`docs/enough.md` tells how often a score was given too early.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from fairway.policy.labels import Workload, title_of
from fairway.policy.sampling import Estimate, estimate
from fairway.policy.watch import History, Watch

THRESHOLD: Final = 90
"""The score from which enough was seen."""
MIN_BINS: Final = 24
"""Fewer bins are too few for statistics."""

_HOUR: Final = timedelta(hours=1)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ROLLED: Final = ("Deployment", "StatefulSet", "DaemonSet")
_RUNS: Final = ("CronJob", "Job")
"""Seen from their start each time."""
_RARE: Final = 60
_PER_UNSEEN: Final = 8
_NEW: Final = 60
_QUIET_SHARE: Final = 0.5
_PER_HOUR: Final = 2
_PER_DAY: Final = 12
_START: Final = 15
_REPLICAS: Final = 10
_LOST: Final = 15
_MONTH: Final = 4


@dataclass(frozen=True, slots=True)
class Lack:
    """Points taken off, for what, and what to do about it."""

    points: float
    what: str
    do: str


@dataclass(frozen=True, slots=True)
class Score:
    """`score` from 0 to 100, None where the observation is too short for statistics; `lacks` by weight."""

    workload: str
    score: int | None
    observed_seconds: int
    quiet_seconds: int
    """Of the observed time, that since a kind of connection was seen for the first time."""
    sample: Estimate
    lacks: tuple[Lack, ...] = ()


def score_of(workload: Workload, history: History, watch: Watch) -> Score:
    """The score of one workload with this part in the watch."""
    sample = estimate(map(len, history.kinds.values()), len(history.watched))
    latest = max((bins[0] for bins in history.kinds.values()), default=0)
    quiet = sum(number > latest for number in history.watched)
    spans = [min(bins * watch.length, watch.observed) for bins in (len(history.watched), quiet)]
    whole, since = (int(span.total_seconds()) for span in spans)
    if len(history.watched) < MIN_BINS:
        return Score(title_of(workload), None, whole, since, sample)
    lacking = [
        *_statistics(sample, quiet / len(history.watched)),
        *_calendar(history, watch.start, watch.length),
        *_pods(workload, history),
    ]
    found = (replace(lack, points=round(lack.points, 1)) for lack in lacking)
    lacks = tuple(sorted((lack for lack in found if lack.points > 0), key=lambda lack: -lack.points))
    points = 100 - sum(lack.points for lack in lacks)
    # Rounded down: 89.9 is not 90.
    return Score(title_of(workload), max(0, int(points + 1e-9)), whole, since, sample, lacks)


def _statistics(sample: Estimate, quiet: float) -> Iterator[Lack]:
    low = max(0.0, sample.coverage - 2 * sample.error)
    points = min(_RARE, 100 * (1 - low) + _PER_UNSEEN * sample.unseen)
    share, error = 100 * sample.coverage, 100 * sample.error
    more = f"; about {sample.unseen:.0f} more kinds of connection exist" if sample.unseen >= 1 else ""
    yield Lack(
        points,
        f"an estimated {share:.1f} % (error {error:.1f}) of what it does was seen{more}",
        "go on observing, or use its rare features now",
    )
    yield Lack(
        _NEW * max(0.0, 1 - quiet / _QUIET_SHARE),
        f"a new kind of connection appeared {100 * (1 - quiet):.0f} % into the observation",
        f"go on observing until nothing new came for {100 * _QUIET_SHARE:.0f} % of the time",
    )


def _calendar(history: History, start: datetime, length: timedelta) -> Iterator[Lack]:
    steps = range(max(1, -(-length // _HOUR)))
    moments = [start + number * length + step * _HOUR for number in history.watched for step in steps]
    hours = 24 - len({moment.hour for moment in moments})
    yield Lack(_PER_HOUR * hours, f"{hours} hours of the day were not observed", "observe for a whole day")
    week = Counter(day for day, _ in {(moment.weekday(), moment.hour) for moment in moments})
    days = ", ".join(name for day, name in enumerate(_DAYS) if week[day] < 24)
    points = _PER_DAY * (7 - week.total() / 24)
    do = "observe for a whole week: weekly work is unseen"
    yield Lack(points, f"not, or not all day, observed on {days}", do)
    turns = {(moment.date(), moment.hour) for moment in moments if _turns(moment)}
    unseen = 1 - min(len(turns), 48) / 48
    do = "run now what runs monthly, if anything does"
    yield Lack(_MONTH * unseen, "no whole end of a month was observed", do)


def _turns(moment: datetime) -> bool:
    return moment.day in (1, monthrange(moment.year, moment.month)[1])


def _pods(workload: Workload, history: History) -> Iterator[Lack]:
    kind, _, name = workload[1].partition("/")
    command = f"restart it once: kubectl rollout restart {kind.lower()}/{name} -n {workload[0]}"
    yield Lack(
        0 if history.starts or kind in _RUNS else _START,
        "no pod of it started while observed: what it does at start-up is unseen",
        command if kind in _ROLLED else "start one of its pods anew",
    )
    if unseen := history.replicas - history.replicas_seen:
        what = f"{unseen} of {history.replicas} replicas were not seen"
        yield Lack(_REPLICAS * unseen / history.replicas, what, "look whether they work")
    if history.lost:
        what, do = (
            f"{history.lost} events were lost on its nodes",
            "see `fairway agents`; the record may have holes",
        )
        yield Lack(_LOST, what, do)
