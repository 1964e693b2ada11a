"""The questions that the database answers: each a statement with bound parameters. No text of a user is in one."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from fairway.hub.database.conditions import FLOW_COLUMNS, ROLLUP_COLUMNS, Conditions
from fairway.hub.database.flows import NAMES
from fairway.hub.database.schema import SUMS, group_of, raw_sums
from fairway.kit.errors import UsageError
from fairway.views.filter import Filter

MINUTES_UP_TO: Final = timedelta(hours=6)
"""Of a longer time the hours' sums are read, not the minutes'."""
MOST_ROWS: Final = 100_000
_GROUP: Final = tuple(f"{end}_{name}" for end in ("client", "server") for name in ("kind", "namespace", "group"))
_REPLICA: Final = tuple(f"{end}_{name}" for end in ("client", "server") for name in ("replica", "node"))


@dataclass(frozen=True, slots=True)
class Question:
    """A statement, and what is bound in it."""

    statement: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where sums come from: a table, what its time and columns are called, and how one counter is added up."""

    table: str
    time: str
    columns: dict[str, tuple[str, ...]]
    raw: bool

    def sums(self) -> str:
        if not self.raw:
            return ", ".join(f"sum({name}) AS {name}" for name in SUMS)
        return ", ".join(f"{expression} AS {name}" for name, expression in raw_sums())

    def named(self, column: str) -> str:
        """A rollup's column, made out of the flows' own where these are read."""
        end, _, name = column.partition("_")
        if self.raw and name == "group":
            return f"{group_of(end)} AS {column}"
        if self.raw and name == "replica":
            return f"if({end}_name != '', {end}_name, {end}_address) AS {column}"
        return column


_RAW: Final = _Source("flows", "time_end", FLOW_COLUMNS, raw=True)
_MINUTES: Final = _Source("edges_1m", "time", ROLLUP_COLUMNS, raw=False)
_HOURS: Final = _Source("edges_1h", "time", ROLLUP_COLUMNS, raw=False)


def map_edges(wanted: Filter, now: datetime, *, replicas: bool = False) -> Question:
    """One row for each pair of workloads (or pods) and Service dialled, with all that moved between them."""
    keys = (*_GROUP, *(_REPLICA if replicas else ()), "service", "category")
    return _summed(wanted, now, keys, by_pod=replicas)


def zones(wanted: Filter, now: datetime) -> Question:
    """What moved from each zone to each other; without a zone: outside, or not known."""
    return _summed(wanted, now, ("client_zone", "server_zone", "category"))


def top(wanted: Filter, now: datetime, by: tuple[str, ...], metric: str, limit: int) -> Question:
    """The groups with most of a metric; `by` of the map's columns, port and protocol."""
    known = {*_GROUP, *_REPLICA, "service", "category", "port", "protocol", "client_zone", "server_zone"}
    if unknown := set(by) - known:
        raise UsageError(f"`{min(unknown)}` is nothing to group by; one of {', '.join(sorted(known))}")
    question = _summed(wanted, now, by, by_pod=bool(set(by) & set(_REPLICA)))
    order = f"{_metric(metric)} DESC, {', '.join(by)} LIMIT {_limit(limit)}"
    return Question(f"SELECT * FROM ({question.statement}) ORDER BY {order}", question.parameters)


def series(wanted: Filter, now: datetime, step: timedelta, by: tuple[str, ...] = ()) -> Question:
    """Sums per `step`, whole minutes from a minute on, else of single flows; by groups if wanted."""
    seconds = int(step.total_seconds())
    if seconds < 1:
        raise UsageError(f"step `{step}`: write at least a second")
    source = _RAW if seconds % 60 or seconds < 60 else _HOURS if seconds % 3600 == 0 else _MINUTES
    source = source if _knows(source, wanted) else _RAW
    where = Conditions(source.columns)
    condition = _where(where, wanted, now, source, max(seconds, 1))
    moment = f"toStartOfInterval({source.time}, INTERVAL {where.bind(seconds, 'UInt32')} SECOND) AS moment"
    columns = ", ".join((moment, *map(source.named, by)))
    keys = ", ".join(("moment", *by))
    return Question(
        f"SELECT {columns}, {source.sums()} FROM {source.table} WHERE {condition} GROUP BY {keys} ORDER BY {keys}",
        where.parameters,
    )


def flow_rows(wanted: Filter, now: datetime, *, limit: int, after: tuple[datetime, int] | None = None) -> Question:
    """Single flows, the latest first; `after` is where the page before ended (time, rows of that time told)."""
    where = Conditions(FLOW_COLUMNS)
    condition = _where(where, wanted, now, _RAW, 1)
    offset = 0
    if after is not None:
        condition += f" AND time_end <= {where.moment(after[0])}"
        offset = after[1]
    order = ", ".join(name for name in NAMES if name != "time_end")
    return Question(
        f"SELECT {', '.join(NAMES)} FROM flows WHERE {condition} AND kind = 'flow' "
        f"ORDER BY time_end DESC, {order} LIMIT {where.bind(_limit(limit), 'UInt64')} "
        f"OFFSET {where.bind(offset, 'UInt64')}",
        where.parameters,
    )


def flows_between(since: datetime | None, until: datetime | None) -> Question:
    """All flows of a time, in no order: what the engine's exact questions are answered from."""
    where = Conditions(FLOW_COLUMNS)
    bounds = [f"time_end >= {where.moment(since)}"] if since else []
    bounds += [f"time_end < {where.moment(until)}"] if until else []
    return Question(f"SELECT {', '.join(NAMES)} FROM flows WHERE {' AND '.join(bounds) or '1'}", where.parameters)


def seen_edges() -> Question:
    """All that was ever seen, at the grain of single pods, as each side's agents told it."""
    return Question("SELECT * FROM edges_seen FINAL")


def _summed(wanted: Filter, now: datetime, keys: tuple[str, ...], *, by_pod: bool = False) -> Question:
    span = (wanted.until or now) - (wanted.since or datetime.fromtimestamp(0, now.tzinfo))
    source = _MINUTES if by_pod or span <= MINUTES_UP_TO else _HOURS
    source = source if _knows(source, wanted) else _RAW
    where = Conditions(source.columns)
    condition = _where(where, wanted, now, source, 3600 if source is _HOURS else 60)
    return Question(
        f"SELECT {', '.join(map(source.named, keys))}, {source.sums()} "
        f"FROM {source.table} WHERE {condition} GROUP BY {', '.join(keys)}",
        where.parameters,
    )


def _knows(source: _Source, wanted: Filter) -> bool:
    try:
        Conditions(source.columns).sql(wanted.expression)
    except UsageError:
        return False
    return True


def _where(where: Conditions, wanted: Filter, now: datetime, source: _Source, grain: int) -> str:
    """Of the time asked for, from the beginning of its first `grain` seconds on; and what the filter says."""
    parts = [where.sql(wanted.expression)]
    if wanted.since:
        since = wanted.since if source.raw else _floor(wanted.since, grain)
        parts.append(f"{source.time} >= {where.moment(since)}")
    parts.append(f"{source.time} < {where.moment(wanted.until or now + timedelta(days=1))}")
    if source.raw:
        parts.append("kind = 'flow'")
    return " AND ".join(f"({part})" for part in parts)


def _floor(moment: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, moment.tzinfo)


def _metric(name: str) -> str:
    metrics = {
        "bytes": "sent_bytes + received_bytes",
        "packets": "sent_packets + received_packets",
        **{metric: metric for metric in ("connections", "retransmissions", "denied", "would_deny")},
    }
    if name not in metrics:
        raise UsageError(f"`{name}` is no metric; one of {', '.join(metrics)}")
    return metrics[name]


def _limit(limit: int) -> int:
    if not 0 < limit <= MOST_ROWS:
        raise UsageError(f"limit {limit}: write 1 to {MOST_ROWS}")
    return limit
