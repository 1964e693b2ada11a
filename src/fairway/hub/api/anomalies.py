"""Anomalies over HTTP: what is unlike itself, and what people say of it."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath, JSONBody, QueryParameter

from fairway.hub.anomalies.book import Anomaly, Feedback, Said, Word
from fairway.hub.api.access import only
from fairway.hub.auth import Principal, Role
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError
from fairway.signals.finding import MEANS, Kind
from fairway.signals.pointing import console_of, filter_of
from fairway.signals.traffic import moment

OfHub = NamedDependency[Hub]
Least = Annotated[float, QueryParameter(ge=0, le=1, description="only what is at least so sure")]
Expected = Annotated[bool, QueryParameter(description="also what somebody expects")]
_HOUR: Final = timedelta(hours=1)


class AnomalyTold(msgspec.Struct, frozen=True, kw_only=True):
    """What, since when, compared to what, how sure, what to look at. `until` is the end of the last hour of it;
    `sure` is 0.5 at the detector's limit and nears 1, and no probability; `link` is a page of the console."""

    id: str
    kind: Kind
    means: str
    subject: str
    client: str
    server: str
    port: int
    protocol: str
    since: datetime
    until: datetime
    what: str
    compared: str
    sure: float
    command: str
    link: str
    filter: str
    feedback: Word
    said_by: str
    why: str


class Anomalies(msgspec.Struct, frozen=True, kw_only=True):
    """The latest first. `judged_until` is how far whole hours were looked at, null before the first; `trouble` says
    why nobody looks, empty where somebody does; `silenced` counts findings that somebody expects."""

    anomalies: list[AnomalyTold]
    judged_until: datetime | None
    silenced: int
    trouble: str


@get("/api/v1/anomalies", guards=[only(Role.VIEWER)], tags=["anomalies"], summary="What is unlike itself")
async def anomalies(
    request: Request[Any, Any, Any], hub: OfHub, sure: Least = 0.0, expected: Expected = False
) -> Anomalies:
    """Of the last 30 days, within what the asker may see."""
    who, book = request.user, hub.anomalies.book
    shown = [
        told(one)
        for one in book.all()
        if may_see(who, one) and one.finding.sure >= sure and (expected or one.feedback.word != "expected")
    ]
    return Anomalies(
        anomalies=shown,
        judged_until=moment(book.judged) + _HOUR if book.judged else None,
        silenced=book.silenced,
        trouble=hub.anomalies.trouble,
    )


@post(
    "/api/v1/anomalies/{id:str}/feedback",
    guards=[only(Role.EDITOR)],
    status_code=200,
    tags=["anomalies"],
    summary="Say whether it is expected",
)
async def say(request: Request[Any, Any, Any], hub: OfHub, id: FromPath[str], data: JSONBody[Said]) -> AnomalyTold:
    """Remembered, and in the audit log."""
    who: Principal = request.user
    if not await hub.permits.may(who, Role.EDITOR, None):
        raise PermissionDeniedException("this is for the role editor in all namespaces")
    if all(one.id != id for one in hub.anomalies.book.all()):
        raise UsageError(f"there is no anomaly `{id}`; `fairway anomalies` lists them")

    def remember() -> Anomaly:
        entry = hub.audit.record(
            who.name, "anomaly", f"{id}: {data.word or 'taken back'}", role=who.role, why=data.why
        )
        return hub.anomalies.book.say(id, Feedback(word=data.word, who=who.name, why=data.why, at=entry.at))

    return told(await sync_to_thread(remember))


def told(one: Anomaly) -> AnomalyTold:
    """An anomaly as people read it."""
    found, since, until = one.finding, moment(one.since), moment(one.last) + _HOUR
    wanted = filter_of(
        found.client if found.client != found.server else "", found.server, found.port, found.protocol
    )
    return AnomalyTold(
        id=one.id,
        **{name: getattr(found, name) for name in ("kind", "subject", "client", "server", "port", "protocol")},
        means=MEANS[found.kind],
        since=since,
        until=until,
        what=found.what,
        compared=found.compared,
        sure=found.sure,
        command=f"fairway investigate {one.id}",
        link=console_of(wanted, since, until),
        filter=wanted,
        feedback=one.feedback.word,
        said_by=one.feedback.who,
        why=one.feedback.why,
    )


def may_see(who: Principal, one: Anomaly) -> bool:
    """As of flows: who is bound to namespaces sees what touches one of them."""
    ends = (one.finding.client, one.finding.server)
    return who.namespaces is None or any(end.partition("/")[0] in who.namespaces for end in ends)
