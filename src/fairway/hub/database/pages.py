"""Single flows in an order, page by page: a page begins where the one before ended, whatever came meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from fairway.hub.database.catalogue import limited, metric_sum
from fairway.hub.database.conditions import FLOW_COLUMNS, Conditions
from fairway.hub.database.flows import NAMES
from fairway.hub.database.question import Question
from fairway.kit.errors import UsageError
from fairway.views.filter import Filter

SORTS: Final = ("time", "bytes", "packets", "connections", "retransmissions", "denied")
_TIES: Final = (
    *("client_address", "server_address", "client_name", "server_name", "service", "protocol", "reporter"),
    "port",
)
"""What flows of one time and metric are put in order by."""
_LAST: Final = ("sent_bytes", "received_bytes", "first_ms", "last_ms")
"""And what then. Every further column costs: all of the time's rows are put in order."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: its last row's metric (0 if by time), end, and ties; `told` rows were like it."""

    metric: int
    end: datetime
    ties: tuple[str, str, str, str, str, str, str, int]
    told: int


def flow_rows(
    wanted: Filter, now: datetime, *, limit: int, sort: str = "time", after: Place | None = None
) -> Question:
    """Single flows, most of `sort` first and the latest first among equals."""
    if sort not in SORTS:
        raise UsageError(f"sort `{sort}`: one of {', '.join(SORTS)}")
    where = Conditions(FLOW_COLUMNS)
    parts = [where.sql(wanted.expression), "kind = 'flow'"]
    if wanted.since:
        parts.append(f"time_end >= {where.moment(wanted.since)}")
    parts.append(f"time_end < {where.moment(wanted.until or now + timedelta(days=1))}")
    metric = None if sort == "time" else metric_sum(sort)
    if after is not None:
        parts.append(_from(where, metric, after))
    told = after.told if after else 0
    if metric is None:
        parts.append(_lately(where, parts, limited(limit) + told))
    first = [f"{metric} DESC"] if metric else []
    return Question(
        f"SELECT {', '.join(NAMES)} FROM flows WHERE {' AND '.join(f'({part})' for part in parts)} "
        f"ORDER BY {', '.join((*first, 'time_end DESC', *_TIES, *_LAST))} "
        f"LIMIT {where.bind(limited(limit), 'UInt64')} OFFSET {where.bind(told, 'UInt64')}",
        where.parameters,
    )


def place_of(rows: list[dict[str, Any]], sort: str, before: Place | None) -> Place:
    """Where a page of at least one row ends, whose `rows` came after the place `before`."""
    last = _key(rows[-1], sort)
    told = 0
    for row in reversed(rows):
        if _key(row, sort) != last:
            break
        told += 1
    place = Place(*last, told)
    if told == len(rows) and before is not None and (before.metric, before.end, before.ties) == last:
        return msgspec.structs.replace(place, told=told + before.told)
    return place


def _key(row: dict[str, Any], sort: str) -> tuple[int, datetime, tuple[Any, ...]]:
    parts = {"bytes": ("sent_bytes", "received_bytes"), "packets": ("sent_packets", "received_packets")}
    metric = 0 if sort == "time" else sum(row[name] for name in parts.get(sort, (sort,)))
    return metric, row["time_end"].astimezone(UTC), tuple(row[name] for name in _TIES)


def _lately(where: Conditions, parts: list[str], rows: int) -> str:
    """As late as the last of so many: to know when that was, one column is read instead of all."""
    meant = " AND ".join(f"({part})" for part in parts)
    latest = f"SELECT time_end FROM flows WHERE {meant} ORDER BY time_end DESC LIMIT {where.bind(rows, 'UInt64')}"
    return f"time_end >= (SELECT min(time_end) FROM ({latest}))"


def _from(where: Conditions, metric: str | None, after: Place) -> str:
    """Rows like the last one told (they are skipped by number), and those behind it."""
    end = where.moment(after.end)
    kinds = ("String",) * 7 + ("UInt16",)
    ties = ", ".join(where.bind(value, kind) for value, kind in zip(after.ties, kinds, strict=True))
    behind = f"time_end < {end} OR (time_end = {end} AND ({', '.join(_TIES)}) >= ({ties}))"
    if metric is None:
        return behind
    most = where.bind(after.metric, "UInt64")
    return f"{metric} < {most} OR ({metric} = {most} AND ({behind}))"
