"""Server-sent events: flows, verdicts, new edges, agents and anomalies, as the hub learns of them."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from fairway.hub.api import anomalies
from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked, both
from fairway.hub.api.desk import Desk
from fairway.hub.api.shapes import Flow
from fairway.hub.auth import Principal, Role
from fairway.hub.live import Listener, Live, News
from fairway.hub.matching import flows_matching
from fairway.hub.rows import rows_of
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError

MOST_ROWS: Final = 200
"""Events of one kind out of one segment; the others are only counted."""
SILENCE: Final = 15.0
"""Seconds after which a comment shows that the stream lives."""
SLOWEST: Final = 10.0
"""Seconds that a client may take for one piece; then it is dropped."""
EVENTS: Final = ("flow", "verdict", "edge", "agent", "anomaly")
Kinds = Annotated[str, QueryParameter(description=f"which events, of {', '.join(EVENTS)}")]


class Skipped(msgspec.Struct, frozen=True):
    """Data of the event `skipped`: so many of this kind came at once that only the first were told."""

    event: str
    count: int


@get(
    "/api/v1/live",
    guards=[only(Role.VIEWER)],
    tags=["live"],
    summary="What comes in, as it comes",
    media_type="text/event-stream",
    responses={200: ResponseSpec(str, media_type="text/event-stream", description="server-sent events")},
)
async def live(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    events: Kinds = "flow,verdict,edge,agent,anomaly",
) -> Response[str]:
    """`flow`: each that the filter means; `verdict`: those denied, or that policies on trial would deny;
    `edge`: one that nobody told before; `agent`: its last report; `anomaly`: what is unlike itself, whatever
    the filter; `skipped`: how many were not told. A client that is too slow is dropped: it may connect again,
    and ask for what it missed."""
    kinds = tuple(filter(None, events.split(",")))
    if unknown := [kind for kind in kinds if kind not in EVENTS]:
        raise UsageError(f"events: `{unknown[0]}` is none; of {', '.join(EVENTS)}")
    return _Stream(hub.live, desk, asked, kinds, request.user)


class _Stream(Response[str]):
    """A response that goes on."""

    def __init__(self, live: Live, desk: Desk, asked: Asked, kinds: tuple[str, ...], who: Principal) -> None:
        super().__init__("", media_type="text/event-stream")
        self._live, self._desk, self._asked, self._kinds, self._who = live, desk, asked, kinds, who

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]  # it is no body of a length
        return self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._live.listening() as listener:
            sending = asyncio.create_task(self._send(listener, send))
            gone = asyncio.create_task(_disconnected(receive))
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            for task in (sending, gone):
                task.cancel()
            ends = await asyncio.gather(sending, gone, return_exceptions=True)
            self._live.dropped += listener.behind
        for error in ends:
            if isinstance(error, Exception):  # being cancelled is none
                raise error

    async def _send(self, listener: Listener, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _piece(send, b": listening\n\n")
        while True:
            try:
                news = await listener.next(SILENCE)
            except TimeoutError:
                news, content = None, b": nothing new\n\n"
            else:
                if news is None:
                    break
                content = await self._desk(lambda news=news: b"".join(self._told(news)))  # type: ignore[misc]
            try:
                if content:
                    await asyncio.wait_for(_piece(send, content), SLOWEST)
            except TimeoutError:
                listener.behind = True
                return
        if not listener.behind:  # one who is, does not read the end either
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _told(self, news: News) -> Iterator[bytes]:
        yield from told(news, self._asked, self._kinds)
        if "anomaly" in self._kinds:
            may = (one for one in news.anomalies if anomalies.may_see(self._who, one))
            yield from (_event("anomaly", anomalies.told(one)) for one in may)


async def _piece(send: Send, content: bytes) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def told(news: News, asked: Asked, kinds: tuple[str, ...]) -> Iterator[bytes]:
    """The events that news are for one who asks for these kinds."""
    flows = news.flows
    may = flows_matching(both(asked.expression, asked.scope), flows)
    is_flow = pc.equal(flows["kind"].cast(pa.string()), "flow").to_numpy()
    denied = pc.or_(*(pc.equal(flows[name].cast(pa.string()), "deny") for name in ("verdict", "staged"))).to_numpy()
    wanted = {"flow": may & is_flow, "verdict": may & is_flow & denied, "edge": may & news.new}
    for kind, mask in wanted.items():
        if kind in kinds:
            rows = np.flatnonzero(mask)
            for row in rows_of(flows.take(rows[:MOST_ROWS])) if len(rows) else ():
                yield _event(kind, Flow.of(row))
            if len(rows) > MOST_ROWS:
                yield _event("skipped", Skipped(kind, len(rows) - MOST_ROWS))
    if "agent" in kinds:
        yield from (_event("agent", agent) for agent in news.agents)


def _event(kind: str, content: msgspec.Struct) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(content))
