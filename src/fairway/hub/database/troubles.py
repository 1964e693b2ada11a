"""Questions about a trouble: who had it, replica by replica; what crossed between nodes; what DNS answered."""

from datetime import datetime
from typing import Final

from fairway.hub.database.conditions import FLOW_COLUMNS, Conditions
from fairway.hub.database.question import Question
from fairway.signals.observed import COUNTED
from fairway.views.filter import Expression

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
    keys = "reporter, client, server, of, client_node, server_node, client_zone, server_zone"
    return Question(
        "SELECT reporter, if(client_name != '', client_name, client_address) AS client, "
        "multiIf(server_kind = 'service', '', server_name != '', server_name, server_address) AS server, "
        "concat(server_namespace, '/', server_workload) AS of, "
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


def _bounds(where: Conditions, since: datetime, until: datetime, about: Expression) -> str:
    return (
        f"kind = 'flow' AND time_end > {where.moment(since)} AND time_end <= {where.moment(until)} "
        f"AND ({where.sql(about)})"
    )
