"""Questions of every kind to `support.flows`, and whether two databases answer them alike."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from fairway.hub.database import catalogue, pages, resolving, seen, troubles
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.schema import SUMS
from fairway.hub.edges import edges_of_reports
from fairway.hub.names_asked import SCHEMA as NAMES_ASKED
from fairway.hub.node_limits import SCHEMA as LIMITS
from fairway.views.filter import All, parse_filter
from fairway.wire.edge import Edge
from support.flows import START_US

START = datetime.fromtimestamp(START_US / 1e6, UTC)
NOW = START + timedelta(hours=3)
QUESTIONS = {
    "map of all": catalogue.map_edges(parse_filter("", NOW), NOW),
    "map of minutes": catalogue.map_edges(parse_filter("since=2h", NOW), NOW),
    "map of pods": catalogue.map_edges(parse_filter("since=1h", NOW), NOW, replicas=True),
    "map by address": catalogue.map_edges(parse_filter("src.ip=10.0.0.0/16", NOW), NOW),
    "zones": catalogue.zones(parse_filter("namespace=shop", NOW), NOW),
    "top": catalogue.top(parse_filter("", NOW), NOW, ("server_group", "port"), "bytes", 10),
    "series": catalogue.series(parse_filter("", NOW), NOW, timedelta(minutes=5), ("client_namespace",)),
    "hours": catalogue.series(parse_filter("", NOW), NOW, timedelta(hours=1)),
    "flows": pages.flow_rows(parse_filter("verdict=denied", NOW), NOW, limit=500),
    "flows of a time": catalogue.flows_between(NOW - timedelta(minutes=20), NOW),
    "seen edges": seen.seen_edges(),
    "askers": resolving.askers(parse_filter("", NOW), NOW, 100),
    "called by name": resolving.called_by_name(parse_filter("", NOW), NOW),
    "first": troubles.first_between(START, NOW),
    "replicas": troubles.replicas_between(START, NOW, parse_filter("dst.namespace=shop", NOW).expression),
    "nodes": troubles.nodes_between(START, NOW, All(())),
    "dns": troubles.dns_between(START, NOW, All(())),
}
BESIDE = {
    "asked by pod": resolving.asked_by_pod(All(()), START, NOW),
    "asked by name": resolving.asked_by_name(All(()), START, NOW, 20),
    "asked": troubles.asked_between(START, NOW, parse_filter("src.namespace=shop", NOW).expression),
    "limits": troubles.limits_between(START, NOW, ["node-0", "node-1"]),
}
"""Of the tables that `note_beside` fills."""
ROWS_BESIDE = 300


def note_beside(base: FlowBase) -> None:
    """What was asked of DNS, and limits of nodes; twice, as a crash repeats it."""
    at = range(START_US, START_US + ROWS_BESIDE * 30_000_000, 30_000_000)
    asked, limits = [], []
    for n, time_end in enumerate(at):
        counts = {"asked": n % 7 + 2, "noerror": n % 7, "servfail": n % 2, "nxdomain": 0, "refused": 0, "other": 0}
        asked.append(
            {
                "time_end": time_end,
                **{f"client_{name}": f"{name}-{n % 5}" for name in ("workload", "name", "node", "zone")},
                "client_namespace": ("shop", "data")[n % 2],
                "name": f"name-{n % 11}.example",
                **counts,
                "waited_us": n * 10,
                "longest_us": n,
            }
        )
        of = {"node": f"node-{n % 4}", "name": ("conntrack entries", "conntrack drop")[n % 2]}
        limits.append({"time_end": time_end, **of, "used": float(n), "most": 0.0 if n % 2 else 900.0})
    for _ in range(2):
        base.note("names_asked", pa.Table.from_pylist(asked, NAMES_ASKED), "asked")
        base.note("limits", pa.Table.from_pylist(limits, LIMITS), "limits")


def same(name: str, told: pa.Table, wanted: pa.Table) -> None:
    """Fails when the answers to a question differ, be it in the order that the question asks for."""
    assert told.column_names == wanted.column_names
    if name == "seen edges":
        assert _edges(told) == _edges(wanted) != []
        return
    words, others = _words(told), _words(wanted)
    if name not in ("top", "flows", "series", "hours"):
        words, others = sorted(words), sorted(others)
    assert words == others, name
    assert words, name


def _edges(reports: pa.Table) -> list[tuple[object, ...]]:
    """Edges without what may have changed of an endpoint: any of its latest labels may be told."""

    def plain(edge: Edge) -> tuple[object, ...]:
        ends = ((end.kind, end.address, end.namespace, end.name) for end in (edge.client, edge.server))
        rest = ("port", "protocol", "service", "first_seen", "last_seen", "initiator_known", "category", *SUMS)
        return (*ends, *(getattr(edge, name) for name in rest))

    return sorted(map(plain, edges_of_reports(reports)), key=str)


def _words(table: pa.Table) -> list[str]:
    """Rows as text; moments as numbers, as engines tell DateTime differently in Arrow; lists as sets."""

    def plain(value: object) -> object:
        if isinstance(value, datetime):
            return value.timestamp()
        return sorted(value) if isinstance(value, list) else value

    return [str({name: plain(value) for name, value in row.items()}) for row in table.to_pylist()]
