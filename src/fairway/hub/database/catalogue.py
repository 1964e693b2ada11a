"""The questions that the database answers: each a statement with bound parameters. No text of a user is in one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fairway.hub.database.conditions import FLOW_COLUMNS, ROLLUP_COLUMNS, WORKLOAD_COLUMNS, Conditions
from fairway.hub.database.flows import NAMES
from fairway.hub.database.question import Question
from fairway.hub.database.schema import SUMS, group_of, raw_sums
from fairway.kit.errors import UsageError
from fairway.views.filter import EVERYTHING, Expression, Filter

MINUTES_UP_TO: Final = timedelta(hours=6)
"""Of a longer time the hours' sums are read, not the minutes'."""
MOST_ROWS: Final = 100_000
_LONGEST_STEP: Final = 366 * 86400
_GROUP: Final = tuple(f"{end}_{name}" for end in ("client", "server") for name in ("kind", "namespace", "group"))
_REPLICA: Final = tuple(f"{end}_{name}" for end in ("client", "server") for name in ("replica", "node"))
_CROSSING: Final = ("from_zone", "to_zone")
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "edge": _GROUP,
    "client": _GROUP[:3],
    "server": _GROUP[3:],
    "namespace": ("client_namespace", "server_namespace"),
    "zone": ("client_zone", "server_zone"),
    "node": ("client_node", "server_node"),
    "port": ("protocol", "port"),
    "service": ("service",),
    "category": ("category",),
}
"""What sums can be made for each of."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Where sums come from: a table, what its time and columns are called, and how one counter is added up."""

    table: str
    time: str
    columns: dict[str, tuple[str, ...]]
    raw: bool

    def sums(self) -> str:
        """Expressions of all sums, and of the connections that no policy set was held against."""
        made = raw_sums() if self.raw else tuple((name, f"sum({name})") for name in SUMS)
        unjudged = "verdict = 'unjudged'" + (" AND counted" if self.raw else "")
        told = (*made, ("unjudged", f"sumIf(connections, {unjudged})"))
        return ", ".join(f"{expression} AS {name}" for name, expression in told)

    def named(self, column: str) -> str:
        """A rollup's column, made out of the flows' own where these are read."""
        if column in _CROSSING:
            end = "client" if column == "from_zone" else "server"
            return f"if(category = 'inter-zone', {end}_zone, '') AS {column}"
        end, _, name = column.partition("_")
        if self.raw and name == "group":
            return f"{group_of(end)} AS {column}"
        if self.raw and name == "replica":
            return f"if({end}_name != '', {end}_name, {end}_address) AS {column}"
        return column


_RAW: Final = _Source("flows", "time_end", FLOW_COLUMNS, raw=True)
_PODS: Final = _Source("edges_1m", "time", ROLLUP_COLUMNS, raw=False)
_MINUTES: Final = _Source("workloads_1m", "time", WORKLOAD_COLUMNS, raw=False)
_HOURS: Final = _Source("edges_1h", "time", WORKLOAD_COLUMNS, raw=False)


def map_edges(wanted: Filter, now: datetime, *, replicas: bool = False) -> Question:
    """A row for each pair of workloads (or pods), port, and Service dialled, with all that moved between them; and
    for each two zones, where these are not the same."""
    keys = (*_GROUP, *(_REPLICA if replicas else ()), "service", "category", "port", "protocol", *_CROSSING)
    return _summed(wanted, now, keys, by_pod=replicas)


def zones(wanted: Filter, now: datetime) -> Question:
    """What moved from each zone to each other; without a zone: outside, or not known."""
    return _summed(wanted, now, ("client_zone", "server_zone", "category"))


def top(wanted: Filter, now: datetime, by: tuple[str, ...], metric: str, limit: int) -> Question:
    """The groups with most of a metric; `by` of the map's columns, port and protocol."""
    _check_group(by)
    question = _summed(wanted, now, by, by_pod=bool(set(by) & set(_REPLICA)))
    order = f"{metric_sum(metric)} DESC, {', '.join(by)} LIMIT {limited(limit)}"
    return Question(f"SELECT * FROM ({question.statement}) ORDER BY {order}", question.parameters)


def series(wanted: Filter, now: datetime, step: timedelta, by: tuple[str, ...] = ()) -> Question:
    """Sums per `step`, whole minutes from a minute on, else of single flows; by groups if wanted."""
    seconds = int(step.total_seconds())
    if not 1 <= seconds <= _LONGEST_STEP:
        raise UsageError(f"step `{step}`: write a second to a year")
    _check_group(by)
    by_pod = bool(set(by) & set(_REPLICA))
    source = _knowing(() if seconds % 60 else _rollups(by_pod=by_pod, hours=not seconds % 3600), wanted)
    where = Conditions(source.columns)
    condition = _where(where, wanted, now, source, seconds)
    moment = f"toStartOfInterval({source.time}, INTERVAL {where.bind(seconds, 'UInt32')} SECOND)"
    columns = ", ".join((f"toUnixTimestamp({moment}) AS moment", *map(source.named, by)))
    keys = ", ".join(("moment", *by))
    return Question(
        f"SELECT {columns}, {source.sums()} FROM {source.table} "
        f"WHERE {condition} GROUP BY {keys} ORDER BY {keys} LIMIT {MOST_ROWS + 1}",
        where.parameters,
    )


def flows_between(since: datetime | None, until: datetime | None, scope: Expression = EVERYTHING) -> Question:
    """All flows of a time and scope, in no order: what the engine's exact questions are answered from."""
    where = Conditions(FLOW_COLUMNS)
    bounds = [where.sql(scope)]
    bounds += [f"time_end >= {where.moment(since)}"] if since else []
    bounds += [f"time_end < {where.moment(until)}"] if until else []
    return Question(
        f"SELECT {', '.join(NAMES)} FROM flows WHERE {' AND '.join(bounds)}", where.parameters, coded=True
    )


def _summed(wanted: Filter, now: datetime, keys: tuple[str, ...], *, by_pod: bool = False) -> Question:
    span = (wanted.until or now) - (wanted.since or datetime.fromtimestamp(0, now.tzinfo))
    source = _knowing(_rollups(by_pod=by_pod, hours=span > MINUTES_UP_TO), wanted)
    where = Conditions(source.columns)
    condition = _where(where, wanted, now, source, 3600 if source is _HOURS else 60)
    return Question(
        f"SELECT {', '.join(map(source.named, keys))}, {source.sums()} "
        f"FROM {source.table} WHERE {condition} GROUP BY {', '.join(keys)} LIMIT {MOST_ROWS + 1}",
        where.parameters,
    )


def _check_group(by: tuple[str, ...]) -> None:
    known = {*_GROUP, *_REPLICA, "service", "category", "port", "protocol", "client_zone", "server_zone"}
    if unknown := set(by) - known:
        raise UsageError(f"`{min(unknown)}` is nothing to group by; one of {', '.join(sorted(known))}")


def _rollups(*, by_pod: bool, hours: bool) -> tuple[_Source, ...]:
    """The smallest first."""
    return (_PODS,) if by_pod else (_HOURS, _MINUTES, _PODS) if hours else (_MINUTES, _PODS)


def _knowing(sources: tuple[_Source, ...], wanted: Filter) -> _Source:
    """The first that has what the filter asks about; single flows have everything."""
    return next((source for source in sources if _knows(source, wanted)), _RAW)


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


def metric_sum(name: str) -> str:
    """A metric out of a row's counters; UsageError if there is none of that name."""
    metrics = {
        "bytes": "sent_bytes + received_bytes",
        "packets": "sent_packets + received_packets",
        **{
            metric: metric
            for metric in ("connections", "retransmissions", "timeouts", "failed", "denied", "would_deny")
        },
    }
    if name not in metrics:
        raise UsageError(f"`{name}` is no metric; one of {', '.join(metrics)}")
    return metrics[name]


def limited(limit: int) -> int:
    """A number of rows that may be asked for; UsageError if it is not."""
    if not 0 < limit <= MOST_ROWS:
        raise UsageError(f"limit {limit}: write 1 to {MOST_ROWS}")
    return limit
