"""Readiness: pods that stop being ready, counted against how often that happens anyway."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from fairway.policy.model import Cluster
from fairway.rollout.drift import spans_in
from fairway.rollout.seen import Signal, Tally

_SPAN: Final = timedelta(minutes=1)
_KEPT: Final = 1440
"""Spans that are remembered: a day's."""
_LEAST: Final = 2
"""One pod may fail at any time; its neighbour at the same moment is no chance."""


class Readiness:
    """Looks at the cluster as often as it is told, and remembers what it counted. Chances are pod-seconds."""

    def __init__(self) -> None:
        self._ready: dict[str, bool] = {}
        self._looked: datetime | None = None
        self._begun: datetime | None = None
        self._spans: deque[Tally] = deque(maxlen=_KEPT)
        self._current = Tally()
        self._since: datetime | None = None
        self._after = Tally()

    def signal(
        self, cluster: Cluster, namespaces: tuple[str, ...] | None, step: datetime | None, now: datetime
    ) -> Signal:
        """The signal after one more look; since `step`, the latest, if there is one."""
        pods = {
            pod.uid: pod.ready
            for pod in cluster.pods
            if not pod.finished and (namespaces is None or pod.namespace in namespaces)
        }
        lost = sum(self._ready.get(uid, False) and not ready for uid, ready in pods.items())
        seconds = (now - self._looked).total_seconds() if self._looked is not None else 0.0
        self._ready, self._looked = pods, now
        if step != self._since:
            self._since, self._after = step, Tally()
        more = Tally(bad=lost, of=len(pods) * seconds)
        if step is None:
            self._add(more, now)
        else:
            self._after = _sum(self._after, more)
        return Signal(
            name="unready-pods",
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
