"""Questions about DNS: who asks whom, how much is answered, and which names outside were called by."""

from datetime import datetime, timedelta
from typing import Final

from fairway.hub.database.catalogue import limited
from fairway.hub.database.conditions import ASKED_COLUMNS, FLOW_COLUMNS, Conditions
from fairway.hub.database.question import Question
from fairway.hub.names_asked import CODES, COUNTED
from fairway.views.filter import Expression, Filter

WHO: Final = ("namespace", "workload", "name", "node")
MOST: Final = 10_000
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


def asked_by_pod(about: Expression, since: datetime, until: datetime) -> Question:
    """What became of each pod's questions, whatever they were for; those with most in vain first. UsageError for a
    filter that is not about clients."""
    return _asked(_KEYS, about, since, until, MOST)


def asked_by_name(about: Expression, since: datetime, until: datetime, limit: int) -> Question:
    """The same of each workload and name."""
    return _asked("client_namespace, client_workload, name", about, since, until, limit)


_ANSWERED: Final = " + ".join(CODES)
_SUMS: Final = ", ".join(
    (
        *(f"sum({name}) AS {name}" for name in COUNTED),
        f"sum({_ANSWERED}) AS answered, sum(servfail + refused + other) AS failed, max(longest_us) AS longest_us",
        "uniqExact(client_namespace, client_name) AS pods, max(time_end) AS last",
    )
)


def _asked(keys: str, about: Expression, since: datetime, until: datetime, limit: int) -> Question:
    where = Conditions(ASKED_COLUMNS)
    bounds = f"time_end >= {where.moment(since)} AND time_end < {where.moment(until)} AND ({where.sql(about)})"
    return Question(
        f"SELECT * FROM (SELECT {keys}, {_SUMS} FROM names_asked WHERE {bounds} GROUP BY {keys}) "
        f"ORDER BY failed + greatest(toInt64(asked) - toInt64(answered), 0) DESC, asked DESC, {keys} "
        f"LIMIT {where.bind(limited(limit), 'UInt64')}",
        where.parameters,
    )


def _bounds(where: Conditions, wanted: Filter, now: datetime) -> str:
    parts = ["kind = 'flow'", "client_kind = 'pod'", f"({where.sql(wanted.expression)})"]
    if wanted.since:
        parts.append(f"time_end >= {where.moment(wanted.since)}")
    parts.append(f"time_end < {where.moment(wanted.until or now + timedelta(days=1))}")
    return " AND ".join(parts)
