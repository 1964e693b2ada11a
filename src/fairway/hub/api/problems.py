"""Errors as problem+json (RFC 9457): what, where, what to do next. Nothing of the inside is shown."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException

from fairway.hub.database.errors import DatabaseError
from fairway.hub.service import NotReadyError
from fairway.kit.errors import EnvironmentLacksError, FairwayError, one_line

PROBLEM: Final = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is an error. `error` repeats `detail`, for agents."""

    title: str
    status: int
    detail: str
    error: str
    type: str = "about:blank"


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """An answer that says what went wrong."""
    told = one_line(detail)
    body = msgspec.json.encode(Problem(title=title, status=status, detail=told, error=told))
    return Response(body, status_code=status, media_type=PROBLEM, headers=dict(headers or {}))


def handlers(log: Callable[[str], None]) -> dict[Any, Callable[[Request[Any, Any, Any], Any], Response[bytes]]]:
    """What becomes of an exception, by its type; what nobody foresaw is logged under a number that is told."""

    def usage(_: Request[Any, Any, Any], error: FairwayError) -> Response[bytes]:
        return problem(400, "the question is malformed", str(error).splitlines()[0])

    def lacking(_: Request[Any, Any, Any], error: EnvironmentLacksError) -> Response[bytes]:
        return problem(503, "not now", str(error), {"Retry-After": "10"})

    def database(_: Request[Any, Any, Any], error: DatabaseError) -> Response[bytes]:
        log(str(error))
        if error.out_of_memory:
            return problem(
                422,
                "the answer is too large",
                "the answer needs more memory than a question may have; ask for less",
            )
        return problem(503, "the database refuses", str(error), {"Retry-After": "5"})

    def http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
        return problem(error.status_code, _title(error), _detail(request, error), error.headers)

    def unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        number = uuid.uuid4().hex[:8]
        log(f"error {number}: {request.method} {request.url.path}: {type(error).__name__}: {error}")
        return problem(500, "the hub failed", f"error {number} is in the hub's log; report it with that line")

    def not_ready(_: Request[Any, Any, Any], error: NotReadyError) -> Response[bytes]:
        return problem(503, "not ready", str(error), {"Retry-After": "1"})

    return {
        NotReadyError: not_ready,
        DatabaseError: database,
        EnvironmentLacksError: lacking,
        FairwayError: usage,
        HTTPException: http,
        Exception: unforeseen,
    }


def _title(error: HTTPException) -> str:
    if isinstance(error, ValidationException):
        return "the question is malformed"
    return _TITLES.get(error.status_code, "refused")


_TITLES: Final = {
    401: "who are you",
    403: "you may not",
    404: "not here",
    405: "not so",
    413: "too large",
    429: "too often",
}


def _detail(request: Request[Any, Any, Any], error: HTTPException) -> str:
    if isinstance(error, MethodNotAllowedException):
        return f"{request.method} is not for {request.url.path}"
    if isinstance(error, NotFoundException):
        return f"{request.url.path} is nothing of this hub; /schema lists what is"
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first = error.extra[0]
        if isinstance(first, dict):
            return f"`{first.get('key', '')}`: {first.get('message', '')}"
    return str(error.detail)
