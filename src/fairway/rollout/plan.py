"""The plan: from a rollout's state and what is seen, its next state, and what it waits for. Pure.

A state says everything that is wanted, so there is nothing else to do than to make it so: `wanted` is the whole of
what a driver is asked for. A crash at any point leaves the state before or the one after, and both are complete.
"""

from datetime import datetime

import msgspec

from fairway.kit.spans import span
from fairway.rollout import gates
from fairway.rollout.gates import Gate
from fairway.rollout.order import Order, frozen_by, room
from fairway.rollout.seen import Seen, Unit
from fairway.rollout.state import Breakage, Phase, State, Step, back, moved
from fairway.rollout.steps import in_scope, next_step


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver is to make so: the units that enforce, all others judge only; or judge nothing at all."""

    enforcing: tuple[str, ...]
    on_trial: bool


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The state to go to (the same where nothing changes), the gates as they are, what it waits for in words, and
    when that may end, where only time is missing."""

    state: State
    gates: tuple[Gate, ...] = ()
    waits: str = ""
    until: datetime | None = None


def wanted(state: State) -> Wanted:
    """What a state asks for."""
    return Wanted(enforcing=state.enforced, on_trial=state.on_trial)


def plan(state: State, seen: Seen, now: datetime) -> Plan:
    """One move at most; ask again at once after it was kept and carried out."""
    watched = bool(state.steps) and state.phase in (Phase.ENFORCING, Phase.PAUSED)
    if watched and (broken := _broken(state, seen)):
        return _step_back(state, seen, broken, now)
    match state.phase:
        case Phase.OBSERVING:
            return Plan(state=moved(state, Phase.STAGED, now, staged=now))
        case Phase.STAGED | Phase.ENFORCING | Phase.DONE:
            return _forward(state, seen, now)
        case Phase.STEPPING_BACK:
            return _settle(state, seen, now)
        case Phase.PAUSED:
            shown = gates.after(state.order, seen) if watched else gates.before(state.order, seen, now)
            return Plan(state=state, gates=shown, waits="a person paused it")
        case Phase.STEPPED_BACK:
            return Plan(state=state, waits="a person: amend the policies, then start again")
    return Plan(state=state)


def _broken(state: State, seen: Seen) -> tuple[Gate, ...]:
    """What broke. Not to see is no breakage by itself: the step does not end before it was seen."""
    return tuple(gate for gate in gates.after(state.order, seen) if not gate.open and not gate.hard)


def _step_back(state: State, seen: Seen, broken: tuple[Gate, ...], now: datetime) -> Plan:
    breakage = Breakage(at=now, gates=broken, denied=seen.denied, units=())
    return Plan(state=back(state, state.order.back, now, breakage), gates=gates.after(state.order, seen))


def _settle(state: State, seen: Seen, now: datetime) -> Plan:
    """Until all that was taken back obeys; a unit that is gone has nothing to obey."""
    breakage = state.breakage
    taken = breakage.units if breakage is not None else ()
    slow = [unit.told for unit in seen.units if unit.name in taken and not unit.obeys]
    if slow:
        return Plan(state=state, waits=f"{', '.join(slow)} to stop dropping")
    if breakage is not None:
        breakage = msgspec.structs.replace(breakage, seconds=(now - breakage.at).total_seconds())
    return Plan(state=moved(state, Phase.STEPPED_BACK, now, breakage=breakage))


def _forward(state: State, seen: Seen, now: datetime) -> Plan:
    order = state.order
    if state.in_flight is not None:
        return _soak(state, state.in_flight, seen, now)
    units = [unit for unit in seen.units if in_scope(order, unit)]
    done = state.phase is Phase.DONE
    if all(unit.name in state.enforced for unit in units) and (units or done):
        return Plan(state=state if done else moved(state, Phase.DONE, now, done=state.done or now))
    shown = gates.before(order, seen, now)
    if done or state.done is not None:
        # What joins comes to policies that are in force everywhere else: they were proven.
        shown = tuple(gate for gate in shown if gate.hard)
    overridden = {one.gate for one in state.overrides}
    closed = [gate for gate in shown if not gate.open and (gate.hard or gate.name not in overridden)]
    if closed:
        first = closed[0]
        until = max((gate.opens for gate in closed if gate.opens is not None), default=None)
        return Plan(state=state, gates=shown, waits=f"gate {first.name}: {first.why or first.value}", until=until)
    return _begin(state, units, shown, now)


def _begin(state: State, units: list[Unit], shown: tuple[Gate, ...], now: datetime) -> Plan:
    order = state.order
    not_ready = sum(bool(unit.trouble) for unit in units)
    chosen = next_step(order, units, state.enforced, room(order, len(units), not_ready, now))
    if chosen:
        step = Step(units=chosen, begun=now)
        begun = moved(state, Phase.ENFORCING, now, steps=(*state.steps, step), overrides=())
        return Plan(state=begun, gates=shown)
    waits, until = _held(order, units, state, now)
    return Plan(state=state, gates=shown, waits=waits, until=until)


def _held(order: Order, units: list[Unit], state: State, now: datetime) -> tuple[str, datetime | None]:
    """Why no unit can go though every gate is open."""
    budget, until = frozen_by(order, now)
    if budget:
        return f"a freeze window: {budget}", until
    left = [unit for unit in units if unit.name not in state.enforced]
    troubled = [f"{unit.name}: {unit.trouble}" for unit in left if unit.trouble]
    if troubled:
        return f"units that cannot be switched: {'; '.join(troubled[:3])}", None
    if not units:
        return "units: none is in the rollout's scope", None
    return "the budget: " + "; ".join(map(str, order.limits.budgets)), None


def _soak(state: State, step: Step, seen: Seen, now: datetime) -> Plan:
    """The step is watched from when all its units obey."""
    shown = gates.after(state.order, seen)
    slow = [unit.told for unit in seen.units if unit.name in step.units and not unit.obeys]
    if step.obeyed is None:
        if slow:
            return Plan(state=state, gates=shown, waits=f"{', '.join(slow)} to enforce")
        return Plan(state=_last(state, msgspec.structs.replace(step, obeyed=now)), gates=shown)
    end = step.obeyed + state.order.soak
    blind = next((gate for gate in shown if gate.hard and not gate.open), None)
    if blind is not None:
        return Plan(state=state, gates=shown, waits=f"gate {blind.name}: {blind.why}")
    if now < end:
        return Plan(state=state, gates=shown, waits=f"the soak of {span(state.order.soak)}", until=end)
    return Plan(state=_last(state, msgspec.structs.replace(step, soaked=now)), gates=shown)


def _last(state: State, step: Step) -> State:
    return msgspec.structs.replace(state, revision=state.revision + 1, steps=(*state.steps[:-1], step))
