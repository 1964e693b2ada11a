"""Rollouts over HTTP: order, look, and every button that a person has."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Router, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath, JSONBody

from fairway.hub.api.access import only
from fairway.hub.auth import Principal, Role
from fairway.hub.rollouts.promoting import Promotion, Proven, promotion, proven
from fairway.hub.rollouts.telling import Amended, RolloutTold, amended, told
from fairway.hub.service import Hub
from fairway.hub.wishes import MOST_CHARACTERS
from fairway.kit.documents import documents_in
from fairway.kit.errors import UsageError
from fairway.policy.read import read_policy_set
from fairway.rollout import state as acts
from fairway.rollout.gates import Gate, before
from fairway.rollout.order import Back, Order, check
from fairway.rollout.preview import Foreseen, preview
from fairway.rollout.seen import COMPUTING, Seen
from fairway.rollout.state import State

Asked = Request[Any, Any, Any]
OfHub = NamedDependency[Hub]
_GATES: Final = ("coverage", "would-deny", "lint", "enforced")
"""Those that a person may override."""


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`why` goes into the audit log; `gate` is for `override`, `how` for `back`."""

    why: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    gate: str = ""
    how: Back = "step"


class Draft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rollout to keep. `why` goes into the audit log."""

    order: Order
    why: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done, and the gates as they are now; while `computing` coverage, ask again."""

    foreseen: Foreseen
    gates: tuple[Gate, ...]
    computing: bool


@get("/", guards=[only(Role.VIEWER)], summary="All rollouts, by name")
async def rollouts(request: Asked, hub: OfHub) -> list[RolloutTold]:
    """Without their units."""
    await _may(request, hub, Role.VIEWER)
    return [told(state, hub.rollouts.plan_of(state.order.name), Seen()) for state in hub.rollouts.book.all()]


@post(
    "/",
    guards=[only(Role.OPERATOR)],
    status_code=201,
    summary="Order a rollout",
    request_max_body_size=MOST_CHARACTERS * 2,
)
async def draft(request: Asked, hub: OfHub, data: JSONBody[Draft]) -> RolloutTold:
    """It does nothing until it is started."""
    await _may(request, hub)
    _check(hub, data.order)
    state = State(order=data.order, since=datetime.now(UTC))
    await sync_to_thread(lambda: hub.rollouts.draft(state, request.user, data.why))
    return await _told(hub, state)


@post(
    "/preview",
    guards=[only(Role.VIEWER)],
    status_code=200,
    summary="What a rollout would do, without doing it",
    request_max_body_size=MOST_CHARACTERS * 2,
)
async def foresee(request: Asked, hub: OfHub, data: JSONBody[Order]) -> Previewed:
    """Its steps if every gate opened, and the gates as they are."""
    await _may(request, hub, Role.VIEWER)
    _check(hub, data)
    now = datetime.now(UTC)
    seen = await sync_to_thread(lambda: hub.rollouts.look_at(data, score=True))
    gates = before(data, seen, now)
    return Previewed(foreseen=preview(data, seen.units, now), gates=gates, computing=seen.unscored == COMPUTING)


@get("/{name:str}", guards=[only(Role.VIEWER)], summary="A rollout, its units and gates")
async def rollout(request: Asked, hub: OfHub, name: FromPath[str]) -> RolloutTold:
    """As of its last look, half a second ago at most while it is under way."""
    await _may(request, hub, Role.VIEWER)
    return await _told(hub, hub.rollouts.book.find(name))


@get("/{name:str}/amended", guards=[only(Role.VIEWER)], summary="Policies that would mend what broke")
async def amend(request: Asked, hub: OfHub, name: FromPath[str]) -> Amended:
    """To be added to the rollout's own, with their replay."""
    await _may(request, hub, Role.VIEWER)
    state = hub.rollouts.book.find(name)
    return await sync_to_thread(lambda: amended(hub, state))


@get("/{name:str}/proven", guards=[only(Role.VIEWER)], summary="A rollout for another hub")
async def export(request: Asked, hub: OfHub, name: FromPath[str]) -> Proven:
    """Its order, how far it came, and the edges that were seen in the namespaces of its policies."""
    await _may(request, hub, Role.VIEWER)
    state = hub.rollouts.book.find(name)
    return await sync_to_thread(lambda: proven(hub, state))


@post(
    "/promotion",
    guards=[only(Role.VIEWER)],
    status_code=200,
    summary="What would come of another hub's rollout here",
    request_max_body_size=MOST_CHARACTERS * 2,
)
async def promote(request: Asked, hub: OfHub, data: JSONBody[Proven]) -> Promotion:
    """Its policies held against what was recorded here, and the edges that only one of the two has seen."""
    await _may(request, hub, Role.VIEWER)
    return await sync_to_thread(lambda: promotion(hub, data))


@post("/{name:str}/{verb:str}", guards=[only(Role.OPERATOR)], status_code=200, summary="Start, pause, step back")
async def act(
    request: Asked, hub: OfHub, name: FromPath[str], verb: FromPath[str], data: JSONBody[Act]
) -> RolloutTold:
    """`start`, `pause`, `resume`, `back`, `abort`, `override`."""
    await _may(request, hub)
    now, who = datetime.now(UTC), request.user.name
    change, done = _change(verb, data, who, now)
    state = await sync_to_thread(lambda: hub.rollouts.act(name, change, request.user, done, data.why))
    return await _told(hub, state)


router: Final = Router(
    "/api/v1/rollouts",
    route_handlers=[rollouts, draft, foresee, rollout, amend, export, promote, act],
    tags=["rollouts"],
)


def _change(verb: str, given: Act, who: str, now: datetime) -> tuple[Callable[[State], State], str]:
    """What a verb makes of a state, and how it is told."""
    match verb:
        case "start":
            return lambda state: acts.start(state, now), "started"
        case "pause":
            return lambda state: acts.pause(state, now), "paused"
        case "resume":
            return lambda state: acts.resume(state, now), "resumed"
        case "back":
            return lambda state: acts.back(state, given.how, now), f"stepping back: {given.how}"
        case "abort":
            return lambda state: acts.abort(state, now), "aborted"
        case "override" if given.gate in _GATES:
            return lambda state: acts.override(
                state, given.gate, who, given.why, now
            ), f"gate {given.gate} overridden"
        case "override":
            raise UsageError(f"`{given.gate}` is no gate that can be overridden; one of {', '.join(_GATES)}")
    raise UsageError(
        f"`{verb}` is nothing to do with a rollout; one of start, pause, resume, back, abort, override"
    )


async def _told(hub: Hub, state: State) -> RolloutTold:
    name = state.order.name
    return told(state, hub.rollouts.plan_of(name), await sync_to_thread(lambda: hub.rollouts.seen_of(state)))


async def _may(request: Asked, hub: Hub, role: Role = Role.OPERATOR) -> None:
    """A rollout names edges of any namespace, so even who only looks must see all of them."""
    who: Principal = request.user
    if not await hub.permits.may(who, role, None):
        raise PermissionDeniedException(f"this is for the role {role} in all namespaces")


def _check(hub: Hub, order: Order) -> None:
    """UsageError for an order that this hub cannot carry out in its cluster."""
    check(order)
    scene, driver = hub.rollouts.scene(), hub.rollouts.driver(order)
    policies = read_policy_set(documents_in("policies", order.policies), scene.cluster)
    if not policies.size:
        raise UsageError("policies: hold no NetworkPolicy; `fairway policy generate` writes some")
    scope = order.namespaces
    outside = sorted(one.title for one in policies.policies if scope is not None and one.namespace not in scope)
    if outside:
        raise UsageError(f"policies: `{outside[0]}` is outside the rollout's namespaces; leave it out")
    driver.check(order, scene)
