"""The matrix of zones over HTTP, and the same of another time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fairway.cloud.prices import Price, Prices
from support.askers import answer, refusal
from support.flows import START_US, random_flows
from support.hubs import Serving, serving

FLOWS = random_flows(11, 600)
BEGIN = datetime.fromtimestamp(START_US / 1e6, UTC)


def hours_from(begin: datetime) -> dict[str, str]:
    return {"since": begin.isoformat(), "until": (begin + timedelta(hours=3)).isoformat()}


ALL, LATER = hours_from(BEGIN), hours_from(BEGIN + timedelta(days=2))
PRICE = 0.5
Row = dict[str, Any]


def moved(rows: list[Row]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for row in rows:
        pair = row["client_zone"], row["server_zone"]
        sums[pair] = sums.get(pair, 0) + row["sent_bytes"] + row["received_bytes"]
    return sums


ROWS = [row for row in FLOWS.to_pylist() if row["kind"] == "flow"]
THEN = [row for row in ROWS if row["client_zone"] == row["server_zone"]]
"""Two days later nothing crosses zones."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    prices = Prices(prices=(Price(out=PRICE, into=PRICE),), bytes_per_gb=1000, defaults=False)
    with serving(tmp_path_factory.mktemp("hub"), prices=prices) as running:
        base = running.answers.hub.base
        base.append(FLOWS, np.ones(len(FLOWS), bool), "all")
        later = FLOWS.filter(pa.array([row["client_zone"] == row["server_zone"] for row in FLOWS.to_pylist()]))
        for name in ("time_start", "time_end", "first_seen", "last_seen"):
            column = pc.add(later[name], pa.scalar(timedelta(days=2)))
            later = later.set_column(later.schema.get_field_index(name), later.schema.field(name), column)
        base.append(later, np.ones(len(later), bool), "later")
        yield running


def test_the_matrix_and_what_it_costs(hub: Serving) -> None:
    told = answer(hub, "/api/v1/zones", None, **ALL)
    cells = {(one["client_zone"], one["server_zone"]): one for one in told["now"]["zones"]}
    wanted = moved(ROWS)
    assert {pair: one["sent_bytes"] + one["received_bytes"] for pair, one in cells.items()} == wanted
    for (client, server), one in cells.items():
        # Both ends pay for each byte; without a zone nobody knows.
        expected = wanted[client, server] / 1000 * 2 * PRICE if client and server else None
        assert one["cost"] == pytest.approx(expected)
    zoned = {pair: size for pair, size in wanted.items() if all(pair)}
    crossing = sum(size for (client, server), size in zoned.items() if client != server)
    assert told["now"]["crossing_share"] == pytest.approx(crossing / sum(zoned.values()))
    assert 0 < crossing < sum(zoned.values())
    assert (told["currency"], told["before"], told["changes"]) == ("USD", None, [])
    assert [(one["out"], one["in"]) for one in told["prices"]] == [(PRICE, PRICE)]
    assert told["bytes_per_gb"] == 1000


def test_what_routing_by_zone_changed(hub: Serving) -> None:
    told = answer(hub, "/api/v1/zones", None, **LATER, before=BEGIN.isoformat())
    assert told["before"]["zones"] == answer(hub, "/api/v1/zones", None, **ALL)["now"]["zones"]
    assert told["now"]["crossing_share"] == 0.0
    assert told["before"]["until"] == ALL["until"].replace("+00:00", "Z")
    now, before = moved(THEN), moved(ROWS)
    for one in told["changes"]:
        pair = one["client_zone"], one["server_zone"]
        assert (one["bytes"], one["bytes_before"]) == (now.get(pair, 0), before.pop(pair))
    assert not before


def test_a_time_half_as_long_counts_twice(hub: Serving) -> None:
    half = (BEGIN + timedelta(hours=1.5)).isoformat()
    told = answer(hub, "/api/v1/zones", None, **LATER, before=BEGIN.isoformat(), before_until=half)
    before = {(one["client_zone"], one["server_zone"]): one for one in told["before"]["zones"]}
    for one in told["changes"]:
        earlier = before.get((one["client_zone"], one["server_zone"]))
        size = earlier["sent_bytes"] + earlier["received_bytes"] if earlier else 0
        assert one["bytes_before"] == 2 * size


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"before": "yesterday"}, "`before=yesterday`: write 90s"),
        ({"before_until": "2h"}, "say `before` too"),
        ({"before": "1h", "before_until": "2h"}, "is not after `before`"),
    ],
)
def test_times_that_are_none(hub: Serving, given: dict[str, str], said: str) -> None:
    status, reason = refusal(hub, "/api/v1/zones", None, **given)
    assert status == 400
    assert said in reason


def test_what_stays_in_its_zone_by_workload(hub: Serving) -> None:
    told = answer(hub, "/api/v1/localities", None, **LATER, before=BEGIN.isoformat())
    wanted: dict[str, list[int]] = {}
    for when, rows in enumerate((ROWS, THEN)):
        for row in rows:
            if row["server_kind"] == "pod" and row["client_zone"] and row["server_zone"]:
                sizes = wanted.setdefault(f"{row['server_namespace']}/{row['server_workload']}", [0] * 4)
                size = row["sent_bytes"] + row["received_bytes"]
                sizes[2 * when] += size
                sizes[2 * when + 1] += size * (row["client_zone"] == row["server_zone"])
    found = {one["workload"]: one for one in told["workloads"]}
    assert {name: one["bytes"] for name, one in found.items()} == {n: s[2] for n, s in wanted.items() if s[2]}
    for name, one in found.items():
        whole, stayed, _, _ = wanted[name]
        assert (one["stays"], one["stays_before"]) == pytest.approx((1.0, stayed / whole))
        assert (one["cost"], one["avoidable"]) == (0, 0)
    assert len(found) > 2
