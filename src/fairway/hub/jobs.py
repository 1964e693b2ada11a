"""Jobs: long questions to the policy engine, each in a process of its own, few at a time."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.hub.engine import Material
from fairway.hub.job import Line, write
from fairway.hub.questions import Question
from fairway.kit.errors import EnvironmentLacksError, FairwayError

AT_ONCE: Final = 2
MOST: Final = 50
"""Jobs that are remembered; the oldest that has ended makes room."""


class Progress(StrEnum):
    """How far a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OPEN: Final = (Progress.WAITING, Progress.RUNNING)


@dataclass(slots=True)
class Job:
    """One question of `owner`. `done` is the part that is behind, 0 to 1; `answer` comes with it, or `error`."""

    id: str
    owner: str
    question: Question
    started: float
    state: Progress = Progress.WAITING
    step: str = "waiting"
    done: float = 0.0
    answer: dict[str, Any] | None = None
    error: str = ""
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)


class Jobs:
    """`start` a question, `find` it again, `cancel` it. `close` ends what runs."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="job")

    def start(self, owner: str, question: Question, gather: Callable[[], Material]) -> Job:
        """Work on it when there is room; EnvironmentLacksError if too many wait."""
        job = Job(uuid.uuid4().hex[:12], owner, question, time.time())
        with self._lock:
            ended = [one for one in self._jobs.values() if one.state not in _OPEN]
            if len(self._jobs) - len(ended) >= MOST:
                raise EnvironmentLacksError(f"{MOST} jobs are open; cancel one, or wait for one to end")
            for old in ended[: max(0, len(self._jobs) - MOST + 1)]:
                del self._jobs[old.id]
            self._jobs[job.id] = job
        self._threads.submit(self._run, job, gather)
        return job

    def find(self, owner: str, name: str) -> Job | None:
        """The job, if it is this owner's."""
        job = self._jobs.get(name)
        return job if job is not None and job.owner == owner else None

    def of(self, owner: str) -> list[Job]:
        """All jobs of an owner, the latest first."""
        return sorted(
            (job for job in list(self._jobs.values()) if job.owner == owner), key=lambda job: -job.started
        )

    def cancel(self, job: Job) -> None:
        """End it, whatever it does; one that has ended stays as it is."""
        with self._lock:
            if job.state not in _OPEN:
                return
            job.state, job.step = Progress.CANCELLED, "cancelled"
            process = job.process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """The hub ends."""
        for job in list(self._jobs.values()):
            self.cancel(job)
        self._threads.shutdown(cancel_futures=True)

    def _run(self, job: Job, gather: Callable[[], Material]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="fairway-job-"))
        try:
            if self._move(job, Progress.RUNNING):
                job.step = "reading flows"
                write(folder, job.question, gather())
                self._listen(job, folder)
        except (FairwayError, OSError) as error:
            job.error = str(error).splitlines()[0]
            self._move(job, Progress.FAILED)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _listen(self, job: Job, folder: Path) -> None:
        """Start its process and hear what it tells, to the end."""
        command = [sys.executable, "-m", "fairway.hub.job", str(folder), str(os.getpid())]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            with self._lock:
                job.process = process
                cancelled = job.state is not Progress.RUNNING
            if cancelled:
                process.kill()
            for told in process.stdout or ():
                line = msgspec.json.decode(told, type=Line)
                job.step, job.done = line.step or job.step, max(job.done, line.progress)
                job.answer, job.error = line.answer, line.error
        with self._lock:
            job.process = None
        if job.answer is not None and self._move(job, Progress.DONE):
            job.step, job.done = "done", 1.0
        elif job.answer is None:
            job.error = job.error or f"its process ended with {process.returncode}; ask for less"
            self._move(job, Progress.FAILED)

    def _move(self, job: Job, state: Progress) -> bool:
        """To another state, unless it was cancelled."""
        with self._lock:
            if job.state is Progress.CANCELLED:
                return False
            job.state = state
            return True
