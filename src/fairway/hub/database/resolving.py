"""Questions about DNS: who asks whom, how much is answered, and which names outside were called by."""

from datetime import datetime, timedelta
from typing import Final

from fairway.hub.database.catalogue import limited
from fairway.hub.database.conditions import FLOW_COLUMNS, Conditions
from fairway.hub.database.question import Question
from fairway.views.filter import Filter

WHO: Final = ("namespace", "workload", "name", "node")
_NAMES: Final = 50
_RESOLVERS: Final = 8
_KEYS: Final = ", ".join(f"client_{name}" for name in WHO)


def askers(wanted: Filter, now: datetime, limit: int) -> Question:
    """Each pod's packets to and from port 53 over UDP, and the resolvers; those without an answer first."""
    where = Conditions(FLOW_COLUMNS)
    bounds = _bounds(where, wanted, now)
    resolver = "multiIf(service != '', service, server_name != '', server_name, server_address)"
    return Question(
        f"SELECT {_KEYS}, sum(sent_packets) AS asked, sum(received_packets) AS answered, "
        f"arraySort(groupUniqArray({_RESOLVERS})({resolver})) AS resolvers FROM flows "
        f"WHERE {bounds} AND port = 53 AND protocol = 'UDP' AND reporter = 'client' GROUP BY {_KEYS} "
        f"ORDER BY greatest(toInt64(asked) - toInt64(answered), 0) DESC, asked DESC, {_KEYS} "
        f"LIMIT {where.bind(limited(limit), 'UInt64')}",
        where.parameters,
    )


def called_by_name(wanted: Filter, now: datetime) -> Question:
    """The names by which each pod called addresses outside, as DNS had told it."""
    where = Conditions(FLOW_COLUMNS)
    bounds = _bounds(where, wanted, now)
    return Question(
        f"SELECT {_KEYS}, arraySort(groupUniqArray({_NAMES})(server_name)) AS names FROM flows "
        f"WHERE {bounds} AND server_kind = 'external' AND server_name != '' GROUP BY {_KEYS} LIMIT 100000",
        where.parameters,
    )


def _bounds(where: Conditions, wanted: Filter, now: datetime) -> str:
    parts = ["kind = 'flow'", "client_kind = 'pod'", f"({where.sql(wanted.expression)})"]
    if wanted.since:
        parts.append(f"time_end >= {where.moment(wanted.since)}")
    parts.append(f"time_end < {where.moment(wanted.until or now + timedelta(days=1))}")
    return " AND ".join(parts)
