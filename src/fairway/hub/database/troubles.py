"""Questions about a trouble: who had it, replica by replica; what crossed between nodes; what DNS answered."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from fairway.hub.database.conditions import ASKED_COLUMNS, FLOW_COLUMNS, Conditions
from fairway.hub.database.question import Question
from fairway.signals.observed import COUNTED
from fairway.views.filter import AnyOf, Expression, Term, Word

MOST: Final = 20_000
_SUMS: Final = ", ".join(f"toFloat64(sum({name})) AS {name}" for name in COUNTED)
_DNS: Final = 53


def first_between(since: datetime, until: datetime) -> Question:
    """The earliest moment of all flows between two: `first`, and how many there are."""
    where = Conditions({})
    return Question(
        f"SELECT min(time_end) AS first, count() AS flows FROM flows "
        f"WHERE time_end > {where.moment(since)} AND time_end <= {where.moment(until)}",
        where.parameters,
    )


def replicas_between(since: datetime, until: datetime, about: Expression) -> Question:
    """What each side's agent told of each pair of replicas; `server` is empty for a Service's own address."""
    where = Conditions(FLOW_COLUMNS)
    bounds = _bounds(where, since, until, about)
    keys = "reporter, client, server, server_group, client_node, server_node, client_zone, server_zone"
    return Question(
        "SELECT reporter, concat(server_namespace, '/', server_workload) AS server_group, "
        "if(client_name != '', client_name, client_address) AS client, "
        "multiIf(server_kind = 'service', '', server_name != '', server_name, server_address) AS server, "
        f"client_node, server_node, client_zone, server_zone, {_SUMS} FROM flows WHERE {bounds} "
        f"GROUP BY {keys} ORDER BY {keys} LIMIT {MOST}",
        where.parameters,
    )


def nodes_between(since: datetime, until: datetime, about: Expression) -> Question:
    """What moved between each two different nodes, where both are known."""
    where = Conditions(FLOW_COLUMNS)
    bounds = _bounds(where, since, until, about)
    keys = "reporter, client_node, server_node, client_zone, server_zone"
    return Question(
        f"SELECT {keys}, client_node AS client, server_node AS server, {_SUMS} FROM flows WHERE {bounds} "
        "AND client_node != '' AND server_node != '' AND client_node != server_node "
        "AND client_kind = 'pod' AND server_kind = 'pod' "
        f"GROUP BY {keys} ORDER BY {keys} LIMIT {MOST}",
        where.parameters,
    )


def dns_between(since: datetime, until: datetime, about: Expression) -> Question:
    """What each client asked DNS and how much was answered, in packets."""
    where = Conditions(FLOW_COLUMNS)
    bounds = _bounds(where, since, until, about)
    return Question(
        "SELECT if(client_name != '', client_name, client_address) AS client, client_node AS node, "
        "toFloat64(sum(sent_packets)) AS asked, toFloat64(sum(received_packets)) AS answered "
        f"FROM flows WHERE {bounds} AND port = {_DNS} AND protocol = 'UDP' AND reporter = 'client' "
        f"GROUP BY client, node ORDER BY client, node LIMIT {MOST}",
        where.parameters,
    )


def limits_between(since: datetime, until: datetime, nodes: Iterable[str]) -> Question:
    """How near each node came to each of its limits: the most of a table, or of bits a second; else all hits."""
    where = Conditions({"node": ("node",)})
    bounds = f"time_end > {where.moment(since)} AND time_end <= {where.moment(until)}"
    of = where.sql(AnyOf(tuple(Term("node", "=", (Word(node),)) for node in sorted(nodes))))
    full = "max(most) > 0 OR startsWith(name, 'bandwidth ')"
    return Question(
        f"SELECT node, name, if({full}, max(used), sum(used)) AS used, max(most) AS most FROM limits "
        f"WHERE {bounds} AND ({of}) GROUP BY node, name ORDER BY node, name LIMIT {MOST}",
        where.parameters,
    )


def asked_between(since: datetime, until: datetime, about: Expression) -> Question:
    """What each client asked the cluster's resolvers, and how often the answer was no error. `worst` is what
    it asked for in vain most often within one interval. UsageError for a filter that is not about clients."""
    where = Conditions(ASKED_COLUMNS)
    bounds = f"time_end > {where.moment(since)} AND time_end <= {where.moment(until)} AND ({where.sql(about)})"
    lost = "toInt64(asked) - toInt64(noerror + nxdomain)"
    return Question(
        "SELECT client_name AS client, client_node AS node, toFloat64(sum(asked)) AS asked, "
        f"toFloat64(sum(noerror + nxdomain)) AS answered, toFloat64(sum(servfail + refused + other)) AS failed, "
        f"argMax(name, {lost}) AS worst FROM names_asked WHERE {bounds} "
        f"GROUP BY client, node ORDER BY client, node LIMIT {MOST}",
        where.parameters,
    )


def _bounds(where: Conditions, since: datetime, until: datetime, about: Expression) -> str:
    return (
        f"kind = 'flow' AND time_end > {where.moment(since)} AND time_end <= {where.moment(until)} "
        f"AND ({where.sql(about)})"
    )
