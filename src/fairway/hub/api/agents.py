"""What agents ask: to take their batches, and for what their node is to be held to."""

import asyncio
import time
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, HTTPException, TooManyRequestsException
from litestar.params import FromPath, QueryParameter

from fairway.hub.api.access import only, own_node
from fairway.hub.api.problems import problem
from fairway.hub.auth import Role
from fairway.hub.gate import Gate, TooOftenError
from fairway.hub.service import Hub
from fairway.wire import batch as wire
from fairway.wire.protocol import CONTENT_TYPE, FLOWS_PATH, MAX_WAIT, identity_of

_LOOK: Final = 0.2
"""Seconds between two looks at a feed that somebody waits for."""


@post(FLOWS_PATH, guards=[only(Role.AGENT)], status_code=200, tags=["agents"], summary="Take a batch of flows")
async def flows(
    request: Request[Any, Any, Any], hub: NamedDependency[Hub], gate: NamedDependency[Gate]
) -> Response[Any]:
    """Keeps the batch on disk, then acknowledges it. One that was had before is acknowledged again."""
    identity = identity_of(request.headers)
    if identity is None:
        raise ClientException("the headers Fairway-Node, -Boot, -Sequence and -Part must name the batch")
    own_node(request.user, identity.node)
    if request.content_type[0] != CONTENT_TYPE:
        raise HTTPException(f"send {CONTENT_TYPE}", status_code=415)
    content = await _body(request)
    try:
        gate.weigh(request.user, identity.node, len(content))
    except TooOftenError as error:
        raise TooManyRequestsException(str(error), headers={"Retry-After": str(error.retry_after)}) from None
    hub.receiver.programs[identity.node] = request.headers.get("User-Agent", "")[:80]
    try:
        receipt = await hub.receiver.take(identity, content)
    except wire.NewerBatchError as error:  # it waits in the agent's spool until this hub can read it
        return problem(503, "the agent is newer than the hub", f"the batch {error}", {"Retry-After": "60"})
    except wire.BatchError as error:
        return problem(422, "the batch cannot be read", f"the batch {error}")
    except OSError as error:
        return problem(507, "the disk refuses", f"the hub's disk: {error.strerror}", {"Retry-After": "10"})
    return Response(msgspec.json.encode(receipt), media_type="application/json")


async def _body(request: Request[Any, Any, Any]) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > wire.MAX_BYTES:
            raise HTTPException(f"a batch has at most {wire.MAX_BYTES} bytes", status_code=413)
        parts.append(part)
    return b"".join(parts)


@get(
    "/api/v1/nodes/{node:str}/feed",
    guards=[only(Role.AGENT)],
    tags=["agents"],
    summary="What a node's agent is told",
)
async def feed(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    node: FromPath[str],
    wait: Annotated[int, QueryParameter(ge=0, le=MAX_WAIT, description="seconds to wait for something new")] = 0,
) -> Response[Any]:
    """Its pods and rules. With If-None-Match and `wait`, answers 304 if nothing new came meanwhile."""
    own_node(request.user, node)
    known = request.headers.get("If-None-Match", "")
    deadline = time.monotonic() + wait
    while True:
        found = hub.feed(node)
        if found is not None and found.tag != known:
            return Response(found.content, media_type="application/json", headers={"ETag": found.tag})
        if time.monotonic() >= deadline:
            break
        await asyncio.sleep(_LOOK)
    if found is None:
        return problem(
            404, "not here", f"`{node}` is no node of the cluster, or the hub has not seen the cluster yet"
        )
    return Response(b"", status_code=304, headers={"ETag": found.tag})
