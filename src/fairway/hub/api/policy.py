"""The policy engine over HTTP, on what the hub has seen: at once, or as jobs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from fairway.hub.api.access import only
from fairway.hub.api.answers import Compared, Covered, Generated, Replayed
from fairway.hub.api.asked import scope_of
from fairway.hub.api.desk import Desk
from fairway.hub.api.problems import problem
from fairway.hub.auth import Principal, Role
from fairway.hub.edges import edges_of
from fairway.hub.engine import Material, answer
from fairway.hub.jobs import Job, Jobs
from fairway.hub.questions import Coverage, Diff, Explain, Generate, Lint, Question, Replay
from fairway.hub.service import Hub, NotReadyError
from fairway.policy.ask import Answer
from fairway.views.filter import parse_moment

LARGEST: Final = 32 << 20
"""Bytes of a question."""
_RECENT: Final = timedelta(days=7)
_PATH: Final = "/api/v1/policy"

Asked = Request[Any, Any, Any]
Plain = dict[str, Any]
OfHub = NamedDependency[Hub]
OfDesk = NamedDependency[Desk]
OfJobs = NamedDependency[Jobs]


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """A job. `state`: waiting, running, done, failed, cancelled, interrupted (the hub ended meanwhile).
    `progress` is 0 to 1; `answer` comes once it is done, `error` says why there is none."""

    id: str
    verb: str
    state: str
    step: str
    progress: float
    started: datetime
    answer: dict[str, Any] | None = None
    error: str = ""


def _told(shape: type) -> dict[int, ResponseSpec]:
    """An answer is told as the engine made it, and described as this."""
    return {200: ResponseSpec(shape, generate_examples=False)}


@post("/generate", status_code=200, responses=_told(Generated), summary="Policies from what was seen")
async def generate(request: Asked, hub: OfHub, desk: OfDesk, data: JSONBody[Generate]) -> Plain:
    """With evidence for each rule, what makes no rule, and what a person should look at."""
    return await _at_once(request, hub, desk, data)


@post("/replay", status_code=200, responses=_told(Replayed), summary="What policies would have denied")
async def replay(request: Asked, hub: OfHub, desk: OfDesk, data: JSONBody[Replay]) -> Plain:
    """Each edge that was seen, judged."""
    return await _at_once(request, hub, desk, data)


@post("/coverage", status_code=200, responses=_told(Covered), summary="Whether enough was seen to enforce")
async def coverage(request: Asked, hub: OfHub, desk: OfDesk, data: JSONBody[Coverage]) -> Plain:
    """A score for each workload, and what is missing."""
    return await _at_once(request, hub, desk, data)


@post("/diff", status_code=200, responses=_told(Compared), summary="What two policy sets judge differently")
async def diff(request: Asked, hub: OfHub, desk: OfDesk, data: JSONBody[Diff]) -> Plain:
    """Exactly, over the cluster as it is."""
    return await _at_once(request, hub, desk, data)


@post("/explain", status_code=200, responses=_told(Answer), summary="Why a connection is allowed or denied")
async def explain(request: Asked, hub: OfHub, desk: OfDesk, data: JSONBody[Explain]) -> Plain:
    """Names the policies and rules."""
    return await _at_once(request, hub, desk, data)


@post("/lint", status_code=200, summary="Mistakes and gaps in policies")
async def lint(request: Asked, hub: OfHub, desk: OfDesk, data: JSONBody[Lint]) -> Plain:
    """Errors first."""
    return await _at_once(request, hub, desk, data)


@post("/jobs", status_code=202, summary="Ask, and come back for the answer")
async def start_job(
    request: Asked,
    hub: OfHub,
    jobs: OfJobs,
    data: JSONBody[Question],
) -> Response[JobState]:
    """Any of the questions, as `verb` says; in a process of its own, which can be ended."""
    gather = _gatherer(request.user, hub, data)
    state = _state(jobs.start(request.user.name, data, gather))
    return Response(state, headers={"Location": f"{_PATH}/jobs/{state.id}"}, status_code=202)


@get("/jobs", summary="One's own jobs, the latest first, without their answers")
async def list_jobs(request: Asked, jobs: OfJobs) -> list[JobState]:
    """The hub remembers some dozens."""
    return [msgspec.structs.replace(_state(job), answer=None) for job in jobs.of(request.user.name)]


@get("/jobs/{job:str}", summary="How far a job is; its answer when it is done")
async def job_state(request: Asked, jobs: OfJobs, job: FromPath[str]) -> Response[JobState]:
    """404 for one that is not one's own."""
    found = jobs.find(request.user.name, job)
    return Response(_state(found)) if found else _no_job(job)


@delete("/jobs/{job:str}", status_code=200, summary="End a job")
async def cancel_job(request: Asked, jobs: OfJobs, job: FromPath[str]) -> Response[JobState]:
    """One that has ended stays as it is."""
    found = jobs.find(request.user.name, job)
    if found is None:
        return _no_job(job)
    jobs.cancel(found)
    return Response(_state(found), status_code=200)


router: Final = Router(
    "/api/v1/policy",
    route_handlers=[
        *(generate, replay, coverage, diff, explain, lint),
        *(start_job, list_jobs, job_state, cancel_job),
    ],
    guards=[only(Role.VIEWER)],
    tags=["policy"],
    request_max_body_size=LARGEST,
)


async def _at_once(request: Asked, hub: Hub, desk: Desk, question: Question) -> Plain:
    gather = _gatherer(request.user, hub, question)
    return await desk(lambda: answer(question, gather(), lambda step, done: None))


def _gatherer(principal: Principal, hub: Hub, question: Question) -> Callable[[], Material]:
    """What reads, when there is time for it, what the answer is made of, within what somebody may see."""
    cluster = hub.cluster
    if cluster is None:
        raise NotReadyError("the cluster has not been read yet")
    _check(principal, question)
    now, scope, mine = datetime.now(UTC), scope_of(principal), principal.namespaces
    begin, end = getattr(question, "since", ""), getattr(question, "until", "")
    since = parse_moment("since", begin, now) if begin else None
    until = parse_moment("until", end, now) if end else None

    def gather() -> Material:
        if isinstance(question, Coverage):
            flows = hub.base.flows(since or (until or now) - _RECENT, until, scope)
            return Material(cluster, [], flows, hub.agents.lost, mine)
        if isinstance(question, Diff | Explain) or (isinstance(question, Lint) and not question.traffic):
            return Material(cluster, [], namespaces=mine)
        whole = since is None and until is None
        edges = hub.base.edges(scope) if whole else edges_of(hub.base.flows(since, until, scope))
        published = hub.ranges.networks() if hub.ranges and isinstance(question, Generate) else {}
        return Material(cluster, edges, namespaces=mine, published=published)

    return gather


def _check(principal: Principal, question: Question) -> None:
    """PermissionDeniedException for what cannot be answered by a few namespaces alone."""
    if principal.namespaces is None:
        return
    if isinstance(question, Diff | Lint):
        raise PermissionDeniedException("this is about the whole cluster; the token is bound to namespaces")
    ends = (question.client, question.server) if isinstance(question, Explain) else ()
    if ends and not {end.partition("/")[0] for end in ends if "/" in end} & set(principal.namespaces):
        raise PermissionDeniedException("neither end is in a namespace that the token is bound to")


def _state(job: Job) -> JobState:
    return JobState(
        id=job.id,
        verb=job.verb,
        state=str(job.state),
        step=job.step,
        progress=job.done,
        started=datetime.fromtimestamp(job.started, UTC),
        answer=job.answer if job.state == "done" else None,
        error=job.error,
    )


def _no_job(name: str) -> Response[JobState]:
    told: Response[Any] = problem(404, "not here", f"`{name}` is no job of yours; `GET {_PATH}/jobs` lists them")
    return told
