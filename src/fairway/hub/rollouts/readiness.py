"""Readiness: pods that stop being ready, and containers that start again, counted against how often that happens
anyway. Chances are pod-seconds."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from fairway.policy.model import Cluster, Pod
from fairway.rollout.drift import spans_in
from fairway.rollout.seen import Signal, Tally

_SPAN: Final = timedelta(minutes=1)
_KEPT: Final = 1440
"""Spans that are remembered: a day's."""
_LEAST: Final = 2
"""One pod may fail at any time; its neighbour at the same moment is no chance."""


class Readiness:
    """Looks at the cluster as often as it is told, and remembers what it counted."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}
        self._looked: datetime | None = None
        self._unready, self._restarts = _Counted("unready-pods"), _Counted("restarts")

    def signals(
        self, cluster: Cluster, namespaces: tuple[str, ...] | None, step: datetime | None, now: datetime
    ) -> tuple[Signal, ...]:
        """The signals after one more look; since `step`, the latest, if there is one."""
        pods = {
            pod.uid: pod
            for pod in cluster.pods
            if not pod.finished and (namespaces is None or pod.namespace in namespaces)
        }
        known = [(self._pods[uid], pod) for uid, pod in pods.items() if uid in self._pods]
        chances = len(pods) * (now - self._looked).total_seconds() if self._looked is not None else 0.0
        self._pods, self._looked = pods, now
        unready = sum(before.ready and not pod.ready for before, pod in known)
        restarts = sum(max(0, pod.restarts - before.restarts) for before, pod in known)
        counted = ((self._unready, unready), (self._restarts, restarts))
        return tuple(one.signal(Tally(bad=bad, of=chances), step, now) for one, bad in counted)


class _Counted:
    """One signal's spans before the first step, and what came since the latest."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun: datetime | None = None
        self._spans: deque[Tally] = deque(maxlen=_KEPT)
        self._current = Tally()
        self._since: datetime | None = None
        self._after = Tally()

    def signal(self, more: Tally, step: datetime | None, now: datetime) -> Signal:
        if step != self._since:
            self._since, self._after = step, Tally()
        if step is None:
            self._add(more, now)
        else:
            self._after = _sum(self._after, more)
        return Signal(
            name=self._name,
            least=_LEAST,
            before=(*self._spans, self._current),
            after=self._after,
            spans=spans_in(now - step, _SPAN) if step is not None else 1,
        )

    def _add(self, more: Tally, now: datetime) -> None:
        """To the baseline, which ends with the first step."""
        self._begun = self._begun or now
        self._current = _sum(self._current, more)
        if now - self._begun >= _SPAN:
            self._spans.append(self._current)
            self._begun, self._current = now, Tally()


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(bad=one.bad + other.bad, of=one.of + other.of)
