"""What moves between zones over HTTP: the matrix, what it costs, and the same of another time to compare with."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.cloud.prices import Price
from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.api.sums import Group, grouped
from fairway.hub.api.tags import tagged
from fairway.hub.auth import Role
from fairway.hub.database.catalogue import zones
from fairway.hub.rows import rows_of
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError
from fairway.views.cost import Bill, Change, Crossing, bill, changes, crossings
from fairway.views.filter import Filter, parse_moment

_KEYS = ("client_zone", "server_zone", "category")
Before = Annotated[str, QueryParameter(description="compare with the time from then on: `7d`, or a time")]
BeforeUntil = Annotated[str, QueryParameter(description="end of that time; default: as long as the one asked for")]


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """What moved from zone to zone in a time, and what it costs. `crossing_share` of the bytes whose both zones are
    known crossed zones, 0 to 1; null where none were."""

    since: datetime
    until: datetime
    zones: list[Crossing]
    bill: Bill
    crossing_share: float | None


class Zones(msgspec.Struct, frozen=True, kw_only=True):
    """`groups` are the sums of each two zones and category, `now` the matrix in bytes and `currency`. `before` and
    `changes`, the largest first, where a time to compare with was given. `prices` are those that may
    count, each for `bytes_per_gb`; the most particular that fits does."""

    since: datetime
    until: datetime
    groups: list[Group]
    currency: str
    prices: tuple[Price, ...]
    bytes_per_gb: int
    now: Matrix
    before: Matrix | None = None
    changes: list[Change] = []


@get("/api/v1/zones", guards=[only(Role.VIEWER)], tags=["sums"], summary="What moved between zones, and its cost")
async def zones_of(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    before: Before = "",
    before_until: BeforeUntil = "",
) -> Response[Zones]:
    """A matrix; an empty zone is outside, or not known. Of an earlier time beside it: what topology-aware routing
    changed."""
    return tagged(request, await desk(lambda: _zones(hub, asked, earlier_of(asked, before, before_until))))


def earlier_of(asked: Asked, before: str, before_until: str) -> Filter | None:
    """What is asked for, of the time to compare with."""
    if not before:
        if before_until:
            raise UsageError("before_until: say `before` too, the beginning of the time to compare with")
        return None
    since = parse_moment("before", before, asked.now)
    until = parse_moment("before_until", before_until, asked.now) if before_until else None
    until = until or since + (asked.until - asked.since)
    if until <= since:
        raise UsageError(f"before_until `{before_until}`: is not after `before`")
    return Filter(asked.wanted.expression, since, until)


def _zones(hub: Hub, asked: Asked, earlier: Filter | None) -> Zones:
    rows = list(rows_of(hub.base.ask(zones(asked.wanted, asked.now))))
    now = _matrix(rows, asked.since, asked.until, hub)
    before, differences = None, list[Change]()
    if earlier is not None and earlier.since and earlier.until:
        told = list(rows_of(hub.base.ask(zones(earlier, asked.now))))
        before = _matrix(told, earlier.since, earlier.until, hub)
        longer = (asked.until - asked.since) / (earlier.until - earlier.since)
        differences = changes(now.zones, before.zones, longer)
    return Zones(
        since=asked.since,
        until=asked.until,
        groups=grouped(rows, _KEYS),
        currency=hub.config.prices.currency,
        prices=hub.config.prices.table,
        bytes_per_gb=hub.config.prices.bytes_per_gb,
        now=now,
        before=before,
        changes=differences,
    )


def _matrix(rows: list[dict[str, Any]], since: datetime, until: datetime, hub: Hub) -> Matrix:
    moved = crossings(rows, hub.config.prices)
    total = bill(moved)
    return Matrix(since=since, until=until, zones=moved, bill=total, crossing_share=total.share)
