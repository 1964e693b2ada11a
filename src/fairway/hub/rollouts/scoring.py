"""Scoring: is enough seen to enforce? The engine's coverage, computed in a process of its own, now and then."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fairway.hub.engine import Material
from fairway.hub.jobs import Job, Progress
from fairway.hub.questions import Coverage
from fairway.rollout.order import Order
from fairway.rollout.seen import Low

if TYPE_CHECKING:
    from fairway.hub.service import Hub

AGAIN: Final = timedelta(minutes=10)
_RECENT: Final = timedelta(days=7)


class Scoring:
    """The scores of one rollout's workloads, as of the last computing."""

    def __init__(self, hub: "Hub", order: Order, log: Callable[[str], None]) -> None:
        self._hub = hub
        self._order = order
        self._log = log
        self._job: Job | None = None
        self._at: datetime | None = None
        self._low: tuple[Low, ...] = ()

    def look(self, now: datetime, *, wanted: bool) -> tuple[bool, tuple[Low, ...]]:
        """Whether there are scores, and those that are too low. Computed anew where `wanted` and old."""
        self._take(now)
        if wanted and self._job is None and (self._at is None or now - self._at > AGAIN):
            cluster = self._hub.require_ready()
            question = Coverage(
                decisions=self._order.decisions, threshold=self._order.gates.score, interval=self._interval
            )

            def gather() -> Material:
                flows = self._hub.base.flows(now - _RECENT)
                return Material(cluster, [], flows, self._hub.agents.lost)

            self._job = self._hub.jobs.start("rollout", question, gather)
        return self._at is not None, self._low

    @property
    def _interval(self) -> int:
        """Seconds of a bin: an hour; where the soak is shorter than minutes, in a lab, minutes must do."""
        return 3600 if self._order.soak >= timedelta(minutes=1) else 60

    def _take(self, now: datetime) -> None:
        job = self._job
        if job is None or job.state in (Progress.WAITING, Progress.RUNNING):
            return
        self._job = None
        if job.state is Progress.DONE and job.answer is not None:
            self._at, self._low = now, _low(job.answer, self._order.namespaces)
        else:
            self._log(f"rollout {self._order.name}: coverage: {job.error or job.state}; it is tried again")


def _low(answer: Mapping[str, Any], namespaces: tuple[str, ...] | None) -> tuple[Low, ...]:
    """What blocks, of the workloads in the rollout's scope."""
    scores = {score["workload"]: score["score"] for score in answer["scores"]}
    return tuple(
        Low(workload=found["workload"], score=scores.get(found["workload"]), why=f"{found['what']}; {found['do']}")
        for found in answer["findings"]
        if found["blocks"] and (namespaces is None or found["workload"].partition("/")[0] in namespaces)
    )
