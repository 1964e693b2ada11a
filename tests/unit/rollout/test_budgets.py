from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from fairway.rollout.budgets import Budget, active, allowed

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OFFICE = Budget(nodes="0", schedule="0 9 * * mon-fri", duration="8h")


@pytest.mark.parametrize(
    ("nodes", "total", "not_ready", "so_many"),
    [
        ("10%", 100, 0, 10),
        ("10%", 19, 0, 2),  # Karpenter's own example: 19 nodes at 20% of them are 4, and 10% are 2: rounded up
        ("20%", 19, 2, 2),
        ("34%", 3, 0, 2),
        ("5", 100, 1, 4),
        ("5", 3, 0, 3),
        ("5", 3, 7, 0),
        ("0", 100, 0, 0),
        ("0%", 100, 0, 0),
        ("100%", 7, 0, 7),
        ("1%", 1, 0, 1),
        ("10%", 0, 0, 0),
    ],
)
def test_arithmetic(nodes: str, total: int, not_ready: int, so_many: int) -> None:
    assert allowed([Budget(nodes=nodes)], total, not_ready, MONDAY_NOON) == so_many


def test_the_smallest_of_all_active_budgets_holds() -> None:
    evening = MONDAY_NOON + timedelta(hours=6)
    budgets = [Budget(nodes="50%"), Budget(nodes="3"), OFFICE]
    assert allowed(budgets, 10, 0, MONDAY_NOON) == 0
    assert allowed(budgets, 10, 0, evening) == 3
    assert allowed([OFFICE], 10, 0, evening) == 10  # none is active


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T16:59:59", True),
        ("2026-11-23T17:00:00", False),
        ("2026-11-22T12:00:00", False),  # a Sunday
    ],
)
def test_a_window_is_in_utc_and_half_open(at: str, holds: bool) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert active(OFFICE, moment) is holds
    assert OFFICE.until(moment) == (datetime(2026, 11, 23, 17, tzinfo=UTC) if holds else None)


def test_a_window_longer_than_its_period_never_closes() -> None:
    always = Budget(nodes="1", schedule="@hourly", duration="2h")
    assert all(active(always, MONDAY_NOON + timedelta(minutes=7 * n)) for n in range(40))


def test_reasons_that_are_not_ours_do_not_hold_us() -> None:
    assert allowed([Budget(nodes="0", reasons=("Empty",))], 10, 0, MONDAY_NOON) == 10
    assert allowed([Budget(nodes="0", reasons=("Empty", "Drifted"))], 10, 0, MONDAY_NOON) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"nodes": "101%"}, "nodes"),
        ({"nodes": "-1"}, "nodes"),
        ({"nodes": "1", "schedule": "@daily"}, "come together"),
        ({"nodes": "1", "duration": "1h"}, "come together"),
        ({"nodes": "1", "schedule": "61 * * * *", "duration": "1h"}, "`61 \\* \\* \\* \\*`: bad minute"),
        ({"nodes": "1", "schedule": "@daily", "duration": "90s"}, "duration `90s`"),
        ({"nodes": "1", "schedule": "@daily", "duration": "0h"}, "duration `0h`"),
        ({"nodes": "1", "reasons": ["Bored"]}, "Bored"),
        ({"node": "1"}, "unknown field"),
    ],
)
def test_what_makes_no_sense(given: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(given, Budget)
