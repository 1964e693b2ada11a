"""The map over HTTP."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.api.tags import tagged
from fairway.hub.auth import Role
from fairway.hub.database.catalogue import MOST_ROWS, map_edges
from fairway.hub.database.seen import backends
from fairway.hub.rows import rows_of
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError
from fairway.views.map import Behind, Grain, Graph, MapEdge, Node, graph_of

OfGrain = Annotated[Grain, QueryParameter(description="one node for each workload, or for each pod")]
Collapsed = Annotated[str, QueryParameter(description="namespaces to show as one node each: `shop,data`, or `*`")]


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the map shows in all. `denied_edges` had packets dropped; `would_deny_edges` would have connections
    dropped by policies on trial; `unjudged_edges` have connections that no policy set was held against."""

    nodes: int
    edges: int
    bytes: int
    cross_zone_bytes: int
    denied_edges: int
    would_deny_edges: int
    unjudged_edges: int


class Map(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes and edges of a time."""

    since: datetime
    until: datetime
    totals: Totals
    nodes: list[Node]
    edges: list[MapEdge]


@get(
    "/api/v1/map",
    guards=[only(Role.VIEWER)],
    tags=["map"],
    summary="Who talks to whom, and how much",
)
async def map_of(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    grain: OfGrain = "workload",
    collapse: Collapsed = "",
) -> Response[Map]:
    """Each flow counted once; both directions of an edge apart."""
    collapsed = frozenset(filter(None, collapse.split(",")))
    return tagged(request, await desk(lambda: _map(hub, asked, grain, collapsed)))


def graph_asked(
    hub: Hub, asked: Asked, grain: Grain = "workload", collapsed: frozenset[str] = frozenset()
) -> Graph:
    """The map that is asked for; UsageError if it is too large to be told."""
    rows = hub.base.ask(map_edges(asked.wanted, asked.now, replicas=grain == "replica"))
    if rows.num_rows > MOST_ROWS:
        raise UsageError(f"the map has over {MOST_ROWS} edges; ask for less: a filter, less time, or workloads")
    told = list(rows_of(rows))
    behind = _behind(hub) if any(row["server_kind"] == "service" for row in told) else {}
    return graph_of(told, behind, grain, collapsed)


def _behind(hub: Hub) -> dict[str, Behind]:
    return {
        row["service"]: Behind(tuple(map(_pair, row["workloads"])), tuple(row["ports"]))
        for row in hub.base.ask(backends()).to_pylist()
    }


def _map(hub: Hub, asked: Asked, grain: Grain, collapsed: frozenset[str]) -> Map:
    graph = graph_asked(hub, asked, grain, collapsed)
    edges = graph.edges
    return Map(
        since=asked.since,
        until=asked.until,
        nodes=graph.nodes,
        edges=edges,
        totals=Totals(
            nodes=len(graph.nodes),
            edges=len(edges),
            bytes=sum(edge.sent_bytes + edge.received_bytes for edge in edges),
            cross_zone_bytes=sum(edge.cross_zone_bytes for edge in edges),
            denied_edges=sum(edge.denied > 0 for edge in edges),
            would_deny_edges=sum(edge.would_deny > 0 for edge in edges),
            unjudged_edges=sum(edge.unjudged > 0 for edge in edges),
        ),
    )


def _pair(told: object) -> tuple[str, str]:
    """A ClickHouse tuple: Arrow makes a mapping of it."""
    namespace, workload = told.values() if isinstance(told, dict) else tuple(told)  # type: ignore[arg-type]
    return str(namespace), str(workload)
