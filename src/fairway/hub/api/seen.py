"""What was ever seen, over HTTP: edges, endpoints, and a search among them."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.api.shapes import End
from fairway.hub.api.tags import tagged
from fairway.hub.auth import Role
from fairway.hub.database.seen import endpoints, seen_edges
from fairway.hub.edges import edges_of_reports
from fairway.hub.matching import edges_matching
from fairway.hub.rows import rows_of
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

MOST_WORDS: Final = 100_000
"""Of both ends' agents about edges, for one answer: it takes seconds to make."""
_APART: Final = timedelta(minutes=10)
"""So much earlier the other end's last word may be."""
Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="at most so many")]
Since = Annotated[Literal["seen", "first"], QueryParameter(description="of `since`: last or first sight")]
Of = Annotated[
    Literal["", "pod", "node", "service", "cloud", "external", "unknown"],
    QueryParameter(description="of this kind"),
]
Words = Annotated[str, QueryParameter(min_length=1, max_length=200, description="part of a name or address")]


class SeenEdge(msgspec.Struct, frozen=True, kw_only=True):
    """All that was ever seen of one client, server, port and protocol."""

    client: End
    server: End
    port: int
    protocol: str
    service: str
    category: str
    first_seen: datetime
    last_seen: datetime
    connections: int
    sent_bytes: int
    received_bytes: int
    failed: int
    retransmissions: int
    timeouts: int
    denied: int
    would_deny: int
    initiator_known: bool


class SeenEdges(msgspec.Struct, frozen=True, kw_only=True):
    """The latest first sights first; `more` were left out."""

    edges: list[SeenEdge]
    more: int


class SeenEnd(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as it last was, and when it was seen."""

    end: End
    first_seen: datetime
    last_seen: datetime


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The latest first."""

    endpoints: list[SeenEnd]


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Something by a name that was searched for. `filter` picks its flows."""

    kind: str
    title: str
    filter: str
    count: int


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """Namespaces first, then workloads, then single ends."""

    hits: list[Hit]


@get("/api/v1/edges", guards=[only(Role.VIEWER)], tags=["seen"], summary="Every edge that was ever seen")
async def edges(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    sight: Since = "seen",
    limit: Limit = 1000,
) -> Response[SeenEdges]:
    """Without a time: of all time. `sight=first` with `since=1d`: what is new since yesterday."""
    found = await desk(lambda: _edges(hub, asked, sight))
    told = [_edge(edge) for edge in found[:limit]]
    return tagged(request, SeenEdges(edges=told, more=len(found) - len(told)))


def _edges(hub: Hub, asked: Asked, sight: str) -> list[Edge]:
    name = "first_seen" if sight == "first" else "last_seen"
    since = asked.since if asked.bounded else None
    # Both ends' words of an edge are needed, whatever the filter says of one of them; both are about as late.
    words = hub.base.ask(seen_edges(asked.scope, since - _APART if since else None, MOST_WORDS + 1))
    if words.num_rows > MOST_WORDS:
        raise UsageError(f"over {MOST_WORDS // 2} edges; ask for less time with `since`, or for one namespace's")
    found = edges_matching(asked.expression, edges_of_reports(words))
    kept = [
        edge for edge in found if (since is None or getattr(edge, name) >= since) and edge.first_seen < asked.until
    ]
    return sorted(kept, key=lambda edge: edge.first_seen, reverse=True)


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """The time that a filter is of."""

    since: datetime
    until: datetime


@get("/api/v1/filter", guards=[only(Role.VIEWER)], tags=["seen"], summary="Whether a filter can be read")
async def meaning(asked: NamedDependency[Asked]) -> Meaning:
    """Looks nothing up; 400 points at what is wrong."""
    return Meaning(since=asked.since, until=asked.until)


@get("/api/v1/endpoints", guards=[only(Role.VIEWER)], tags=["seen"], summary="Who was ever seen")
async def endpoints_of(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    kind: Of = "",
    text: Annotated[str, QueryParameter(max_length=200, description="part of a name or address")] = "",
    limit: Limit = 1000,
) -> Response[Endpoints]:
    """Pods, nodes, Services, cloud services and addresses; `since` is held against the last sight."""
    since = asked.since if asked.bounded else None
    table = await desk(lambda: hub.base.ask(endpoints(asked.scope, text, since, limit, kind=kind)))
    told = [
        SeenEnd(end=End.of(_endpoint(row)), first_seen=row["first_seen"], last_seen=row["last_seen"])
        for row in rows_of(table)
    ]
    return tagged(request, Endpoints(endpoints=told))


@get("/api/v1/search", guards=[only(Role.VIEWER)], tags=["seen"], summary="Find by a part of a name")
async def search(
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    text: Words,
    limit: Annotated[int, QueryParameter(ge=1, le=200, description="at most so many")] = 20,
) -> Hits:
    """Namespaces, workloads, pods, nodes, Services, cloud services, addresses."""
    table = await desk(lambda: hub.base.ask(endpoints(asked.scope, text, None, 10_000)))
    found: dict[tuple[int, str, str, str], int] = {}
    for row in rows_of(table):
        for hit in _hits(row, text.lower()):
            found[hit] = found.get(hit, 0) + 1
    ranked = sorted(found.items())[:limit]
    told = [Hit(kind=kind, title=title, filter=term, count=count) for (_, kind, title, term), count in ranked]
    return Hits(hits=told)


def _hits(row: dict[str, Any], text: str) -> list[tuple[int, str, str, str]]:
    """What of an endpoint has the text in its name: (rank, kind, title, filter)."""
    end = _endpoint(row)
    within = f"namespace={end.namespace} "
    found = []
    if text in end.namespace.lower():
        found.append((0, "namespace", end.namespace, within.strip()))
    if text in end.workload.lower():
        found.append((1, "workload", f"{end.namespace}/{end.workload}", f"{within}workload={end.workload}"))
    if text in end.name.lower() or text in end.address.lower() or text in end.node.lower():
        term = f"name={end.name}" if end.name else f"ip={end.address}"
        found.append((2, str(end.kind), end.title, f"{within if end.namespace else ''}{term}"))
    return found


def _endpoint(row: dict[str, Any]) -> Endpoint:
    labels = msgspec.json.decode(row["labels"] or "{}", type=dict[str, str])
    names = {name: row[name] for name in ("address", "namespace", "name", "workload", "node", "zone")}
    return Endpoint(kind=Kind(row["kind"]), labels=tuple(sorted(labels.items())), **names)


def _edge(edge: Edge) -> SeenEdge:
    same = (name for name in SeenEdge.__struct_fields__ if name not in ("client", "server"))
    return SeenEdge(
        client=End.of(edge.client), server=End.of(edge.server), **{name: getattr(edge, name) for name in same}
    )
