"""The state of a rollout: all that must survive a crash, and what people may do to it. Pure."""

from datetime import datetime
from enum import StrEnum

import msgspec

from fairway.kit.errors import UsageError
from fairway.rollout.gates import Gate
from fairway.rollout.order import Back, Order
from fairway.rollout.seen import Broken


class Phase(StrEnum):
    """Where a rollout is. From any of the first five a person may pause it."""

    DRAFTED = "drafted"
    OBSERVING = "observing"
    STAGED = "staged"
    ENFORCING = "enforcing"
    DONE = "done"
    PAUSED = "paused"
    STEPPING_BACK = "stepping-back"
    STEPPED_BACK = "stepped-back"
    ABORTED = "aborted"
    FAILED = "failed"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Units that were switched together, when, when all of them obeyed, and when they had soaked."""

    units: tuple[str, ...]
    begun: datetime
    obeyed: datetime | None = None
    soaked: datetime | None = None


class Breakage(msgspec.Struct, frozen=True, kw_only=True):
    """What made it step back: the gates that broke, and what was denied to whom. `units` were taken back, which
    was done `at_once` seconds after; None as long as they do not obey."""

    at: datetime
    gates: tuple[Gate, ...]
    denied: tuple[Broken, ...]
    units: tuple[str, ...]
    seconds: float | None = None


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A person let a gate pass, for the next step alone."""

    gate: str
    who: str
    why: str
    at: datetime


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`since` is when the phase began, `staged` when the policies went on trial, `paused` the phase to return to.
    `steps` that were taken back are not among these any more; `breakage` is the last. `revision` counts the states,
    so that none is lost or mixed up."""

    order: Order
    phase: Phase = Phase.DRAFTED
    since: datetime
    revision: int = 0
    staged: datetime | None = None
    paused: Phase | None = None
    steps: tuple[Step, ...] = ()
    breakage: Breakage | None = None
    overrides: tuple[Override, ...] = ()
    failure: str = ""
    done: datetime | None = None
    """When all units enforced for the first time: those that join later need no proof anew, only room."""

    @property
    def enforced(self) -> tuple[str, ...]:
        """The units that are to enforce, those in flight included."""
        return tuple(unit for step in self.steps for unit in step.units)

    @property
    def in_flight(self) -> Step | None:
        """The step that has not soaked yet."""
        last = self.steps[-1] if self.steps else None
        return last if last is not None and last.soaked is None else None

    @property
    def on_trial(self) -> bool:
        """Are the policies to be judged on live traffic everywhere?"""
        return self.phase not in (Phase.DRAFTED, Phase.OBSERVING, Phase.ABORTED) and not (
            self.phase is Phase.PAUSED and self.paused in (Phase.DRAFTED, Phase.OBSERVING)
        )


_ENDED = (Phase.DONE, Phase.ABORTED, Phase.FAILED)


def start(state: State, now: datetime) -> State:
    """Begin, or begin again after stepping back. UsageError where there is nothing to start."""
    if state.phase not in (Phase.DRAFTED, Phase.STEPPED_BACK, Phase.ABORTED, Phase.FAILED):
        raise UsageError(
            f"rollout `{state.order.name}` is {state.phase} already; `fairway rollout status` shows it"
        )
    return moved(state, Phase.OBSERVING, now, staged=None, failure="", done=None)


def pause(state: State, now: datetime) -> State:
    """Take no further step; gates of a step in flight go on being watched. UsageError where nothing goes on."""
    if state.phase is Phase.PAUSED or state.phase in (*_ENDED, Phase.STEPPING_BACK, Phase.STEPPED_BACK):
        raise UsageError(f"rollout `{state.order.name}` is {state.phase}: there is nothing to pause")
    return moved(state, Phase.PAUSED, now, paused=state.phase)


def resume(state: State, now: datetime) -> State:
    """Go on after a pause. UsageError where there was none."""
    if state.phase is not Phase.PAUSED or state.paused is None:
        raise UsageError(f"rollout `{state.order.name}` is {state.phase}, not paused; `start` begins again")
    return moved(state, state.paused, now, paused=None)


def back(state: State, how: Back, now: datetime, breakage: Breakage | None = None) -> State:
    """Take back the last step, or all: its units stop dropping at once and go on judging. UsageError where nothing
    enforces."""
    if not state.steps:
        raise UsageError(f"rollout `{state.order.name}` enforces nowhere: there is nothing to take back")
    kept = state.steps[:-1] if how == "step" else ()
    taken = tuple(unit for step in state.steps[len(kept) :] for unit in step.units)
    breakage = breakage or Breakage(at=now, gates=(), denied=(), units=())
    return moved(
        state, Phase.STEPPING_BACK, now, steps=kept, paused=None, done=None,
        breakage=msgspec.structs.replace(breakage, units=taken),
    )  # fmt: skip


def abort(state: State, now: datetime) -> State:
    """Take everything back and end; the policies are not even on trial any more."""
    return moved(state, Phase.ABORTED, now, steps=(), paused=None, done=None)


def override(state: State, gate: str, who: str, why: str, now: datetime) -> State:
    """Let a gate before the next step pass. UsageError without a reason."""
    if not why.strip():
        raise UsageError(f"gate `{gate}` is overridden only with a reason; say why")
    given = Override(gate=gate, who=who, why=why, at=now)
    return _next(state, overrides=(*(one for one in state.overrides if one.gate != gate), given))


def moved(state: State, phase: Phase, now: datetime, **more: object) -> State:
    """The state in another phase."""
    return _next(state, phase=phase, since=now, **more)


def _next(state: State, **more: object) -> State:
    return msgspec.structs.replace(state, revision=state.revision + 1, **more)
