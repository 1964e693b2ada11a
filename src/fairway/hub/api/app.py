"""The application: routes, who may use them, and what an error looks like. Wired by hand, here."""

from collections.abc import Callable

from litestar import Litestar, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig

import fairway
from fairway.hub.api import agents, export, intent, metrics
from fairway.hub.api.access import Door
from fairway.hub.api.problems import handlers
from fairway.hub.gate import Gate
from fairway.hub.service import Hub

HEALTH = ("/healthz", "/readyz")


@get("/healthz", tags=["health"], summary="Whether the process lives")
async def healthz() -> str:
    """Always `ok`."""
    return "ok"


@get("/readyz", tags=["health"], summary="Whether it knows the cluster and its database answers")
async def readyz(hub: NamedDependency[Hub]) -> str:
    """`ok`, or 503 with what is missing."""
    hub.require_ready()
    return "ok"


def application(hub: Hub, gate: Gate, log: Callable[[str], None]) -> Litestar:
    """The hub's ASGI application."""
    return Litestar(
        route_handlers=[
            *(healthz, readyz, agents.flows, agents.feed, export.export_flows, export.agents),
            *(intent.intent, intent.change_intent, intent.audit, metrics.metrics),
        ],
        dependencies={
            "hub": Provide(lambda: hub, sync_to_thread=False),
            "gate": Provide(lambda: gate, sync_to_thread=False),
        },
        state=State({"gate": gate}),
        middleware=[DefineMiddleware(Door, exclude=list(HEALTH))],
        exception_handlers=handlers(log),
        openapi_config=OpenAPIConfig(title="Fairway", version=fairway.__version__),
        logging_config=None,
        request_max_body_size=None,
    )
