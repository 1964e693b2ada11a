"""Preview: what a rollout would do, step by step, if every gate opened and nothing broke. Pure."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from fairway.rollout.order import Order, frozen_by, room
from fairway.rollout.seen import Unit
from fairway.rollout.steps import in_scope, next_step


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """The steps in order; `never` are units that cannot be switched as they are now, and why. `frozen` is the
    budget that allows nothing now, in words, and `until` when its window ends."""

    steps: tuple[tuple[str, ...], ...]
    never: dict[str, str]
    frozen: str = ""
    until: datetime | None = None


def preview(order: Order, units: tuple[Unit, ...], now: datetime, enforced: Collection[str] = ()) -> Foreseen:
    """The steps beyond those `enforced`, as of the budgets active now; none where these freeze it."""
    frozen, until = frozen_by(order, now)
    scope = [unit for unit in units if in_scope(order, unit)]
    most = room(order, len(scope), sum(bool(unit.trouble) for unit in scope), now)
    steps: list[tuple[str, ...]] = []
    done = set(enforced)
    while step := next_step(order, units, done, most):
        steps.append(step)
        done.update(step)
    never = {unit.name: unit.trouble for unit in scope if unit.name not in done and unit.trouble}
    return Foreseen(steps=tuple(steps), never=never, frozen=frozen, until=until)
