"""Scoring: is enough seen to enforce? The engine's coverage, computed in a process of its own, now and then."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fairway.hub.engine import Material
from fairway.hub.jobs import Job, Progress
from fairway.hub.questions import Coverage
from fairway.rollout.order import Order
from fairway.rollout.seen import COMPUTING, Low

if TYPE_CHECKING:
    from fairway.hub.service import Hub

AGAIN: Final = timedelta(minutes=10)
_AFTER_TROUBLE: Final = timedelta(minutes=1)
_RECENT: Final = timedelta(days=7)


class Scoring:
    """The scores of all workloads, as of the last computing. Rollouts that ask the same share one."""

    def __init__(self, hub: "Hub", question: Coverage, log: Callable[[str], None]) -> None:
        self._hub = hub
        self._question = question
        self._log = log
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._at: datetime | None = None
        self._trouble = ""
        self._tried: datetime | None = None
        self._answer: Mapping[str, Any] = {"scores": (), "findings": ()}

    def look(
        self, order: Order, begun: datetime | None, now: datetime, *, wanted: bool
    ) -> tuple[str, tuple[Low, ...]]:
        """Why there are no scores, or nothing, and those in the order's scope that are too low. Computed anew where
        `wanted` and old; what was too low before a rollout had `begun` may be mended since."""
        with self._lock:
            self._take(now)
            low = _low(self._answer, order.namespaces)
            early = begun is not None and self._at is not None and self._at < begun
            old = self._at is None or now - self._at > AGAIN or bool(low and early)
            rested = self._tried is None or now - self._tried > _AFTER_TROUBLE
            if wanted and self._job is None and old and rested:
                self._start(now)
            return ("" if self._at is not None else self._trouble or COMPUTING), low

    def _start(self, now: datetime) -> None:
        cluster = self._hub.require_ready()

        def gather() -> Material:
            flows = self._hub.base.flows(now - _RECENT)
            return Material(cluster, [], flows, self._hub.agents.lost)

        self._job = self._hub.jobs.start("rollout", self._question, gather)

    def _take(self, now: datetime) -> None:
        job = self._job
        if job is None or job.state in (Progress.WAITING, Progress.RUNNING):
            return
        self._job = None
        if job.state is Progress.DONE and job.answer is not None:
            self._at, self._answer, self._trouble, self._tried = now, job.answer, "", None
        else:
            self._tried, self._trouble = now, f"coverage: {job.error or job.state}; it is tried again in a minute"
            self._log(f"rollouts: {self._trouble}")


def question_of(order: Order) -> Coverage:
    """What an order asks of coverage. Its bins are hours; where the soak is shorter than minutes, in a lab, minutes
    must do."""
    interval = 3600 if order.soak >= timedelta(minutes=1) else 60
    return Coverage(decisions=order.decisions, threshold=order.gates.score, interval=interval)


def _low(answer: Mapping[str, Any], namespaces: tuple[str, ...] | None) -> tuple[Low, ...]:
    """What blocks, of the workloads in the rollout's scope."""
    scores = {score["workload"]: score["score"] for score in answer["scores"]}
    return tuple(
        Low(workload=found["workload"], score=scores.get(found["workload"]), why=f"{found['what']}; {found['do']}")
        for found in answer["findings"]
        if found["blocks"] and (namespaces is None or found["workload"].partition("/")[0] in namespaces)
    )
