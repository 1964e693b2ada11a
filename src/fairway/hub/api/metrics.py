"""The hub's own metrics, for whoever scrapes."""

import time
from typing import Any

from litestar import Request, Response, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency

from fairway.hub.api.access import only
from fairway.hub.auth import Role
from fairway.hub.gate import Gate
from fairway.hub.metrics import families
from fairway.hub.service import Hub
from fairway.kit.openmetrics import OPENMETRICS, PLAIN, render, wants_openmetrics


@get(
    "/metrics",
    include_in_schema=False,
    guards=[only(Role.VIEWER)],
    tags=["health"],
    summary="Metrics, as OpenMetrics or Prometheus text",
)
async def metrics(
    request: Request[Any, Any, Any], hub: NamedDependency[Hub], gate: NamedDependency[Gate]
) -> Response[str]:
    """Needs a token as everything else: they name nodes, and say how busy they are."""
    openmetrics = wants_openmetrics(request.headers.get("Accept", ""))
    found = await sync_to_thread(lambda: families(hub, gate.turned_away, time.time_ns() // 1000))
    return Response(render(found, openmetrics=openmetrics), media_type=OPENMETRICS if openmetrics else PLAIN)
