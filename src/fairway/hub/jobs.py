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
from fairway.hub.job_files import LOST, JobFiles, Kept
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
    INTERRUPTED = "interrupted"


_OPEN: Final = (Progress.WAITING, Progress.RUNNING)


@dataclass(slots=True)
class Job:
    """A question of `owner`. `done` is the part that is behind, 0 to 1; `answer` comes with it, or `error`."""

    id: str
    owner: str
    verb: str
    started: float
    state: Progress = Progress.WAITING
    step: str = "waiting"
    done: float = 0.0
    answer: dict[str, Any] | None = None
    error: str = ""
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)


class Jobs:
    """`start` a question, `find` it again, `cancel` it. `close` ends what runs.

    What earlier hubs left in `files` is remembered; a job that was open then is told as interrupted.
    """

    def __init__(self, files: JobFiles) -> None:
        self._files = files
        self._jobs = {kept.id: _again(kept) for kept in files.read()}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="job")

    def start(self, owner: str, question: Question, gather: Callable[[], Material]) -> Job:
        """Work on it when there is room; EnvironmentLacksError if too many wait."""
        job = Job(uuid.uuid4().hex[:12], owner, str(question.__struct_config__.tag), time.time())
        with self._lock:
            ended = [one for one in self._jobs.values() if one.state not in _OPEN]
            if len(self._jobs) - len(ended) >= MOST:
                raise EnvironmentLacksError(f"{MOST} jobs are open; cancel one, or wait for one to end")
            for old in ended[: max(0, len(self._jobs) - MOST + 1)]:
                del self._jobs[old.id]
                self._files.remove(old.id)
            self._jobs[job.id] = job
        self._files.write(_kept(job))
        self._threads.submit(self._run, job, question, gather)
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
        self._end(job, Progress.CANCELLED)

    def close(self) -> None:
        """The hub ends."""
        for job in list(self._jobs.values()):
            self._end(job, Progress.INTERRUPTED, LOST)
        self._threads.shutdown(cancel_futures=True)

    def _end(self, job: Job, state: Progress, error: str = "") -> None:
        with self._lock:
            if job.state not in _OPEN:
                return
            job.state, job.step, job.error = state, str(state), error
            process = job.process
        if process is not None:
            process.kill()
        self._files.write(_kept(job))

    def _run(self, job: Job, question: Question, gather: Callable[[], Material]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="fairway-job-"))
        try:
            if self._move(job, Progress.RUNNING):
                job.step = "reading flows"
                write(folder, question, gather())
                self._listen(job, folder)
        except (FairwayError, OSError) as error:
            self._move(job, Progress.FAILED, str(error).splitlines()[0])
        except Exception as error:
            self._move(job, Progress.FAILED, f"{type(error).__name__}: {error}; this is a mistake in fairway")
            raise
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
            error = ""
            for told in process.stdout or ():
                line = msgspec.json.decode(told, type=Line)
                job.step, job.done = line.step or job.step, max(job.done, line.progress)
                job.answer, error = line.answer, line.error
        with self._lock:
            job.process = None
        if job.answer is None:
            self._move(job, Progress.FAILED, error or f"its process ended with {process.returncode}; ask for less")
        else:
            self._move(job, Progress.DONE)

    def _move(self, job: Job, state: Progress, error: str = "") -> bool:
        """To another state, unless it has ended."""
        with self._lock:
            if job.state not in _OPEN:
                return False
            job.state, job.error = state, error
            if state is Progress.DONE:
                job.step, job.done = "done", 1.0
        self._files.write(_kept(job))
        return True


def _kept(job: Job) -> Kept:
    same = ("id", "owner", "verb", "started", "step", "done", "error")
    answer = job.answer if job.state is Progress.DONE else None
    return Kept(**{name: getattr(job, name) for name in same}, state=str(job.state), answer=answer)


def _again(kept: Kept) -> Job:
    """A job of an earlier hub."""
    job = Job(kept.id, kept.owner, kept.verb, kept.started, Progress(kept.state), kept.step, kept.done, kept.answer)
    job.error = kept.error
    if job.state in _OPEN:
        job.state, job.step, job.error = Progress.INTERRUPTED, str(Progress.INTERRUPTED), LOST
    return job
