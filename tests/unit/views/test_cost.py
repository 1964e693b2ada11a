"""What moved between zones in bytes and money, now and before."""

import pytest

from fairway.cloud.prices import Price, Prices
from fairway.views.cost import Bill, Change, Crossing, bill, changes, crossings

GB = 1 << 30
PRICES = Prices(
    prices=(Price(zones=("1a", "1b"), out=0.01, into=0.01), Price(zones=("1a", "2a"), out=0.09)), defaults=True
)


def crossing(client: str, server: str, sent: int, received: int, cost: float | None) -> Crossing:
    return Crossing(client_zone=client, server_zone=server, sent_bytes=sent, received_bytes=received, cost=cost)


def row(client: str, server: str, sent: int, received: int) -> dict[str, object]:
    return {"client_zone": client, "server_zone": server, "sent_bytes": sent, "received_bytes": received}


@pytest.mark.parametrize(
    ("rows", "found", "total", "share"),
    [
        ([], [], Bill(), None),
        (
            [row("1a", "1b", 3 * GB, GB), row("1a", "1b", GB, 0)],
            [crossing("1a", "1b", 4 * GB, GB, 0.1)],
            Bill(bytes=5 * GB, zoned_bytes=5 * GB, crossing_bytes=5 * GB, cost=0.1),
            1.0,
        ),
        (
            [row("1a", "1a", 3 * GB, 0), row("1a", "2a", GB, 0)],
            [crossing("1a", "1a", 3 * GB, 0, 0.0), crossing("1a", "2a", GB, 0, 0.09)],
            Bill(bytes=4 * GB, zoned_bytes=4 * GB, crossing_bytes=GB, cost=0.09),
            0.25,
        ),
        # Nobody knows a price between zones whose names say nothing, nor to the outside.
        (
            [row("1a", "9z", 5, 0), row("", "1a", 6, 0), row("1a", "", 0, 7)],
            [crossing("", "1a", 6, 0, None), crossing("1a", "", 0, 7, None), crossing("1a", "9z", 5, 0, None)],
            Bill(bytes=18, zoned_bytes=5, crossing_bytes=5, unpriced_bytes=18),
            1.0,
        ),
    ],
)
def test_bills(rows: list[dict[str, object]], found: list[Crossing], total: Bill, share: float | None) -> None:
    moved = crossings(rows, PRICES)
    assert [(one.client_zone, one.server_zone, one.size) for one in moved] == [
        (one.client_zone, one.server_zone, one.size) for one in found
    ]
    assert [one.cost for one in moved] == pytest.approx([one.cost for one in found])
    told = bill(moved)
    assert (told.bytes, told.zoned_bytes, told.crossing_bytes, told.unpriced_bytes) == (
        *(total.bytes, total.zoned_bytes, total.crossing_bytes, total.unpriced_bytes),
    )
    assert told.cost == pytest.approx(total.cost)
    assert told.share == share


def test_a_time_before_counts_as_if_it_had_been_as_long() -> None:
    before = [crossing("1a", "1b", 60, 40, 2.0), crossing("1a", "1a", 10, 0, 0.0), crossing("", "1a", 1, 0, None)]
    now = [crossing("1a", "1b", 10, 10, 0.4), crossing("1a", "1a", 190, 0, 0.0), crossing("", "1a", 3, 0, None)]

    def change(client: str, server: str, *told: float | None) -> Change:
        names = ("bytes", "bytes_before", "cost", "cost_before")
        return Change(client_zone=client, server_zone=server, **dict(zip(names, told, strict=True)))  # type: ignore[arg-type]

    assert changes(now, before, 2.0) == [
        change("1a", "1b", 20, 200, 0.4, 4.0),
        change("1a", "1a", 190, 20, 0.0, 0.0),
        change("", "1a", 3, 2, None, None),
    ]
    assert changes([], before[:1], 0.5) == [change("1a", "1b", 0, 50, 0.0, 1.0)]
    assert changes(now[:1], [], 1.0) == [change("1a", "1b", 20, 0, 0.4, 0.0)]
