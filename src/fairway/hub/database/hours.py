"""Questions about every pair of groups, hour by hour, and about pods that were there for the first time."""

from datetime import datetime
from typing import Final

from fairway.hub.database.conditions import Conditions
from fairway.hub.database.question import Question
from fairway.signals.traffic import COUNTERS

MOST_PAIRS: Final = 200_000
MOST_ROWS: Final = 4_000_000
KEYS: Final = (
    *(f"{end}_{name}" for end in ("client", "server") for name in ("kind", "namespace", "group")),
    *("service", "port", "protocol"),
)
_PAIR: Final = f"cityHash64({', '.join(KEYS)})"
_KINDS: Final = "(client_kind = 'pod' OR (client_kind = 'node' AND server_kind != 'unknown'))"
"""Who calls: what comes from outside has no workload to tell of; a node's probes of what is gone tell nothing."""


def pairs_between(since: datetime, until: datetime) -> Question:
    """Every pair of groups, port and Service dialled, with a number of its own: `pair`."""
    where = Conditions({})
    return Question(
        f"SELECT {_PAIR} AS pair, {', '.join(KEYS)} FROM edges_1h WHERE {_times(where, since, until)} "
        f"GROUP BY {', '.join(KEYS)} LIMIT {MOST_PAIRS}",
        where.parameters,
    )


def hours_between(since: datetime, until: datetime) -> Question:
    """What each `pair` moved in each `hour` since 1970: the counters of `signals.traffic`."""
    where = Conditions({})
    sums = ", ".join(f"toFloat64(sum({name})) AS {name}" for name in COUNTERS)
    return Question(
        f"SELECT {_PAIR} AS pair, toInt64(intDiv(toUnixTimestamp(time), 3600)) AS hour, {sums} "
        f"FROM edges_1h WHERE {_times(where, since, until)} GROUP BY pair, hour LIMIT {MOST_ROWS}",
        where.parameters,
    )


def newcomers(since: datetime, until: datetime) -> Question:
    """Pods whose address spoke for the first time between two moments, of workloads that had spoken before then."""
    where = Conditions({})
    begin, end = where.moment(since), where.moment(until)
    return Question(
        "SELECT namespace, workload, name, node, first FROM (SELECT namespace, workload, name, "
        "any(node) AS node, min(first_seen) AS first, "
        "min(min(first_seen)) OVER (PARTITION BY namespace, workload) AS oldest "
        "FROM endpoints WHERE kind = 'pod' GROUP BY namespace, workload, name) "
        f"WHERE first >= {begin} AND first < {end} AND oldest < {begin} "
        "ORDER BY first, namespace, name LIMIT 10000",
        where.parameters,
    )


def _times(where: Conditions, since: datetime, until: datetime) -> str:
    return f"time >= {where.moment(since)} AND time < {where.moment(until)} AND {_KINDS}"
