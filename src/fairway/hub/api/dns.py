"""DNS over HTTP: who asks, how much is answered, and which names outside were called."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.auth import Role
from fairway.hub.database.resolving import WHO, askers, called_by_name
from fairway.hub.service import Hub

Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="at most so many pods")]


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """One pod. `asked` and `answered` are packets over UDP; `unanswered` is the share of questions without an
    answer, 0 to 1; `names` are those of addresses outside that it called, as far as an answer was seen."""

    namespace: str
    workload: str
    pod: str
    node: str
    asked: int
    answered: int
    unanswered: float
    resolvers: list[str]
    names: list[str]


class Dns(msgspec.Struct, frozen=True, kw_only=True):
    """Most questions without an answer first."""

    since: datetime
    until: datetime
    askers: list[Asker]


@get("/api/v1/dns", guards=[only(Role.VIEWER)], tags=["sums"], summary="Who asks DNS, and what comes of it")
async def dns(
    hub: NamedDependency[Hub], desk: NamedDependency[Desk], asked: NamedDependency[Asked], limit: Limit = 100
) -> Dns:
    """Questions over TCP are not counted: their packets say nothing of answers."""
    return await desk(lambda: _dns(hub, asked, limit))


def _dns(hub: Hub, asked: Asked, limit: int) -> Dns:
    rows = hub.base.ask(askers(asked.wanted, asked.now, limit)).to_pylist()
    named = hub.base.ask(called_by_name(asked.wanted, asked.now)).to_pylist()
    names = {tuple(row[f"client_{key}"] for key in WHO): row["names"] for row in named}
    told = []
    for row in rows:
        key = tuple(row[f"client_{name}"] for name in WHO)
        lost = max(0, row["asked"] - row["answered"]) / row["asked"] if row["asked"] else 0.0
        namespace, workload, pod, node = key
        told.append(
            Asker(
                namespace=namespace,
                workload=workload,
                pod=pod,
                node=node,
                asked=row["asked"],
                answered=row["answered"],
                unanswered=round(lost, 4),
                resolvers=row["resolvers"],
                names=names.get(key, []),
            )
        )
    return Dns(since=asked.since, until=asked.until, askers=told)
