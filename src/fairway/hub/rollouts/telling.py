"""Telling: a rollout as people see it, and what would mend one that stepped back."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fairway.hub.rollouts.known import called
from fairway.kit.documents import documents_in
from fairway.kit.errors import UsageError
from fairway.policy.amend import amend
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policy_set
from fairway.policy.render import render_policy
from fairway.policy.replay import replay
from fairway.rollout.gates import Gate
from fairway.rollout.order import Gates, Limits, Order
from fairway.rollout.plan import Plan
from fairway.rollout.preview import preview
from fairway.rollout.seen import Seen
from fairway.rollout.state import Breakage, Override, State, Step
from fairway.rollout.steps import in_scope
from fairway.wire.edge import Edge

if TYPE_CHECKING:
    from fairway.hub.service import Hub


class UnitTold(msgspec.Struct, frozen=True, kw_only=True):
    """One unit: `mode` is what it is to do: observe, audit, enforce. `step` counts from 1; 0: none yet. `doing` is
    how far it is, where that takes its time."""

    name: str
    zone: str
    mode: str
    obeys: bool
    step: int
    trouble: str
    doing: str
    pods: int


class RolloutTold(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout: its phase and since when, what it waits for and until when, its gates with what they measure, its
    steps and units, and what broke if it stepped back. `to_come` are the steps that it would go on to if every gate
    opened, as of the budgets active now."""

    name: str
    phase: str
    since: datetime
    revision: int
    waits: str
    until: datetime | None
    gates: tuple[Gate, ...]
    steps: tuple[Step, ...]
    to_come: tuple[tuple[str, ...], ...]
    units: tuple[UnitTold, ...]
    breakage: Breakage | None
    overrides: tuple[Override, ...]
    soak_seconds: float
    back: str
    driver: str
    namespaces: tuple[str, ...] | None
    limits: Limits
    settings: Gates


def told(state: State, plan: Plan, seen: Seen) -> RolloutTold:
    """What a person is shown of a rollout."""
    order = state.order
    return RolloutTold(
        name=order.name,
        phase=str(state.phase),
        since=state.since,
        revision=state.revision,
        waits=plan.waits,
        until=plan.until,
        gates=plan.gates,
        steps=state.steps,
        to_come=preview(order, seen.units, datetime.now(UTC), state.enforced).steps,
        units=_units(order, state, seen),
        breakage=state.breakage,
        overrides=state.overrides,
        soak_seconds=order.soak.total_seconds(),
        back=order.back,
        driver=order.driver,
        namespaces=order.namespaces,
        limits=order.limits,
        settings=order.gates,
    )


def _units(order: Order, state: State, seen: Seen) -> tuple[UnitTold, ...]:
    step = {name: number for number, one in enumerate(state.steps, 1) for name in one.units}
    return tuple(
        UnitTold(
            name=unit.name,
            zone=unit.zone,
            mode="enforce" if unit.name in step else "audit" if state.on_trial else "observe",
            obeys=unit.obeys,
            step=step.get(unit.name, 0),
            trouble=unit.trouble,
            doing=unit.doing,
            pods=sum(unit.replicas.values()),
        )
        for unit in seen.units
        if in_scope(order, unit)
    )


class Amended(msgspec.Struct, frozen=True, kw_only=True):
    """What would mend it: policies to add, as one text of YAML, for `policies` (titles); whether all that was
    recorded would then pass; and what still would not."""

    policies: tuple[str, ...]
    yaml: str
    passes: bool
    still: tuple[dict[str, Any], ...]


def amended(hub: "Hub", state: State) -> Amended:
    """Policies beside the rollout's own that let through what broke it. UsageError where nothing was denied."""
    cluster, order = hub.require_ready(), state.order
    if state.breakage is None or not state.breakage.denied:
        raise UsageError(f"rollout `{order.name}`: no denied connection broke it; there is nothing to amend")
    denied = {(one.client, one.server, one.port) for one in state.breakage.denied}
    edges = hub.base.edges()
    policies = read_policy_set(documents_in("policies", order.policies), cluster)
    made = amend(policies, [edge for edge in edges if _is_one_of(edge, denied)], cluster, datetime.now(UTC).date())
    whole = PolicySet(
        (*policies.policies, *(one.policy for one in made.policies)), policies.posture, policies.tiered
    )
    result = replay([edge for edge in edges if edge.answered or _is_one_of(edge, denied)], whole, cluster)
    return Amended(
        policies=tuple(one.policy.title for one in made.policies),
        yaml="---\n".join(_text(render_policy(one)) for one in made.policies),
        passes=result.passed,
        still=tuple(msgspec.to_builtins(one) for one in result.broken),
    )


def _is_one_of(edge: Edge, denied: set[tuple[str, str, str]]) -> bool:
    client, port = edge.client.group, called("", edge.port, edge.protocol).strip()
    dialled = edge.service.rpartition(":")[2]
    return (client, edge.server.group, port) in denied or (
        (client, edge.service, called("", int(dialled), edge.protocol).strip()) in denied if dialled else False
    )


def _text(rendered: str) -> str:
    _, _, rest = rendered.partition("\n")
    return f"# Lets through what was denied and is missing; it adds to the policies that are there.\n{rest}"
