"""Asking: a question to a hub's policy engine as a job there, watched to its end, and ended with whoever asks."""

import contextlib
import time
from typing import Any, Final

import msgspec

from fairway.hub.client import Client
from fairway.hub.questions import Explain, Question
from fairway.kit.errors import FairwayError, UsageError
from fairway.kit.progress import Progress

_JOBS: Final = "/api/v1/policy/jobs"
_FIRST: Final = 0.1
_LONGEST: Final = 1.0
"""Seconds between two looks, from the first to the later ones."""


class _Job(msgspec.Struct, frozen=True):
    """As the API tells of it."""

    id: str
    state: str
    step: str = ""
    progress: float = 0.0
    answer: dict[str, Any] | None = None
    error: str = ""


def ask(client: Client, question: Question) -> dict[str, Any]:
    """The answer; UsageError with what is wrong with the question. Progress is told on standard error, and the job
    ends if this is interrupted. What takes no time is no job."""
    if isinstance(question, Explain):
        answer: dict[str, Any] = client.answer("policy/explain", asked=question)
        return answer
    job = _decoded(client.ask(_JOBS, method="POST", body=msgspec.json.encode(question)))
    try:
        return _watched(client, job)
    except BaseException:
        with contextlib.suppress(FairwayError):
            client.ask(f"{_JOBS}/{job.id}", method="DELETE")
        raise


def _watched(client: Client, job: _Job) -> dict[str, Any]:
    pause = _FIRST
    with Progress() as progress:
        while job.state in ("waiting", "running"):
            progress.tell(job.step, job.progress)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST)
            job = _decoded(client.ask(f"{_JOBS}/{job.id}"))
    if job.answer is None:
        raise UsageError(f"hub {client.url}: {job.error or f'the job was {job.state}; ask again'}")
    return job.answer


def _decoded(content: bytes) -> _Job:
    return msgspec.json.decode(content, type=_Job)
