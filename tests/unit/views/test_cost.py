"""Dollars of bytes between zones."""

import pytest

from fairway.views.cost import GB, Bill, Crossing, bill, both_ways

PRICES = {("1a", "1b"): 0.02, ("1b", "1a"): 0.02, ("1a", "2a"): 0.09}


@pytest.mark.parametrize(
    ("crossings", "told"),
    [
        ([], Bill()),
        ([Crossing("1a", "1b", 10 * GB)], Bill(0.2, 10 * GB, 0)),
        ([Crossing("1a", "1a", GB)], Bill(0, 0, 0)),
        ([Crossing("1a", "2a", GB), Crossing("2a", "1a", GB)], Bill(0.09, GB, GB)),
        ([Crossing("", "1a", 5), Crossing("1a", "", 6), Crossing("", "", 7)], Bill(0, 0, 18)),
        (both_ways("1a", "1b", GB, 3 * GB), Bill(0.08, 4 * GB, 0)),
    ],
)
def test_bills(crossings: list[Crossing], told: Bill) -> None:
    found = bill(crossings, PRICES)
    assert found == pytest.approx(told)


def test_a_table_may_price_a_zone_itself_and_count_in_tens() -> None:
    assert bill([Crossing("1a", "1a", 10**9)], {("1a", "1a"): 0.5}, gb=10**9) == Bill(0.5, 0, 0)
