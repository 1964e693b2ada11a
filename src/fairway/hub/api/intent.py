"""What is in force and on trial: for people to see and to change; and who changed it."""

import hashlib
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, put
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.params import JSONBody, QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.problems import problem
from fairway.hub.audit import Entry
from fairway.hub.auth import Role
from fairway.hub.intent import Intent
from fairway.hub.service import Hub
from fairway.hub.wishes import MOST_CHARACTERS, Wish

PATH = "/api/v1/intent"


@get(PATH, guards=[only(Role.VIEWER)], tags=["intent"], summary="Which policies are in force and on trial")
async def intent(hub: NamedDependency[Hub]) -> Response[Intent]:
    """With an ETag, for If-Match when it is changed."""
    return _told(await sync_to_thread(hub.wanted.read))


@put(
    PATH,
    guards=[only(Role.EDITOR)],
    tags=["intent"],
    summary="Put policies on trial or in force, or take them back",
    request_max_body_size=MOST_CHARACTERS * 2,
)
async def change_intent(
    request: Request[Any, Any, Any], hub: NamedDependency[Hub], data: JSONBody[Wish]
) -> Response[Any]:
    """What is left out stays, null takes back. With If-Match only if nobody else changed it meanwhile. Not while a
    rollout is under way, or stepped back: it would put things back at once."""
    if not await hub.permits.may(request.user, data.role, None):
        raise PermissionDeniedException(f"this is for the role {data.role} in all namespaces")
    if holder := hub.rollouts.holder():
        why = f"rollout `{holder}` says what is in force and on trial; abort it, or let it finish"
        return problem(409, "a rollout holds it", why)
    cluster = hub.require_ready()
    expected = request.headers.get("If-Match", "*")
    changed = await sync_to_thread(
        lambda: hub.wanted.change(data, cluster, request.user, lambda now: expected in ("*", _tag(now)))
    )
    if changed is None:
        return problem(412, "changed meanwhile", "somebody else changed the intent; look at it again")
    return _told(changed)


@get("/api/v1/audit", guards=[only(Role.OPERATOR)], tags=["intent"], summary="Who changed what, the newest first")
async def audit(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    limit: Annotated[int, QueryParameter(ge=1, le=1000, description="entries")] = 100,
    before: Annotated[datetime | None, QueryParameter(description="entries of before this time")] = None,
) -> list[Entry]:
    """Changes of intent and of tokens."""
    if not await hub.permits.may(request.user, Role.OPERATOR, None):
        raise PermissionDeniedException("this is for the role operator in all namespaces")
    return await sync_to_thread(lambda: hub.audit.latest(limit, before))


def _told(current: Intent) -> Response[Intent]:
    return Response(current, headers={"ETag": _tag(current)})


def _tag(current: Intent) -> str:
    return f'"{hashlib.sha256(msgspec.json.encode(current)).hexdigest()[:16]}"'
