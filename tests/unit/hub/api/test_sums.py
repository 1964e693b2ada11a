"""Sums over HTTP, against sums by hand."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from fairway.hub.serve import Listening
from support.askers import answer, refusal, tokens
from support.flows import START_US, random_flows
from support.hubs import Serving, serving

FLOWS = random_flows(11, 600)
ROWS = [row for row in FLOWS.to_pylist() if row["kind"] == "flow"]
BEGIN = datetime.fromtimestamp(START_US / 1e6, UTC)
ALL = {"since": BEGIN.isoformat(), "until": (BEGIN + timedelta(hours=3)).isoformat()}
Row = dict[str, Any]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        running.answers.hub.base.append(FLOWS, np.ones(len(FLOWS), bool), "all")
        yield running


def touches(row: Row, token: str | None) -> bool:
    return token is None or token.removeprefix("of ") in (row["client_namespace"], row["server_namespace"])


def summed(rows: list[Row], keys: tuple[str, ...], metric: str) -> dict[tuple[Any, ...], int]:
    sums: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        sums[tuple(row[key] for key in keys)] += row[metric]
    return dict(sums)


def told(groups: list[Row], metric: str) -> dict[tuple[Any, ...], int]:
    return {tuple(group["key"].values()): group["sums"][metric] for group in groups}


@pytest.mark.parametrize("token", [None, "of shop", "of nobody"])
def test_zones(hub: Serving, token: str | None) -> None:
    keys = ("client_zone", "server_zone", "category")
    wanted = summed([row for row in ROWS if touches(row, token)], keys, "received_packets")
    assert told(answer(hub, "/api/v1/zones", token, **ALL)["groups"], "received_packets") == wanted


@pytest.mark.parametrize("token", [None, "of data", "of nobody"])
@pytest.mark.parametrize(
    ("by", "keys", "metric"),
    [
        ("port", ("protocol", "port"), "connections"),
        ("namespace", ("client_namespace", "server_namespace"), "retransmissions"),
        ("node", ("client_node", "server_node"), "denied"),
        ("service", ("service",), "connections"),
    ],
)
def test_top(hub: Serving, token: str | None, by: str, keys: tuple[str, ...], metric: str) -> None:
    sums = summed([row for row in ROWS if touches(row, token)], keys, metric)
    groups = answer(hub, "/api/v1/top", token, by=by, metric=metric, limit=3, **ALL)["groups"]
    assert [group["sums"][metric] for group in groups] == sorted(sums.values(), reverse=True)[:3]
    assert told(groups, metric).items() <= sums.items()


@pytest.mark.parametrize("token", [None, "of shop", "of nobody"])
@pytest.mark.parametrize("step", [45, 60, 3600])
def test_series(hub: Serving, token: str | None, step: int) -> None:
    rows = [row for row in ROWS if touches(row, token)]
    series = answer(hub, "/api/v1/series", token, by="zone", step=step, limit=1000, **ALL)
    sums: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        moment = datetime.fromtimestamp(row["time_end"].timestamp() // step * step, UTC)
        sums[row["client_zone"], row["server_zone"], moment.isoformat()] += row["sent_bytes"]
    got = {
        (*line["key"].values(), datetime.fromisoformat(point["time"]).isoformat()): point["sums"]["sent_bytes"]
        for line in series["lines"]
        for point in line["points"]
    }
    assert got == dict(sums)
    assert (series["step"], series["left_out"]) == (step, 0)


def test_a_series_chooses_its_step_and_tells_the_largest_lines(hub: Serving) -> None:
    series = answer(hub, "/api/v1/series", by="edge", limit=2, **ALL)
    assert series["step"] == 60
    assert (len(series["lines"]), series["left_out"] > 0) == (2, True)
    volumes = [
        sum(point["sums"]["sent_bytes"] + point["sums"]["received_bytes"] for point in line["points"])
        for line in series["lines"]
    ]
    assert volumes == sorted(volumes, reverse=True)
    assert answer(hub, "/api/v1/series", since="30d")["step"] == 6 * 3600


@pytest.mark.parametrize("token", [None, "of shop", "of nobody"])
def test_hot_spots(hub: Serving, token: str | None) -> None:
    rows = [row for row in ROWS if touches(row, token)]
    spots = answer(hub, "/api/v1/hotspots", token, limit=1000, **ALL)["spots"]
    assert sum(spot["sums"]["retransmissions"] for spot in spots) == sum(row["retransmissions"] for row in rows)
    for spot in spots:
        packets = spot["sums"]["sent_packets"] + spot["sums"]["received_packets"]
        assert spot["share"] == pytest.approx(min(1, spot["sums"]["retransmissions"] / packets), abs=1e-6)


@pytest.mark.parametrize("text", ["name=db-1", "ip=10.0.0.0/8", "node=node-1", "verdict=denied"])
def test_a_filter_that_the_hours_cannot_answer_is_answered_all_the_same(hub: Serving, text: str) -> None:
    """Over more than six hours, where sums of workloads are read."""
    asked = {"q": text, "by": "port", "until": ALL["until"]}
    long, short = (
        answer(hub, "/api/v1/top", since=(BEGIN - timedelta(hours=hours)).isoformat(), **asked) for hours in (20, 0)
    )
    assert long["groups"] == short["groups"] != []


@pytest.mark.parametrize(
    ("path", "asked", "said"),
    [
        ("top", {"by": ""}, "by: say of what"),
        ("top", {"by": "client_node; DROP TABLE flows"}, "`by`: Invalid enum value"),
        ("top", {"metric": "beauty"}, "`metric`: Invalid enum value"),
        ("series", {"step": "-1"}, "`step`: Expected `int` >= 0"),
        ("series", {"q": "port="}, "filter: at character 1: `port=` has no value"),
        ("hotspots", {"limit": "1001"}, "`limit`: Expected `int` <= 1000"),
    ],
)
def test_what_is_no_question(hub: Serving, path: str, asked: dict[str, str], said: str) -> None:
    status, reason = refusal(hub, f"/api/v1/{path}", **asked)
    assert (status, said in reason) == (400, True), reason
