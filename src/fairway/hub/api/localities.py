"""How much of each workload's callers stays in its zone, over HTTP."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.api.tags import tagged
from fairway.hub.api.zones import Before, BeforeUntil, earlier_of
from fairway.hub.auth import Role
from fairway.hub.database.catalogue import MOST_ROWS, top
from fairway.hub.rows import rows_of
from fairway.hub.service import Hub
from fairway.policy.model import Cluster
from fairway.views.filter import Filter
from fairway.views.locality import Locality, compared, localities

_BY: Final = ("server_kind", "server_namespace", "server_group", "client_zone", "server_zone")


class Localities(msgspec.Struct, frozen=True, kw_only=True):
    """Workloads that were called, the dearest first."""

    since: datetime
    until: datetime
    currency: str
    workloads: list[Locality]


@get("/api/v1/localities", guards=[only(Role.VIEWER)], tags=["sums"], summary="What could stay in its zone")
async def localities_of(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    asked: NamedDependency[Asked],
    before: Before = "",
    before_until: BeforeUntil = "",
) -> Response[Localities]:
    """By workload: the share that stayed, what could given its ready replicas now, and what that costs."""
    return tagged(request, await desk(lambda: _localities(hub, asked, earlier_of(asked, before, before_until))))


def _localities(hub: Hub, asked: Asked, earlier: Filter | None) -> Localities:
    replicas = replicas_of(hub.require_ready())
    workloads = _told(hub, asked.wanted, asked.now, replicas)
    if earlier is not None:
        workloads = compared(workloads, _told(hub, earlier, asked.now, replicas))
    return Localities(
        since=asked.since, until=asked.until, currency=hub.config.prices.currency, workloads=workloads
    )


def _told(hub: Hub, wanted: Filter, now: datetime, replicas: Mapping[str, Mapping[str, int]]) -> list[Locality]:
    rows = rows_of(hub.base.ask(top(wanted, now, _BY, "bytes", MOST_ROWS)))
    return localities((row for row in rows if row["server_kind"] == "pod"), replicas, hub.config.prices)


def replicas_of(cluster: Cluster) -> dict[str, Counter[str]]:
    """Ready pods by zone, of each workload."""
    zones = {node.name: node.zone for node in cluster.nodes}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for pod in cluster.pods:
        if pod.ready and not pod.finished and not pod.host_network and zones.get(pod.node):
            found[f"{pod.namespace}/{pod.workload or f'Pod/{pod.name}'}"][zones[pod.node]] += 1
    return found
