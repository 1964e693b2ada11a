"""Steps: which units go next. Pure, and the same for the same input."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from math import floor

from fairway.rollout.order import Order, scope_of
from fairway.rollout.seen import Unit


def next_step(order: Order, units: Iterable[Unit], done: Collection[str], room: int) -> tuple[str, ...]:
    """The units of the next step, at most `room`; empty where none can go now.

    First the canaries, alone. Then by zone, the zone that is furthest first, and by name. A unit with trouble is
    passed over. No workload gets more than its share of replicas changed at once, but one may always go.
    """
    all_units = [unit for unit in units if in_scope(order, unit)]
    left = [unit for unit in all_units if unit.name not in done]
    canaries = [unit for unit in left if unit.name in order.limits.canary]
    able = [unit for unit in canaries or left if not unit.trouble]
    if order.limits.zone_by_zone and not canaries:
        able = _of_one_zone(all_units, able, done)
    return _within_share(order, all_units, sorted(able, key=lambda unit: (unit.zone, unit.name)), room)


def in_scope(order: Order, unit: Unit) -> bool:
    """Is it one of the units that the order speaks of?"""
    scope = scope_of(order)
    return scope is None or unit.name in scope


def _of_one_zone(units: Iterable[Unit], able: list[Unit], done: Collection[str]) -> list[Unit]:
    """Those of the zone that has begun and is not finished; where its rest has trouble it holds others up."""
    begun = {unit.zone for unit in units if unit.name in done}
    unfinished = {unit.zone for unit in units if unit.name not in done}
    current = sorted(begun & unfinished) or sorted({unit.zone for unit in able})
    return [unit for unit in able if current and unit.zone == current[0]]


def _within_share(order: Order, units: Iterable[Unit], ranked: list[Unit], room: int) -> tuple[str, ...]:
    whole = Counter[str]()
    for unit in units:
        whole.update(unit.replicas)
    most = {workload: max(1, floor(order.limits.replicas * count)) for workload, count in whole.items()}
    chosen: list[str] = []
    moved = Counter[str]()
    for unit in ranked:
        if len(chosen) >= room:
            break
        # A unit alone may go beyond the share: it cannot be cut in half.
        if not chosen or _fits(unit.replicas, moved, most):
            chosen.append(unit.name)
            moved.update(unit.replicas)
    return tuple(chosen)


def _fits(replicas: Mapping[str, int], moved: Mapping[str, int], most: Mapping[str, int]) -> bool:
    return all(moved.get(workload, 0) + count <= most[workload] for workload, count in replicas.items())
