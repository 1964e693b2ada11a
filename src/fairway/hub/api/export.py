"""Everything, for programs: flows as Arrow or Parquet, agents as they report."""

from datetime import datetime
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from litestar import Response, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from fairway.hub.agents import Agents
from fairway.hub.api.access import only
from fairway.hub.auth import Role
from fairway.hub.service import Hub

_TYPES = {"arrow": "application/vnd.apache.arrow.stream", "parquet": "application/vnd.apache.parquet"}
Since = Annotated[datetime | None, QueryParameter(description="flows whose interval ended then or later")]
Until = Annotated[datetime | None, QueryParameter(description="flows whose interval ended before")]


@get("/api/v1/export/flows", guards=[only(Role.VIEWER)], tags=["export"], summary="All flows of a time")
async def export_flows(
    hub: NamedDependency[Hub],
    since: Since = None,
    until: Until = None,
    form: FromQuery[Literal["arrow", "parquet"]] = "arrow",
) -> Response[bytes]:
    """Every flow as it was told and named, for policies to be made of and proven on."""
    content = await sync_to_thread(lambda: _written(hub.base.flows(since, until), form))
    return Response(content, media_type=_TYPES[form])


@get("/api/v1/agents", guards=[only(Role.VIEWER)], tags=["agents"], summary="What every agent last reported")
async def agents(hub: NamedDependency[Hub]) -> Agents:
    """By node: when, which rules it holds its pods to, and what it lost."""
    return hub.agents.running(hub.receiver.programs)


def _written(flows: pa.Table, form: str) -> bytes:
    sink: Any = pa.BufferOutputStream()
    if form == "parquet":
        pq.write_table(flows, sink, compression="zstd")
    else:
        with pa.ipc.new_stream(sink, flows.schema) as writer:
            writer.write_table(flows.unify_dictionaries())
    return bytes(sink.getvalue().to_pybytes())
