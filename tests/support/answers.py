"""Questions of every kind to `support.flows`, and whether two databases answer them alike."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from fairway.hub.database import catalogue, pages, seen
from fairway.hub.database.schema import SUMS
from fairway.hub.edges import edges_of_reports
from fairway.views.filter import parse_filter
from fairway.wire.edge import Edge
from support.flows import START_US

NOW = datetime.fromtimestamp(START_US / 1e6, UTC) + timedelta(hours=3)
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
}


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
