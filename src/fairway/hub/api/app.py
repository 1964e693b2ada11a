"""The application: routes, who may use them, and what an error looks like. Wired by hand, here."""

from collections.abc import Callable

from litestar import Litestar, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.middleware import DefineMiddleware

from fairway.hub.api import (
    agents,
    anomalies,
    console,
    denials,
    dns,
    export,
    flows,
    intent,
    investigate,
    live,
    localities,
    metrics,
    nodes,
    policy,
    protection,
    rollouts,
    seen,
    signin,
    sums,
    zones,
)
from fairway.hub.api import map as graph
from fairway.hub.api.access import Door
from fairway.hub.api.asked import asked
from fairway.hub.api.description import complete, configuration
from fairway.hub.api.desk import Desk
from fairway.hub.api.lately import Lately
from fairway.hub.api.problems import handlers
from fairway.hub.gate import Gate
from fairway.hub.limits import Meter
from fairway.hub.service import Hub
from fairway.hub.signin import SignIn

HEALTH = ("/healthz", "/readyz")


@get("/healthz", tags=["health"], summary="Whether the process lives")
async def healthz() -> str:
    """Always `ok`."""
    return "ok"


@get("/readyz", tags=["health"], summary="Whether it knows the cluster and its database answers")
async def readyz(hub: NamedDependency[Hub]) -> str:
    """`ok` and what to look at, a line each; or 503 with what is missing."""
    hub.require_ready()
    return "\n".join(["ok", *hub.warnings()])


def application(hub: Hub, gate: Gate, log: Callable[[str], None], sign_in: SignIn | None = None) -> Litestar:
    """The hub's ASGI application; with `sign_in` people may come from their provider."""
    desk, jobs, built = Desk(), hub.jobs, console.read_console()
    lately = Lately(desk)
    entrance = signin.Entrance(sign_in, Meter(signin.LIMIT))
    made = Litestar(
        route_handlers=[
            *(healthz, readyz, agents.flows, agents.feed, export.export_flows, export.agents, export.me),
            *(flows.list_flows, graph.map_of, denials.denials_of, live.live),
            *(zones.zones_of, localities.localities_of, sums.top_of, sums.hotspots, sums.series_of),
            *(seen.edges, seen.endpoints_of, seen.search, seen.meaning),
            *(intent.intent, intent.change_intent, intent.audit, metrics.metrics),
            *(protection.protection_of, protection.policies_in, nodes.nodes),
            *(anomalies.anomalies, anomalies.say, investigate.investigated, dns.dns, dns.names),
            *(signin.ways, signin.begin, signin.finish),
            policy.router,
            rollouts.router,
            *(console.document, console.icon, console.asset),
        ],
        dependencies={
            "hub": Provide(lambda: hub, sync_to_thread=False),
            "gate": Provide(lambda: gate, sync_to_thread=False),
            "desk": Provide(lambda: desk, sync_to_thread=False),
            "lately": Provide(lambda: lately, sync_to_thread=False),
            "jobs": Provide(lambda: jobs, sync_to_thread=False),
            "entrance": Provide(lambda: entrance, sync_to_thread=False),
            "console": Provide(lambda: built, sync_to_thread=False),
            "asked": Provide(asked, sync_to_thread=False),
        },
        on_shutdown=[jobs.close, desk.close],
        state=State({"gate": gate}),
        middleware=[DefineMiddleware(Door, exclude=list(HEALTH))],
        exception_handlers=handlers(log),
        openapi_config=configuration(),
        logging_config=None,
        request_max_body_size=None,
    )
    complete(made)
    return made
