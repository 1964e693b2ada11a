"""Budgets: how many nodes may be changed at once, and when, in Karpenter's words and with its arithmetic.

Source: Karpenter's disruption controls (NodePool `spec.disruption.budgets`, v1): a share is rounded up, nodes that
are already disrupted or not ready are taken off, and of all active budgets the smallest holds. A budget with a
`schedule` (cron, UTC) is active for its `duration` from each time that the schedule hits.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Annotated, Final, Literal

import msgspec
from cronsim import CronSim, CronSimError

MOST_BUDGETS: Final = 50
"""As Karpenter has it."""
Reason = Literal["Underutilized", "Empty", "Drifted"]
OUR_REASON: Final[Reason] = "Drifted"
"""What Karpenter calls a node that is not what was asked for; a change of policy is that."""

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_DURATION: Final = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:0s)?")
"""As Karpenter takes it: hours and minutes."""


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`nodes` is a number or a share of all. `schedule` and `duration` come together: without, it is always active.
    Without `reasons` it is for all of them. ValueError if it makes no sense."""

    nodes: Annotated[str, msgspec.Meta(pattern=r"^((100|[0-9]{1,2})%|[0-9]{1,9})$")] = "10%"
    schedule: str | None = None
    duration: str | None = None
    reasons: tuple[Reason, ...] | None = None

    def __post_init__(self) -> None:
        if (self.schedule is None) != (self.duration is None):
            raise ValueError("`schedule` and `duration` come together")
        if self.schedule is not None:
            try:
                next(CronSim(_expression(self.schedule), datetime(2026, 1, 1, tzinfo=UTC)), None)
            except CronSimError as error:
                raise ValueError(f"schedule `{self.schedule}`: {str(error).lower()}; write cron, in UTC") from None
            if not self.length:
                raise ValueError(f"duration `{self.duration}` is none; write hours and minutes, such as `8h30m`")

    @property
    def length(self) -> timedelta:
        """How long it is active from each hit of its schedule."""
        found = _DURATION.fullmatch(self.duration or "")
        hours, minutes = found.groups(default="0") if found else ("0", "0")
        return timedelta(hours=int(hours), minutes=int(minutes))

    def until(self, now: datetime) -> datetime | None:
        """When it ends if it is active now, unless its schedule hits again before."""
        if self.schedule is None:
            return None
        # Hits are whole minutes; backwards, those before the time that is given.
        minute = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        hit = next(CronSim(_expression(self.schedule), minute, reverse=True), None)
        return hit + self.length if hit is not None and now < hit + self.length else None

    def of(self, total: int) -> int:
        """How many of so many nodes; a share is rounded up."""
        if self.nodes.endswith("%"):
            return ceil(int(self.nodes[:-1]) * total / 100)
        return int(self.nodes)

    def __str__(self) -> str:
        when = f" {self.schedule} for {self.duration} (UTC)" if self.schedule else ""
        return f'nodes: "{self.nodes}"{when}'


DEFAULT: Final = (Budget(),)
"""What holds where nothing is said, as in Karpenter."""


def active(budget: Budget, now: datetime) -> bool:
    """Does it hold for us at this time?"""
    if budget.reasons is not None and OUR_REASON not in budget.reasons:
        return False
    return budget.schedule is None or budget.until(now) is not None


def allowed(budgets: Iterable[Budget], total: int, not_ready: int, now: datetime) -> int:
    """How many of `total` nodes may be in flight at this time, those that are not ready counted as if they were.

    Where no budget is active nothing limits it but the total.
    """
    least = min((budget.of(total) for budget in budgets if active(budget, now)), default=total)
    return max(0, min(least, total) - not_ready)


def _expression(schedule: str) -> str:
    return _MACROS.get(schedule, schedule)
