"""Whose clock is off, and by how much."""

from fairway.hub.clocks import Clocks

NOW = 1_790_000_000_000_000
HOUR = 3_600_000_000


def test_right_clocks_are_not_told() -> None:
    clocks = Clocks()
    clocks.observe("a", NOW - 200_000, NOW)
    clocks.observe("b", NOW + 5_000_000, NOW)
    assert clocks.warnings() == []


def test_an_hour_ahead_and_an_hour_behind() -> None:
    clocks = Clocks()
    clocks.observe("fast", NOW + HOUR, NOW)
    clocks.observe("slow", NOW - HOUR, NOW)
    fast, slow = clocks.warnings()
    assert fast == "fast: its clock is 3600 s ahead of the hub's; set it right"
    assert slow.startswith("slow: its last report came 3600 s late")
    assert clocks.here("slow", NOW - HOUR) == clocks.here("fast", NOW + HOUR) == NOW
    assert clocks.not_ahead("fast", NOW + HOUR) == NOW
    assert clocks.not_ahead("slow", NOW - HOUR) == NOW - HOUR
    assert clocks.lags() == {"fast": -3600, "slow": 3600}


def test_a_clock_set_right_is_fine_again() -> None:
    clocks = Clocks()
    clocks.observe("a", NOW + HOUR, NOW)
    clocks.observe("a", NOW, NOW)
    assert clocks.warnings() == []
    assert clocks.here("unknown", NOW) == NOW
