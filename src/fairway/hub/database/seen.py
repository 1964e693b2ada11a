"""Questions about what was ever seen: edges, the endpoints at their ends, Services' backends, denials."""

from datetime import datetime, timedelta
from typing import Final

from fairway.hub.columns import END
from fairway.hub.database.catalogue import limited
from fairway.hub.database.conditions import EVENT_COLUMNS, SEEN_COLUMNS, Conditions
from fairway.hub.database.question import Question
from fairway.hub.database.schema import VERDICTS, group_of
from fairway.views.filter import EVERYTHING, Expression, Filter

_EITHER: Final = ", ".join(f"({', '.join(f'{end}_{field}' for field in END)})" for end in ("client", "server"))
_WHO: Final = ("kind", "address", "namespace", "name")
_SEARCHED: Final = ("namespace", "name", "workload", "address", "node")
_EVENT: Final = tuple(key for key in VERDICTS.keys if key != "time")


def seen_edges(scope: Expression = EVERYTHING, since: datetime | None = None, limit: int = 0) -> Question:
    """All that was ever seen, or what was since a time, at the grain of single pods, as each side's agents told it.

    At most `limit` rows if there is one.
    """
    where = Conditions(SEEN_COLUMNS)
    lately = f" AND last_seen >= {where.moment(since)}" if since else ""
    most = f" LIMIT {where.bind(limit, 'UInt64')}" if limit else ""
    statement = f"SELECT * FROM edges_seen FINAL WHERE {where.sql(scope)}{lately}{most}"
    return Question(statement, where.parameters, coded=True)


def settled(limit: int) -> Question:
    """Edges between workloads that were ever seen, the latest first, and whether anybody `answered`; whoever opened
    them is known."""
    ends = ", ".join(f"{end}_namespace, {group_of(end)} AS {end}" for end in ("client", "server"))
    keys = "client_namespace, client, server_namespace, server, port, protocol"
    where = Conditions({})
    return Question(
        f"SELECT {ends}, port, protocol, sum(received_packets) > 0 AS answered FROM edges_seen "
        f"WHERE initiator_known GROUP BY {keys} ORDER BY max(last_seen) DESC, {keys} "
        f"LIMIT {where.bind(limit, 'UInt64')}",
        where.parameters,
    )


def endpoints(scope: Expression, text: str, since: datetime | None, limit: int, *, kind: str = "") -> Question:
    """Who was ever at an end of an edge of `scope`, the latest first; with `text` anywhere in its names."""
    where = Conditions(SEEN_COLUMNS)
    source = "endpoints"
    if scope != EVERYTHING:
        columns = ", ".join(f"end.{index} AS {field}" for index, field in enumerate(END, start=1))
        source = (
            f"(SELECT {columns}, first_seen, last_seen FROM (SELECT arrayJoin([{_EITHER}]) AS end, first_seen, "
            f"last_seen FROM edges_seen FINAL WHERE {where.sql(scope)}))"
        )
    parts = ["1"]
    if text:
        bound = where.bind(text, "String")
        parts.append(" OR ".join(f"positionCaseInsensitiveUTF8({field}, {bound}) > 0" for field in _SEARCHED))
    if kind:
        parts.append(f"kind = {where.bind(kind, 'String')}")
    having = f"max(last) >= {where.moment(since)}" if since else "1"
    latest = ", ".join(f"argMax({field}, last) AS {field}" for field in END if field not in _WHO)
    return Question(
        f"SELECT {', '.join(_WHO)}, {latest}, min(first) AS first_seen, max(last) AS last_seen "
        f"FROM (SELECT *, first_seen AS first, last_seen AS last FROM {source} "
        f"WHERE {' AND '.join(f'({part})' for part in parts)}) "
        f"GROUP BY {', '.join(_WHO)} HAVING {having} "
        f"ORDER BY max(last) DESC, kind, namespace, name, address LIMIT {where.bind(limited(limit), 'UInt64')}",
        where.parameters,
    )


def backends() -> Question:
    """Behind each Service and port dialled: which workloads, and on which ports of their own."""
    return Question(
        "SELECT service, groupUniqArray((namespace, workload)) AS workloads, groupUniqArray(end.2) AS ports FROM "
        "(SELECT service, arrayJoin(JSONExtract(backends, 'Array(Tuple(String, UInt16))')) AS end, "
        "end.1 AS address FROM (SELECT DISTINCT service, backends FROM edges_seen WHERE backends != '')) AS told "
        "INNER JOIN "
        "(SELECT address, argMax(namespace, last_seen) AS namespace, argMax(workload, last_seen) AS workload "
        "FROM endpoints WHERE kind = 'pod' GROUP BY address) AS pods USING (address) GROUP BY service"
    )


def denials(wanted: Filter, now: datetime, limit: int) -> Question:
    """Who was kept from whom, or would be, and by which slot: what was dropped first, then the latest first."""
    where = Conditions(EVENT_COLUMNS)
    parts = [where.sql(wanted.expression), "packets > 0 OR connections > 0 OR open_before > 0"]
    if wanted.since:
        parts.append(f"time >= toStartOfMinute({where.moment(wanted.since)})")
    parts.append(f"time < {where.moment(wanted.until or now + timedelta(days=1))}")
    keys = ", ".join(_EVENT)
    return Question(
        f"SELECT {keys}, sum(packets) AS packets, sum(connections) AS connections, "
        f"max(open_before) AS open_before, min(first_seen) AS first_seen, max(last_seen) AS last_seen "
        f"FROM verdicts WHERE {' AND '.join(f'({part})' for part in parts)} GROUP BY {keys} "
        f"ORDER BY sum(packets) > 0 DESC, max(last_seen) DESC, {keys} LIMIT {where.bind(limited(limit), 'UInt64')}",
        where.parameters,
    )
