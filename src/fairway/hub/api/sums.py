"""Sums over HTTP: over time, between zones, the most of something, and where TCP sends again."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
import pyarrow as pa
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.api.map import graph_asked
from fairway.hub.auth import Role
from fairway.hub.database.catalogue import GROUPS, MOST_ROWS, series, top
from fairway.hub.rows import rows_of
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError
from fairway.views.map import Graph, MapEdge, Node, Sums

By = Literal["", "edge", "client", "server", "namespace", "zone", "node", "port", "service", "category"]
GroupBy = Annotated[By, QueryParameter(description="one sum for each of these; empty: one of all")]
Metric = Literal["bytes", "packets", "connections", "retransmissions", "timeouts", "failed", "denied", "would_deny"]
Most = Annotated[Metric, QueryParameter(description="most of this first")]
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="groups to tell")]
Step = Annotated[int, QueryParameter(ge=0, le=366 * 86400, description="seconds of a point; 0 chooses")]
_STEPS: Final = (60, 300, 900, 3600, 6 * 3600, 86400)
_POINTS: Final = 240
"""Points of a line where nobody chooses the step, at most."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What the sums are of: the columns that it was grouped by."""

    key: dict[str, str | int]
    sums: Sums


class Groups(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of a time."""

    since: datetime
    until: datetime
    groups: list[Group]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Sums from `time` on, for a step."""

    time: datetime
    sums: Sums


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One group's points, in order of time; where nothing was told there is none."""

    key: dict[str, str | int]
    points: list[Point]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Lines over a time, most bytes first; `left_out` groups are not told."""

    since: datetime
    until: datetime
    step: int
    lines: list[Line]
    left_out: int


class HotSpot(msgspec.Struct, frozen=True, kw_only=True):
    """An edge on which TCP sent again; `share` of its packets, 0 to 1."""

    key: dict[str, str | int]
    ports: tuple[str, ...]
    share: float
    sums: Sums


class HotSpots(msgspec.Struct, frozen=True, kw_only=True):
    """Most retransmissions first."""

    since: datetime
    until: datetime
    spots: list[HotSpot]


@get("/api/v1/top", guards=[only(Role.VIEWER)], tags=["sums"], summary="Who moves the most")
async def top_of(
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    by: GroupBy = "edge",
    metric: Most = "bytes",
    limit: Limit = 20,
) -> Groups:
    """The groups with most of a metric."""
    if not by:
        raise UsageError("by: say of what, such as `by=client`")
    if by == "edge":
        graph = await desk(lambda: graph_asked(hub, asked))
        groups = [group for group, _ in _edges(graph, metric)[:limit]]
        return Groups(since=asked.since, until=asked.until, groups=groups)
    keys = GROUPS[by]
    table = await desk(lambda: hub.base.ask(top(asked.wanted, asked.now, keys, metric, limit)))
    return _groups(asked, table, keys)


@get("/api/v1/hotspots", guards=[only(Role.VIEWER)], tags=["sums"], summary="Where TCP sends again")
async def hotspots(
    hub: NamedDependency[Hub], desk: NamedDependency[Desk], asked: NamedDependency[Asked], limit: Limit = 20
) -> HotSpots:
    """Edges by retransmissions."""
    graph = await desk(lambda: graph_asked(hub, asked))
    spots = [
        HotSpot(key=group.key, ports=edge.ports, share=_share(group.sums), sums=group.sums)
        for group, edge in _edges(graph, "retransmissions")[:limit]
        if edge.retransmissions
    ]
    return HotSpots(since=asked.since, until=asked.until, spots=spots)


@get("/api/v1/series", guards=[only(Role.VIEWER)], tags=["sums"], summary="Sums over time")
async def series_of(
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    by: GroupBy = "",
    step: Step = 0,
    limit: Limit = 20,
) -> Series:
    """One line for each group. Of a workload: `q=workload=ui`, of an edge both ends, of zones `by=zone`."""
    chosen = step or _step(asked.until - asked.since)
    keys = GROUPS[by] if by else ()
    question = series(asked.wanted, asked.now, timedelta(seconds=chosen), keys)
    table = await desk(lambda: hub.base.ask(question))
    if table.num_rows > MOST_ROWS:
        raise UsageError(f"step {chosen}: over {MOST_ROWS} points; ask for a longer step, less time, or a filter")
    lines: dict[tuple[Any, ...], list[Point]] = {}
    for row in rows_of(table):
        moment = datetime.fromtimestamp(row["moment"], UTC)
        lines.setdefault(tuple(row[key] for key in keys), []).append(Point(time=moment, sums=Sums.of(row)))
    told = [Line(key=dict(zip(keys, group, strict=True)), points=points) for group, points in lines.items()]
    told.sort(key=lambda line: -sum(point.sums.sent_bytes + point.sums.received_bytes for point in line.points))
    left_out = max(0, len(told) - limit)
    return Series(since=asked.since, until=asked.until, step=chosen, lines=told[:limit], left_out=left_out)


def _edges(graph: Graph, metric: str) -> list[tuple[Group, MapEdge]]:
    """The map's edges, where what is told of a Service is its backends' already, as sums; most first."""
    nodes = {node.id: node for node in graph.nodes}
    parts = (f"sent_{metric}", f"received_{metric}") if metric in ("bytes", "packets") else (metric,)

    def rank(edge: MapEdge) -> tuple[int, str, str]:
        return -sum(getattr(edge, part) for part in parts), edge.client, edge.server

    return [
        (
            Group(
                key={**_end("client", nodes[edge.client]), **_end("server", nodes[edge.server])},
                sums=Sums(**{name: getattr(edge, name) for name in Sums.__struct_fields__}),
            ),
            edge,
        )
        for edge in sorted(graph.edges, key=rank)
    ]


def _end(end: str, node: Node) -> dict[str, str | int]:
    return {f"{end}_kind": node.kind, f"{end}_namespace": node.namespace, f"{end}_group": node.name}


def _groups(asked: Asked, table: pa.Table, keys: tuple[str, ...]) -> Groups:
    return Groups(since=asked.since, until=asked.until, groups=grouped(rows_of(table), keys))


def grouped(rows: Iterable[Mapping[str, Any]], keys: tuple[str, ...]) -> list[Group]:
    """Rows of the catalogue's sums by these of their columns."""
    return [Group(key={key: row[key] for key in keys}, sums=Sums.of(row)) for row in rows]


def _share(sums: Sums) -> float:
    packets = sums.sent_packets + sums.received_packets
    return round(min(1.0, sums.retransmissions / packets), 6) if packets else 0.0


def _step(span: timedelta) -> int:
    seconds = span.total_seconds()
    return next((step for step in _STEPS if seconds <= step * _POINTS), _STEPS[-1])
