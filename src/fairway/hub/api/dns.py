"""DNS over HTTP: who asks for which names, what comes of it, and which names outside were called."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.auth import Role
from fairway.hub.database.resolving import WHO, asked_by_name, asked_by_pod, askers, called_by_name
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError

_Who = tuple[str, ...]
"""A pod, by the columns of WHO."""
Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="at most so many pods")]


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """One pod. `asked` and `answered` are packets over UDP; `unanswered` is the share of questions without an
    answer, 0 to 1; `names` are those of addresses outside that it called, as far as an answer was seen. Of the
    answers of the cluster's resolvers, `nxdomain` said that there is no such name and `failed` were other errors;
    `wait_ms` is how long they took in the mean, null without any."""

    namespace: str
    workload: str
    pod: str
    node: str
    asked: int
    answered: int
    unanswered: float
    nxdomain: int
    failed: int
    wait_ms: float | None
    resolvers: list[str]
    names: list[str]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the pods of a workload asked the cluster's resolvers for over UDP, and what these answered: as of Asker.
    The name is empty for those that are no host's, too long, or too many to be told by name."""

    namespace: str
    workload: str
    name: str
    pods: int
    asked: int
    answered: int
    unanswered: float
    nxdomain: int
    failed: int
    wait_ms: float | None
    longest_ms: float
    last: datetime


class Questions(msgspec.Struct, frozen=True, kw_only=True):
    """Most questions in vain first: without an answer, or with one that failed."""

    since: datetime
    until: datetime
    questions: list[Question]


class Dns(msgspec.Struct, frozen=True, kw_only=True):
    """Most questions in vain first: without an answer, or with one that failed."""

    since: datetime
    until: datetime
    askers: list[Asker]


@get("/api/v1/dns", guards=[only(Role.VIEWER)], tags=["sums"], summary="Who asks DNS, and what comes of it")
async def dns(
    hub: NamedDependency[Hub], desk: NamedDependency[Desk], asked: NamedDependency[Asked], limit: Limit = 100
) -> Dns:
    """Questions over TCP are not counted: their packets say nothing of answers."""
    return await desk(lambda: Dns(since=asked.since, until=asked.until, askers=_askers(hub, asked, limit)))


@get("/api/v1/dns/names", guards=[only(Role.VIEWER)], tags=["sums"], summary="Which names are asked for, by whom")
async def names(
    hub: NamedDependency[Hub], desk: NamedDependency[Desk], asked: NamedDependency[Asked], limit: Limit = 100
) -> Questions:
    """A filter may speak of clients' namespace, workload, name, node and zone."""
    question = asked_by_name(asked.wanted.expression, asked.since, asked.until, limit)
    rows = await desk(lambda: hub.base.ask(question).to_pylist())
    return Questions(since=asked.since, until=asked.until, questions=[_question(row) for row in rows])


def _askers(hub: Hub, asked: Asked, limit: int) -> list[Asker]:
    rows = {_who(row): row for row in hub.base.ask(askers(asked.wanted, asked.now, limit)).to_pylist()}
    named = hub.base.ask(called_by_name(asked.wanted, asked.now)).to_pylist()
    called = {_who(row): row["names"] for row in named}
    sums = _sums(hub, asked, rows.keys())
    told = [
        _asker(who, rows.get(who, sums.get(who, {})), sums.get(who, {}), called)
        for who in rows.keys() | sums.keys()
    ]
    told.sort(key=lambda one: (-one.failed - max(0, one.asked - one.answered), -one.asked, one.namespace, one.pod))
    return told[:limit]


def _sums(hub: Hub, asked: Asked, pods: Collection[_Who]) -> dict[_Who, dict[str, Any]]:
    """What resolvers answered, by pod. Where the filter is about more than clients, of those `pods` alone."""
    try:
        question = asked_by_pod(asked.wanted.expression, asked.since, asked.until)
    except UsageError:
        rows = hub.base.ask(asked_by_pod(asked.scope, asked.since, asked.until)).to_pylist()
        return {_who(row): row for row in rows if _who(row) in pods}
    return {_who(row): row for row in hub.base.ask(question).to_pylist()}


def _who(row: dict[str, Any]) -> _Who:
    return tuple(row[f"client_{name}"] for name in WHO)


def _asker(who: _Who, row: dict[str, Any], sums: dict[str, Any], called: dict[_Who, list[str]]) -> Asker:
    namespace, workload, pod, node = who
    return Asker(
        namespace=namespace,
        workload=workload,
        pod=pod,
        node=node,
        asked=row["asked"],
        answered=row["answered"],
        unanswered=_unanswered(row),
        nxdomain=sums.get("nxdomain", 0),
        failed=sums.get("failed", 0),
        wait_ms=_wait_ms(sums),
        resolvers=row.get("resolvers", []),
        names=called.get(who, []),
    )


def _question(row: dict[str, Any]) -> Question:
    return Question(
        namespace=row["client_namespace"],
        workload=row["client_workload"],
        unanswered=_unanswered(row),
        wait_ms=_wait_ms(row),
        longest_ms=row["longest_us"] / 1000,
        last=row["last"].astimezone(UTC),
        **{name: row[name] for name in ("name", "pods", "asked", "answered", "nxdomain", "failed")},
    )


def _unanswered(row: dict[str, Any]) -> float:
    return round(max(0, row["asked"] - row["answered"]) / row["asked"], 4) if row["asked"] else 0.0


def _wait_ms(row: dict[str, Any]) -> float | None:
    return round(row["waited_us"] / row["answered"] / 1000, 3) if row.get("waited_us") and row["answered"] else None
