"""Told: an investigation as it is answered."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from fairway.hub.anomalies.reading import behind
from fairway.hub.database.catalogue import series
from fairway.hub.denials import PolicySets
from fairway.hub.investigate.looking import Window, look
from fairway.hub.investigate.subject import Subject, about
from fairway.hub.rows import rows_of
from fairway.signals.cause import Cause
from fairway.signals.causes import causes
from fairway.signals.observed import Asked, Changed, Dropped, Limit, Observed, Row, Share, nodes_of, shares
from fairway.signals.pointing import console_of, filter_of
from fairway.views.filter import All, Expression, Filter

if TYPE_CHECKING:
    from fairway.hub.service import Hub

_POINTS: Final = 60
_SHOWN: Final = 20


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A replica, node or pair of zones: its share of all trouble from 0 to 1, and what it counted. `lost` is the
    share of its packets that were sent again."""

    name: str
    share: float
    connections: int
    broken: int
    retransmissions: int
    lost: float
    rtt_us: float | None


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Sums from `time` on, for a step."""

    time: datetime
    connections: int
    failed: int
    retransmissions: int
    denied: int
    bytes: int


class Investigation(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a subject between `since` and `until`, compared with the time from `begin` on. Parts have
    most trouble first; `sibling` is the server replica that does best, empty where there are not two. `link` is a
    page of the console."""

    subject: str
    begin: datetime
    since: datetime
    until: datetime
    causes: list[Cause]
    clients: list[Part]
    servers: list[Part]
    nodes: list[Part]
    zones: list[Part]
    sibling: str
    step: int
    series: list[Moment]
    denied: list[Dropped]
    dns: list[Asked]
    changes: list[Changed]
    limits: list[Limit]
    link: str


def investigate(
    hub: "Hub", subject: Subject, window: Window, scope: Expression, policies: PolicySets, *, who: bool
) -> Investigation:
    """Look, and rank; errors as of `look`."""
    seen = look(hub, subject, window, scope, policies, who=who)
    servers = [row for row in seen.now if row.server]
    parts = _parts(servers, lambda row: [row.server])
    step = max(1, int((seen.until - seen.begin).total_seconds()) // _POINTS)
    wanted = filter_of(subject.client, subject.server, subject.port, subject.protocol)
    if subject.node:
        wanted = f"node={subject.node}"
    return Investigation(
        subject=subject.title,
        begin=seen.begin,
        since=seen.since,
        until=seen.until,
        causes=causes(seen),
        clients=_parts(seen.now, lambda row: [row.client]),
        servers=parts,
        nodes=_parts(seen.now, nodes_of),
        zones=_parts(seen.now, _zones),
        sibling=_sibling(parts) if subject.server else "",
        step=step,
        series=list(_series(hub, subject, window, scope, step, seen)),
        denied=list(seen.denied),
        dns=list(seen.dns),
        changes=list(seen.changes),
        limits=list(seen.limits),
        link=console_of(wanted, seen.since, seen.until),
    )


def _series(
    hub: "Hub", subject: Subject, window: Window, scope: Expression, step: int, seen: Observed
) -> Iterable[Moment]:
    wanted = Filter(All((about(subject, behind(hub.base)), scope)), window.begin, window.until)
    for row in rows_of(hub.base.ask(series(wanted, seen.until, timedelta(seconds=step)))):
        yield Moment(
            time=datetime.fromtimestamp(row["moment"], UTC),
            bytes=row["sent_bytes"] + row["received_bytes"],
            **{name: row[name] for name in ("connections", "failed", "retransmissions", "denied")},
        )


def _parts(rows: Iterable[Row], name: Callable[[Row], Iterable[str]]) -> list[Part]:
    return [_part(share) for share in shares(rows, name)[:_SHOWN]]


def _part(share: Share) -> Part:
    counts = share.counts
    return Part(
        name=share.name,
        share=round(share.share, 4),
        connections=int(counts.connections),
        broken=int(counts.broken),
        retransmissions=int(counts.retransmissions),
        lost=round(counts.lost, 6),
        rtt_us=counts.rtt_us,
    )


def _zones(row: Row) -> Iterable[str]:
    return [f"{row.client_zone} -> {row.server_zone}"] if row.client_zone and row.server_zone else []


def _sibling(servers: list[Part]) -> str:
    """Of those that are called, the one with the least trouble and the shortest way."""
    if len(servers) < 2:
        return ""
    return min(servers, key=lambda part: (part.share, part.rtt_us or 0.0, part.name)).name
