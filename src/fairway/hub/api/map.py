"""The map over HTTP."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.lately import Lately, patience_of
from fairway.hub.api.tags import answered, told
from fairway.hub.auth import Role
from fairway.hub.database.catalogue import MOST_ROWS, map_edges
from fairway.hub.database.seen import backends
from fairway.hub.intent import Intent, read_intent
from fairway.hub.service import Hub
from fairway.hub.standing import Protection, Standing
from fairway.kit.errors import UsageError
from fairway.policy.model import Cluster
from fairway.views.board import board_of, ends_of
from fairway.views.graph import graph_of
from fairway.views.layout import Box
from fairway.views.map import Behind, Grain, Graph, MapEdge, Node

LEGIBLE: Final = 150
"""Nodes of a map that can be read; `collapse=auto` shows namespaces instead of more."""
LEGIBLE_OUTSIDE: Final = 40
"""Networks outside, likewise."""
_OUTSIDE: Final = "outside"

OfGrain = Annotated[Grain, QueryParameter(description="one node for each workload, or for each pod")]
Collapsed = Annotated[
    str,
    QueryParameter(
        description="namespaces to show as one node each: `shop,data`, `*` for all; "
        f"`auto`: all, and all networks outside as one, where more than {LEGIBLE} nodes (networks: "
        f"{LEGIBLE_OUTSIDE}) would be shown"
    ),
]
Opened = Annotated[
    str, QueryParameter(description="namespaces that `auto` and `*` leave as they are; `outside` for networks")
]

Unfolded = Annotated[
    str, QueryParameter(description="workloads to show as their pods where they stand: `shop/Deployment/ui,...`")
]
_GAP: Final = 4.0
"""Pixels between an unfolded workload's pods."""
_TALLEST: Final = 12
"""Pods in one column below it."""


class Rectangle(msgspec.Struct, frozen=True):
    """By its upper left corner, in pixels at a scale of one; x to the right, y down."""

    x: float
    y: float
    width: float
    height: float


class Placed(Node, frozen=True, kw_only=True):
    """A node and where it stands: where it stood on every map of this hub. `replicas` are its pods now, 0 where
    none are known; `protection` tells in which directions a policy isolates it now."""

    box: Rectangle
    replicas: int = 0
    protection: Protection = "unknown"


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace's block."""

    namespace: str
    box: Rectangle


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the map shows in all. `denied_edges` had packets dropped; `would_deny_edges` would have connections
    dropped by policies on trial; `unjudged_edges` have connections that no policy set was held against;
    `unprotected_edges` are those whose standing is so. `cost` is of the bytes between zones that have a price,
    `unpriced_bytes` are those that have none."""

    nodes: int
    edges: int
    bytes: int
    cross_zone_bytes: int
    unpriced_bytes: int
    cost: float
    denied_edges: int
    would_deny_edges: int
    unjudged_edges: int
    unprotected_edges: int


class Map(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes and edges of a time. `collapsed` are the namespaces shown as one node; `currency` that of costs."""

    since: datetime
    until: datetime
    totals: Totals
    currency: str
    collapsed: list[str]
    blocks: list[Ground]
    nodes: list[Placed]
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
    lately: NamedDependency[Lately],
    asked: NamedDependency[Asked],
    grain: OfGrain = "workload",
    collapse: Collapsed = "",
    open: Opened = "",
    unfold: Unfolded = "",
) -> Response[Map]:
    """Each flow counted once; both directions of an edge apart. With `Cache-Control: max-stale=10` the answer may
    be so many seconds old, where making it takes long; `until` tells of when it is."""
    collapsed, left, parts = (frozenset(filter(None, text.split(","))) for text in (collapse, open, unfold))
    pods = frozenset((name.partition("/")[0], name.partition("/")[2]) for name in parts)
    key = (asked.text, grain, collapsed, left, pods)
    answer = await lately(key, patience_of(request), lambda: told(_map(hub, asked, grain, collapsed, left, pods)))
    return answered(request, answer)


def graph_asked(
    hub: Hub,
    asked: Asked,
    grain: Grain = "workload",
    collapse: frozenset[str] = frozenset(),
    opened: frozenset[str] = frozenset(),
    standing: Standing | None = None,
    unfolded: frozenset[tuple[str, str]] = frozenset(),
) -> Graph:
    """The map that is asked for; UsageError if it is too large to be told."""
    replicas = grain == "replica" or bool(unfolded)
    rows = hub.base.ask(map_edges(asked.wanted, asked.now, replicas=replicas))
    if rows.num_rows > MOST_ROWS:
        raise UsageError(f"the map has over {MOST_ROWS} edges; ask for less: a filter, less time, or workloads")
    if not rows.num_rows:  # and then there are no columns either
        return Graph(nodes=[], edges=[])
    dialled = pc.any(pc.equal(rows["server_kind"], "service")).as_py()
    collapsed, outside_as_one = _collapsed(rows, grain, collapse, opened)
    return graph_of(
        rows,
        _behind(hub) if dialled else {},
        grain,
        collapsed,
        outside_as_one=outside_as_one,
        unfolded=unfolded,
        prices=hub.config.prices,
        judge=standing.judge if standing else None,
    )


def _collapsed(
    rows: pa.Table, grain: Grain, wanted: frozenset[str], opened: frozenset[str]
) -> tuple[frozenset[str], bool]:
    """The namespaces to show as one, and whether the outside is."""
    if not wanted & {"auto", "*"}:
        return wanted, False
    ends = board_of(ends_of(rows, grain).ends, grain).own
    outside = sum(end.kind == "external" for end in ends)
    as_one = "auto" in wanted and outside > LEGIBLE_OUTSIDE and _OUTSIDE not in opened
    if "*" not in wanted and len(ends) - as_one * outside <= LEGIBLE:
        return wanted - {"auto"}, as_one
    return frozenset(end.namespace for end in ends if end.namespace) - opened, as_one


def _behind(hub: Hub) -> dict[str, Behind]:
    return {
        row["service"]: Behind(tuple(map(_pair, row["workloads"])), tuple(row["ports"]))
        for row in hub.base.ask(backends()).to_pylist()
    }


def _map(
    hub: Hub,
    asked: Asked,
    grain: Grain,
    collapse: frozenset[str],
    opened: frozenset[str],
    unfolded: frozenset[tuple[str, str]],
) -> Map:
    standing = hub.stand.of(hub.cluster or Cluster(), _intent(hub))
    graph = graph_asked(hub, asked, grain, collapse, opened, standing)
    boxes, blocks = hub.places[grain].of(graph, standing.sizes(replicas=grain == "replica"))
    if unfolded:
        # The others stand where they stood: only what was unfolded is told anew.
        whole, graph = graph, graph_asked(hub, asked, grain, collapse, opened, standing, unfolded)
        graph = _with_heads(graph, whole, unfolded)
        boxes = {**boxes, **_hung(graph, boxes)}
    return Map(
        since=asked.since,
        until=asked.until,
        currency=hub.config.prices.currency,
        collapsed=[node.namespace for node in graph.nodes if node.kind == "namespace"],
        blocks=[Ground(namespace=name, box=Rectangle(*box)) for name, box in blocks.items()],
        nodes=[_placed(node, boxes[node.id], standing) for node in graph.nodes],
        edges=graph.edges,
        totals=_totals(graph),
    )


def _with_heads(graph: Graph, whole: Graph, unfolded: frozenset[tuple[str, str]]) -> Graph:
    """With the workloads that their pods hang from, and all that these moved."""
    heads = {node.id: node for node in whole.nodes if (node.namespace, node.name) in unfolded}
    nodes = {node.id: node for node in graph.nodes} | heads
    return msgspec.structs.replace(graph, nodes=[nodes[name] for name in sorted(nodes)])


def _hung(graph: Graph, boxes: Mapping[str, Box]) -> dict[str, Box]:
    """Places of pods that are shown among workloads: below their own, in columns."""
    hung: dict[str, Box] = {}
    below: Counter[str] = Counter()
    for node in graph.nodes:
        head = f"pod {node.namespace}/{node.name}"
        if node.kind != "pod" or node.id in boxes or head not in boxes:
            continue
        column, line = divmod(below[head], _TALLEST)
        below[head] += 1
        x, y, width, height = boxes[head]
        hung[node.id] = Box(x + _GAP + column * (width + _GAP), y + (line + 1) * (height + _GAP), width, height)
    return hung


def _intent(hub: Hub) -> Intent:
    """A file that is malformed is told elsewhere; a map is drawn all the same."""
    try:
        return read_intent(hub.config.state)
    except UsageError:
        return Intent()


def _placed(node: Node, box: Box, standing: Standing) -> Placed:
    """Of a pod among its like it is known that it is one."""
    replicas, protection = 0, standing.protection(node.namespace, node.name)
    if node.kind == "pod":
        replicas = 1 if node.replica else standing.replicas(node.namespace, node.name)
    return Placed(
        **{name: getattr(node, name) for name in Node.__struct_fields__},
        box=Rectangle(*box),
        replicas=replicas,
        protection=protection,
    )


def _totals(graph: Graph) -> Totals:
    edges = graph.edges
    return Totals(
        nodes=len(graph.nodes),
        edges=len(edges),
        bytes=sum(edge.sent_bytes + edge.received_bytes for edge in edges),
        cross_zone_bytes=sum(edge.cross_zone_bytes for edge in edges),
        unpriced_bytes=sum(edge.unpriced_bytes for edge in edges),
        cost=round(sum(edge.cost for edge in edges), 9),
        denied_edges=sum(edge.denied > 0 for edge in edges),
        would_deny_edges=sum(edge.would_deny > 0 for edge in edges),
        unjudged_edges=sum(edge.unjudged > 0 for edge in edges),
        unprotected_edges=sum(edge.standing == "unprotected" for edge in edges),
    )


def _pair(told: object) -> tuple[str, str]:
    """A ClickHouse tuple: Arrow makes a mapping of it."""
    namespace, workload = told.values() if isinstance(told, dict) else tuple(told)  # type: ignore[arg-type]
    return str(namespace), str(workload)
