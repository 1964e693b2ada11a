"""Looking: everything that a hub knows of a trouble, before and while it lasts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fairway.hub.anomalies.reading import behind
from fairway.hub.database.hours import newcomers
from fairway.hub.database.seen import denials
from fairway.hub.database.troubles import dns_between, first_between, nodes_between, replicas_between
from fairway.hub.denials import PolicySets, why
from fairway.hub.investigate.subject import Subject, about, resolving
from fairway.hub.rows import endpoint_of, rows_of
from fairway.signals.observed import COUNTED, Asked, Changed, ChangeKind, Counts, Dropped, Observed, Row
from fairway.views.filter import All, AnyOf, Expression, Filter, Term, Word
from fairway.wire.words import Direction

if TYPE_CHECKING:
    from fairway.hub.service import Hub

BEFORE: Final = 12
"""Times the window that is looked at for comparison."""
_MOST_DENIALS: Final = 1000
_MOST_CHANGES: Final = 1000
_BACK: Final = timedelta(hours=1)
"""So much earlier changes are told, and denials asked for, to know whether they are new."""
_UNTOLD: Final = {f"{end}_{name}": value for end in ("client", "server")
                  for name, value in {"ports": "[]", "node": "", "zone": ""}.items()}  # fmt: skip
_KINDS: Final[dict[str, ChangeKind]] = {"intent": "policy", "rollout": "rollout"}


@dataclass(frozen=True, slots=True)
class Window:
    """The trouble lasts from `since` to `until`; before it, from `begin` on, all was well."""

    begin: datetime
    since: datetime
    until: datetime

    @classmethod
    def around(cls, at: datetime, length: timedelta, now: datetime) -> "Window":
        """As long before a moment as after it, but not in the future."""
        since, until = at - length, max(min(at + length, now), at - length + timedelta(seconds=1))
        return cls(since - BEFORE * length, since, until)


def look(
    hub: "Hub", subject: Subject, window: Window, scope: Expression, policies: PolicySets, *, who: bool
) -> Observed:
    """What is known, within what the asker may see; names of people only where `who`. DatabaseError when the
    database does not answer."""
    ask, services = hub.base.ask, behind(hub.base)
    wanted = All((about(subject, services), scope))
    dns = All((resolving(subject), scope))
    since, until, begin = window.since, window.until, _known_since(hub, window)
    return Observed(
        client=subject.client,
        server=subject.server,
        since=since,
        until=until,
        begin=begin,
        now=_rows(ask(replicas_between(since, until, wanted))),
        before=_rows(ask(replicas_between(begin, since, wanted))),
        nodes=_rows(ask(nodes_between(since, until, scope))),
        nodes_before=_rows(ask(nodes_between(begin, since, scope))),
        dns=_asked(ask(dns_between(since, until, dns))),
        dns_before=_asked(ask(dns_between(begin, since, dns))),
        denied=_denied(hub, window, _events(hub, subject, wanted, dns, scope), policies),
        changes=tuple(sorted(_changes(hub, subject, window, who=who), key=lambda change: change.at)),
    )


def _known_since(hub: "Hub", window: Window) -> datetime:
    """The beginning of what is compared with: not before anything was reported, or rates would be too low."""
    [row] = hub.base.ask(first_between(window.begin, window.since)).to_pylist()
    return row["first"].astimezone(UTC) if row["flows"] else window.begin


def _rows(table: Any) -> tuple[Row, ...]:
    return tuple(
        msgspec.convert(
            {name: value for name, value in row.items() if name not in COUNTED}
            | {"counts": Counts(**{name: row[name] for name in COUNTED})},
            Row,
        )
        for row in rows_of(table)
    )


def _asked(table: Any) -> tuple[Asked, ...]:
    return tuple(Asked(**row) for row in table.to_pylist())


def _events(hub: "Hub", subject: Subject, wanted: Expression, dns: Expression, scope: Expression) -> Expression:
    """What was denied of a subject, or of its DNS. That is kept without nodes: of a node it is that of its pods of
    now."""
    if not subject.node:
        return AnyOf((wanted, All((dns, Term("dst.port", "=", (Word("53"),))))))
    pods = hub.cluster.pods if hub.cluster is not None else ()
    names = tuple(Word(pod.name) for pod in pods if pod.node == subject.node)
    return All((Term("name", "=", names), scope)) if names else AnyOf(())


def _denied(hub: "Hub", window: Window, wanted: Expression, policies: PolicySets) -> tuple[Dropped, ...]:
    """What policies in force dropped in the window. When each began is known from an hour before."""
    asked = Filter(wanted, window.begin - _BACK, window.until)
    found: dict[tuple[str, str], Dropped] = {}
    for row in rows_of(hub.base.ask(denials(asked, window.until, _MOST_DENIALS))):
        last = row["last_seen"].astimezone(UTC)
        if row["slot"] != "active" or not row["packets"] or last < window.since:
            continue
        row = {**row, **_UNTOLD}
        client, server = endpoint_of(row, "client"), endpoint_of(row, "server")
        direction = Direction.EGRESS if row["reporter"] == "client" else Direction.INGRESS
        called = row["service"] or f"{server.group} {row['port']}/{row['protocol']}"
        one = Dropped(
            edge=f"{client.group} -> {called}",
            packets=int(row["packets"]),
            why=why(row["reason"], direction, client, server, row["port"], row["protocol"], policies.get("active")),
            first=row["first_seen"].astimezone(UTC),
            last=last,
        )
        held = found.get((one.edge, one.why))
        found[one.edge, one.why] = (
            one
            if held is None
            else msgspec.structs.replace(
                held,
                packets=held.packets + one.packets,
                first=min(held.first, one.first),
                last=max(held.last, last),
            )
        )
    return tuple(found.values())


def _changes(hub: "Hub", subject: Subject, window: Window, *, who: bool) -> Iterator[Changed]:
    since = window.begin - _BACK
    for entry in hub.audit.latest(_MOST_CHANGES, before=window.until):
        if entry.at < since:
            break
        if entry.what in _KINDS:
            what = entry.done if who else f"{entry.what} changed"
            yield Changed(at=entry.at, kind=_KINDS[entry.what], what=what, who=entry.who if who else "")
    groups = {subject.client, subject.server}
    yield from _deploys(hub.base.ask(newcomers(since, window.until)).to_pylist(), groups)


def _deploys(rows: Iterable[dict[str, Any]], groups: set[str]) -> Iterator[Changed]:
    for row in rows:
        group = f"{row['namespace']}/{row['workload'].partition('/')[2]}"
        if group in groups:
            node = f" on {row['node']}" if row["node"] else ""
            yield Changed(
                at=row["first"].astimezone(UTC), kind="deploy", what=f"{row['name']} of {group} is new{node}"
            )
