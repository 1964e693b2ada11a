"""Everything, for programs: flows as Arrow or Parquet, agents as they report."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.agents import Agents
from fairway.hub.api.access import only
from fairway.hub.api.asked import scope_of
from fairway.hub.api.desk import Desk
from fairway.hub.auth import Role
from fairway.hub.service import Hub

EXPORT_PATH: Final = "/api/v1/export/flows"
TYPES: Final = {"arrow": "application/vnd.apache.arrow.stream", "parquet": "application/vnd.apache.parquet"}
Since = Annotated[datetime | None, QueryParameter(description="flows whose interval ended then or later")]
Until = Annotated[datetime | None, QueryParameter(description="flows whose interval ended before")]


@get(EXPORT_PATH, guards=[only(Role.VIEWER)], tags=["export"], summary="All flows of a time")
async def export_flows(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    since: Since = None,
    until: Until = None,
    form: Annotated[Literal["arrow", "parquet"], QueryParameter(description="of the file")] = "arrow",
) -> Response[bytes]:
    """Every flow as it was told and named, for policies to be made of and proven on."""
    scope = scope_of(request.user)
    content = await desk(lambda: _written(hub.base.flows(since, until, scope), form))
    return Response(content, media_type=TYPES[form])


@get("/api/v1/agents", guards=[only(Role.VIEWER)], tags=["agents"], summary="What every agent last reported")
async def agents(hub: NamedDependency[Hub]) -> Agents:
    """By node: when, which rules it holds its pods to, and what it lost."""
    return hub.agents.running(hub.receiver.programs)


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever asks: `namespaces` null means all."""

    name: str
    role: str
    namespaces: tuple[str, ...] | None


@get("/api/v1/me", tags=["people"], summary="Whose token it is")
async def me(request: Request[Any, Any, Any]) -> Me:
    """Name, role and namespaces."""
    return Me(name=request.user.name, role=str(request.user.role), namespaces=request.user.namespaces)


def _written(flows: pa.Table, form: str) -> bytes:
    sink: Any = pa.BufferOutputStream()
    if form == "parquet":
        pq.write_table(flows, sink, compression="zstd")
    else:
        with pa.ipc.new_stream(sink, flows.schema) as writer:
            writer.write_table(flows.unify_dictionaries())
    return bytes(sink.getvalue().to_pybytes())
