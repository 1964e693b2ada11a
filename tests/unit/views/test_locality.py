"""What stays in its zone, what could, and what that costs, as a table."""

from typing import Any

import pytest

from fairway.cloud.prices import Price, Prices
from fairway.views.locality import compared, localities

PRICES = Prices(prices=(Price(out=0.5, into=0.5),), bytes_per_gb=1000, defaults=False)


def row(client: str, server: str, size: int, group: str = "Deployment/db") -> dict[str, Any]:
    return {
        "server_namespace": "shop",
        "server_group": group,
        "client_zone": client,
        "server_zone": server,
        "sent_bytes": size // 4,
        "received_bytes": size - size // 4,
    }


@pytest.mark.parametrize(
    ("rows", "replicas", "told"),
    [
        ([row("a", "a", 1000)], {"a": 1}, (1.0, 1.0, 0.0, 0.0, [])),
        ([row("a", "b", 1000)], {"b": 1}, (0.0, 0.0, 1.0, 0.0, ["a"])),
        ([row("a", "b", 1000), row("b", "b", 3000)], {"a": 1, "b": 1}, (0.75, 1.0, 1.0, 1.0, [])),
        ([row("a", "b", 1000), row("c", "b", 1000)], {"a": 2, "b": 1}, (0.0, 0.5, 2.0, 1.0, ["c"])),
        ([row("a", "", 500), row("a", "a", 500)], {}, (1.0, 0.0, 0.0, 0.0, ["a"])),
    ],
)
def test_shares_and_costs(rows: list[dict[str, Any]], replicas: dict[str, int], told: tuple[Any, ...]) -> None:
    [one] = localities(rows, {"shop/Deployment/db": replicas}, PRICES)
    assert one.workload == "shop/Deployment/db"
    assert [one.stays, one.could, one.cost, one.avoidable] == pytest.approx(list(told[:4]))
    assert one.zones == told[4]


def test_what_could_be_saved_comes_first_and_another_time_beside_it() -> None:
    replicas = {"shop/Deployment/db": {"b": 1}, "shop/Deployment/ui": {"a": 1, "b": 1}}
    now = localities([row("a", "b", 9000), row("a", "b", 10, "Deployment/ui")], replicas, PRICES)
    assert [one.workload.rpartition("/")[2] for one in now] == ["ui", "db"]
    before = localities([row("a", "a", 5, "Deployment/ui"), row("a", "b", 5, "Deployment/ui")], replicas, PRICES)
    assert [one.stays_before for one in compared(now, before)] == [0.5, None]
