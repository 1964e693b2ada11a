"""Single flows: pages in an order, and downloads of all that a filter means."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.api.downloads import FORMS, Form, form_of, written
from fairway.hub.api.shapes import Flow
from fairway.hub.auth import Role
from fairway.hub.database.pages import Place, flow_rows, place_of
from fairway.hub.rows import rows_of
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError
from fairway.views.filter import Filter
from fairway.wire.protocol import FLOWS_PATH

LARGEST: Final = 1000
"""Rows of a page."""
Sort = Literal["time", "bytes", "packets", "connections", "retransmissions", "denied"]
Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST, description="rows of a page")]
Cursor = Annotated[str, QueryParameter(description="`next` of the page before; the other parameters stay the same")]
Sorted = Annotated[Sort, QueryParameter(description="most of this first; flows of one size, the latest first")]
Wanted = Annotated[
    Literal["", "json", "csv", "jsonl", "parquet"],
    QueryParameter(description="csv, jsonl and parquet are all flows, streamed; Accept may say the same"),
]


class Flows(msgspec.Struct, frozen=True, kw_only=True):
    """A page. `next` is the cursor of the one after it, null on the last."""

    since: datetime
    until: datetime
    flows: list[Flow]
    next: str | None = None


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The question's digest, the time of its first page, and where the page before ended."""

    digest: bytes
    since: datetime
    until: datetime
    place: Place


@get(FLOWS_PATH, guards=[only(Role.VIEWER)], tags=["flows"], summary="Single flows, page by page or all")
async def list_flows(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    sort: Sorted = "time",
    limit: Limit = 100,
    cursor: Cursor = "",
    form: Wanted = "",
) -> Response[Flows]:
    """Flows as agents told them: one between two pods once for each end's agent, one of them `counted`."""
    chosen: Form | None = form_of(form, request.headers.get("Accept", ""))
    if chosen is not None:
        name = f"flows-{asked.now:%Y%m%dT%H%M%SZ}.{chosen}"
        attached = {"Content-Disposition": f'attachment; filename="{name}"'}
        parts = desk.stream(written(hub.base, asked.wanted, asked.now, sort, chosen))
        return Stream(parts, media_type=FORMS[chosen], headers=attached)  # type: ignore[return-value]
    return Response(await desk(lambda: _page(hub, asked, sort, limit, cursor)))


def _page(hub: Hub, asked: Asked, sort: str, limit: int, cursor: str) -> Flows:
    digest = hashlib.blake2b(f"{asked.text} {sort}".encode(), digest_size=8).digest()
    before = _read(cursor, digest) if cursor else None
    since, until = (before.since, before.until) if before else (asked.since, asked.until)
    wanted = Filter(asked.wanted.expression, since, until)
    place = before.place if before else None
    rows = list(rows_of(hub.base.ask(flow_rows(wanted, asked.now, limit=limit + 1, sort=sort, after=place))))
    page, following = rows[:limit], None
    if len(rows) > limit:
        ended = place_of(page, sort, place)
        following = urlsafe_b64encode(msgspec.msgpack.encode(_Cursor(digest, since, until, ended))).decode()
    return Flows(since=since, until=until, flows=[Flow.of(row) for row in page], next=following)


def _read(cursor: str, digest: bytes) -> _Cursor:
    """A cursor holds no rights: what may be seen is asked anew for each page."""
    try:
        read = msgspec.msgpack.decode(urlsafe_b64decode(cursor), type=_Cursor)
    except (ValueError, msgspec.MsgspecError):
        raise UsageError("cursor: is none of this hub; start again without it") from None
    if read.digest != digest:
        raise UsageError("cursor: is of another question; ask the same as for the page before, or start without it")
    if not 0 <= read.place.metric < 1 << 63 or not 0 <= read.place.ties[7] < 1 << 16 or read.place.told < 0:
        raise UsageError("cursor: is none of this hub; start again without it")
    return read
