"""The REST API, as much of it as Fairway speaks; errors of it as one line each.

Everything is httpx on the server's own JSON (docs/decisions/0012): paging, bookmarks and metadata-only lists are
query parameters and a header there, and a page of 500 pods is forgotten once it is read.
"""

import socket
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

import fairway
from fairway.kit.errors import AnswerIsNoError, EnvironmentLacksError, FairwayError, UsageError, one_line
from fairway.kube.access import Access

TIMEOUT: Final = 30.0
FIELD_MANAGER: Final = "fairway"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
_KEEPALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""A watch says nothing for minutes; a peer that is gone is noticed within one all the same."""


class ApiError(Exception):
    """The server's answer was no. `reason` and `message` are those of its Status object."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(one_line(message or reason or f"answers {status}"))
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class NotThereError(UsageError):
    """The server has no such object or kind."""


class _Status(msgspec.Struct, frozen=True):
    reason: str | None = None
    message: str | None = None


def error_of(answer: httpx.Response) -> ApiError:
    """A refused request, whose body was read, as the error it is."""
    try:
        status = msgspec.json.decode(answer.content, type=_Status)
    except msgspec.MsgspecError:
        status = _Status()
    given = answer.headers.get("Retry-After", "")
    return ApiError(
        answer.status_code,
        status.reason or "",
        status.message or "",
        float(given) if given.isascii() and given.isdigit() and len(given) < 6 else None,
    )


def asynchronous(access: Access) -> httpx.AsyncClient:
    """A client for the loop it is used in, for a few dozen streams at once."""
    transport = httpx.AsyncHTTPTransport(
        verify=access.trust,
        socket_options=_KEEPALIVE,
        proxy=access.proxy,
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
    )
    return httpx.AsyncClient(transport=transport, **_settings(access, TIMEOUT))


def _settings(access: Access, timeout: float) -> dict[str, Any]:
    """What every client of ours has."""
    headers = {"User-Agent": f"fairway/{fairway.__version__}"}
    return {"base_url": access.server, "timeout": timeout, "headers": headers}


async def ask(
    connection: httpx.AsyncClient,
    access: Access,
    method: str,
    path: str,
    body: Any = None,
    *,
    parameters: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> Any:
    """The answer's JSON; ApiError for a refusal, httpx.HTTPError for no answer."""
    headers = {**access.headers(), "Accept": "application/json", "Content-Type": content_type}
    content = None if body is None else msgspec.json.encode(body)
    answer = await connection.request(method, path, params=dict(parameters or {}), headers=headers, content=content)
    if answer.status_code >= 300:
        raise error_of(answer)
    return msgspec.json.decode(answer.content)


class Api:
    """For verbs: one question after the other, errors as a person is told them. `with Api(access) as api:`.
    `timeout`: seconds that an answer may take."""

    def __init__(self, access: Access, timeout: float = TIMEOUT) -> None:
        self.access = access
        self._connection = httpx.Client(verify=access.trust, proxy=access.proxy, **_settings(access, timeout))

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ask no more."""
        self._connection.close()

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """The object or list at a path; errors as of `ask`."""
        return self.ask("GET", path, parameters=parameters)

    def find(self, path: str) -> Any | None:
        """The object at a path, None if there is none."""
        try:
            return self._ask("GET", path, None, None, "")
        except ApiError as error:
            if error.status == 404:
                return None
            raise told(error, "GET", path) from None

    def apply(self, path: str, value: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Any:
        """Server-side apply under our own field manager. AnswerIsNoError where somebody else owns a field."""
        parameters = {"fieldManager": FIELD_MANAGER, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            parameters["dryRun"] = "All"
        return self.ask("PATCH", path, value, parameters=parameters, content_type=APPLY)

    def delete(self, path: str) -> Any:
        """Remove the object at a path."""
        return self.ask("DELETE", path)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        parameters: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """The answer's JSON; a FairwayError that says what was refused, EnvironmentLacksError for no answer."""
        try:
            return self._ask(method, path, body, parameters, content_type)
        except ApiError as error:
            raise told(error, method, path) from None

    def _ask(
        self, method: str, path: str, body: Any, parameters: Mapping[str, str] | None, content_type: str
    ) -> Any:
        headers = {**self.access.headers(), "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"], content = content_type, msgspec.json.encode(body)
        try:
            answer = self._connection.request(
                method, path, params=dict(parameters or {}), headers=headers, content=content
            )
        except httpx.HTTPError as error:
            reason = one_line(str(error)) or type(error).__name__
            raise EnvironmentLacksError(f"the API server {self.access.server}: {reason}") from None
        if answer.status_code >= 300:
            raise error_of(answer)
        try:
            return msgspec.json.decode(answer.content)
        except msgspec.MsgspecError as error:
            raise EnvironmentLacksError(
                f"{self.access.server}: what it answers is no JSON ({error}); is it an API server?"
            ) from None


def told(error: ApiError, method: str, path: str) -> FairwayError:
    """An API server's no, as a person is told it."""
    if error.status == 401:
        return UsageError("the API server does not know you (401); sign in to the cluster again")
    if error.status == 403:
        return UsageError(f"you may not: {error}; ask for that permission")
    if error.status == 409:
        return AnswerIsNoError(f"somebody else holds what would be changed: {error}")
    if error.status == 404:
        return NotThereError(f"`{path}` is not there: {error}")
    if error.status >= 500 or error.status == 429:
        return EnvironmentLacksError(f"the API server answers {error.status}: {error}; try again")
    return UsageError(f"the API server refuses {method} {path}: {error}")
