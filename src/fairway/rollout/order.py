"""The order: what a person asks a rollout to do, within which limits."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from fairway.kit.errors import UsageError
from fairway.rollout.budgets import DEFAULT, MOST_BUDGETS, Budget, active, allowed
from fairway.wire.words import Posture

NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
"""Names of rollouts are DNS labels, as those of most Kubernetes objects."""
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Back = Literal["step", "all"]


class Gates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Limits of the gates.

    Before a step: every workload's coverage `score` (0-100) is reached, and nothing on a known edge would have been
    denied for `quiet`, or for `periods` times the longest time that was seen between two uses of an edge, whichever
    is longer. After a step: a signal may alarm in error with the probability `alarm` each time it is looked at.
    """

    score: Annotated[int, msgspec.Meta(ge=0, le=100)] = 90
    quiet: timedelta = timedelta(hours=24)
    periods: Annotated[float, msgspec.Meta(ge=0)] = 2
    alarm: Annotated[float, msgspec.Meta(gt=0, lt=0.1)] = 1e-6
    connect_time: Annotated[float, msgspec.Meta(gt=1)] = 3
    """The 99th percentile of the time to connect may become so many times what it was."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How much at once. `replicas` is the largest share of a workload's replicas on the units of one step (one
    replica may always go); with `zone_by_zone` a step stays in one zone, and zones are finished one after another;
    `canary` units make the first step, alone."""

    budgets: Annotated[tuple[Budget, ...], msgspec.Meta(max_length=MOST_BUDGETS)] = DEFAULT
    replicas: Share = 1.0
    zone_by_zone: bool = False
    canary: tuple[str, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A rollout as asked for.

    `policies` is YAML, `posture` is for pods that none selects. `decisions` are YAML, too: edges that people
    decided to deny are not known ones. `namespaces` and `nodes` are its scope; None is all of them. Each step is
    watched for `soak` before the next; `back` says whether a broken gate takes back the last step or all.

    `driver` says how: by the kernel's modes on each node, by NetworkPolicies in each namespace, or by NodeClasses
    of EKS Auto Mode, which `nodes` are then. Where nobody tells by when policies are obeyed they get `settle`.
    """

    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    policies: str
    posture: Posture = Posture.ALLOW
    decisions: str = ""
    namespaces: tuple[str, ...] | None = None
    nodes: tuple[str, ...] | None = None
    driver: Literal["modes", "objects", "nodeclass"] = "modes"
    limits: Limits = Limits()
    gates: Gates = Gates()
    soak: timedelta = timedelta(minutes=10)
    settle: timedelta = timedelta(seconds=10)
    back: Back = "step"


def scope_of(order: Order) -> tuple[str, ...] | None:
    """The units it is for, by name: namespaces where policies are objects, else nodes, or what makes nodes. None:
    all that there are."""
    return order.namespaces if order.driver == "objects" else order.nodes


def room(order: Order, total: int, not_ready: int, now: datetime) -> int:
    """How many of `total` units may be in flight now."""
    return allowed(order.limits.budgets, total, not_ready, now)


def frozen_by(order: Order, now: datetime) -> tuple[str, datetime | None]:
    """The budget that allows nothing now, in words, and when its window ends; empty if none does."""
    for budget in order.limits.budgets:
        if budget.nodes in ("0", "0%") and active(budget, now):
            return str(budget), budget.until(now)
    return "", None


def check(order: Order) -> None:
    """UsageError for an order that cannot be carried out."""
    if order.soak <= timedelta():
        raise UsageError(f"rollout `{order.name}`: soak `{order.soak}` must be longer than nothing")
    if order.gates.quiet < timedelta():
        raise UsageError(f"rollout `{order.name}`: gates.quiet must not be below nothing")
    scope, what = scope_of(order), "namespaces" if order.driver == "objects" else "nodes"
    if scope is not None and (strange := sorted(set(order.limits.canary) - set(scope))):
        raise UsageError(f"rollout `{order.name}`: canary `{strange[0]}` is not among its {what}")
