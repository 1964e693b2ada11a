"""Single flows over HTTP: pages that hold each once, files that hold all, and nobody sees what is not theirs."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fairway.hub.serve import Listening
from fairway.hub.store import read_flows
from support.askers import answer, ask, refusal, tokens
from support.flows import START_US, random_flows
from support.hubs import Serving, serving

FLOWS = random_flows(7, 700)
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


def pages(hub: Serving, token: str | None = None, **asked: Any) -> list[Row]:
    told, cursor = [], {}
    while True:
        page = answer(hub, "/api/v1/flows", token, **{**asked, **cursor})
        told += page["flows"]
        if page["next"] is None:
            return told
        cursor = {"cursor": page["next"]}


def volume(row: Row) -> int:
    return int(row["sent_bytes"] + row["received_bytes"])


def test_pages_hold_every_flow_once_while_others_come(hub: Serving) -> None:
    asked = {"q": "proto=TCP", "sort": "bytes", "limit": 90, "since": ALL["since"]}
    first = answer(hub, "/api/v1/flows", **asked)
    late = FLOWS.slice(0, 50)
    moved = [row | {"time_end": datetime.now(UTC), "time_start": datetime.now(UTC)} for row in late.to_pylist()]
    new = type(FLOWS).from_pylist(moved, schema=FLOWS.schema)
    hub.answers.hub.base.append(new, np.ones(len(new), bool), "meanwhile")
    told = first["flows"] + pages(hub, **asked, cursor=first["next"])
    wanted = sorted((volume(row) for row in ROWS if row["protocol"] == "TCP"), reverse=True)
    assert [volume(row) for row in told] == wanted


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({}, lambda row: True),
        ({"view": "cluster"}, lambda row: not {"cloud", "external"} & kinds(row)),
        ({"view": "cloud"}, lambda row: "cloud" in kinds(row)),
        ({"view": "external"}, lambda row: "external" in kinds(row)),
        (
            {"q": "verdict=denied", "view": "external"},
            lambda row: row["verdict"] == "deny" and "external" in kinds(row),
        ),
        (
            {"q": "src.namespace=shop or dst.port=53"},
            lambda row: row["client_namespace"] == "shop" or row["port"] == 53,
        ),
    ],
)
def test_views_and_filters(hub: Serving, asked: dict[str, str], kept: Callable[[Row], bool]) -> None:
    told = pages(hub, limit=1000, **asked, **ALL)
    assert sorted(map(volume, told)) == sorted(volume(row) for row in ROWS if kept(row))
    assert told
    assert [row["time"] for row in told] == sorted((row["time"] for row in told), reverse=True)


def kinds(row: Row) -> set[str]:
    return {row["client_kind"], row["server_kind"]}


def test_a_flow_says_all_that_is_known(hub: Serving) -> None:
    row = max(ROWS, key=lambda row: (volume(row), row["time_end"]))
    told = answer(hub, "/api/v1/flows", sort="bytes", limit=1, **ALL)["flows"][0]
    assert datetime.fromisoformat(told["time"]) == row["time_end"]
    assert (told["server"]["address"], told["server"]["kind"]) == (row["server_address"], row["server_kind"])
    assert told["rtt_us"] == row["srtt_sum_us"] // row["srtt_count"]
    assert told["connect_us"] == row["connect_sum_us"] // row["connect_count"]
    same = ("port", "protocol", "service", "connections", "sent_packets", "verdict", "category", "denied")
    assert [told[name] for name in same] == [row[name] for name in same]


def test_the_last_hour_is_asked_about_where_nobody_says(hub: Serving) -> None:
    page = answer(hub, "/api/v1/flows", q="port=1")
    since, until = (datetime.fromisoformat(page[name]) for name in ("since", "until"))
    assert until - since == timedelta(hours=1)
    assert abs(datetime.now(UTC) - until) < timedelta(minutes=5)


@pytest.mark.parametrize("token", ["of shop", "of data", "of nobody"])
def test_who_is_bound_to_namespaces_sees_flows_that_touch_them(hub: Serving, token: str, tmp_path: Path) -> None:
    name = token.removeprefix("of ")
    kept = [row for row in ROWS if name in (row["client_namespace"], row["server_namespace"])]
    for asked in ({}, {"q": "not namespace=shop or namespace=shop"}):
        assert sorted(map(volume, pages(hub, token, limit=500, **asked, **ALL))) == sorted(map(volume, kept))
    lines = ask(hub, "/api/v1/flows", token, params={"form": "jsonl", **ALL}).text.splitlines()
    assert len(lines) == len(kept) < len(ROWS)
    path = tmp_path / "all.parquet"
    path.write_bytes(ask(hub, "/api/v1/export/flows", token, params={"form": "parquet", **ALL}).content)
    every = [row for row in FLOWS.to_pylist() if name in (row["client_namespace"], row["server_namespace"])]
    assert len(read_flows(path)) == len(every)


@pytest.mark.parametrize("by", ["parameter", "header"])
def test_files_hold_every_flow(hub: Serving, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.hub.api.downloads._PART", 100)
    kinds = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet", "jsonl": "application/jsonl"}

    def file(form: str) -> bytes:
        asked = {"params": {"form": form, **ALL}} if by == "parameter" else {"params": ALL}
        told = ask(hub, "/api/v1/flows", headers={} if by == "parameter" else {"Accept": kinds[form]}, **asked)
        assert told.headers["content-type"].startswith(kinds[form])
        assert told.headers["content-disposition"].endswith(f'.{form}"')
        return told.content

    wanted = sorted(map(volume, ROWS))
    rows = list(csv.DictReader(io.StringIO(file("csv").decode())))
    assert sorted(int(row["sent_bytes"]) + int(row["received_bytes"]) for row in rows) == wanted
    assert list(rows[0]) == FLOWS.column_names
    assert len(file("jsonl").splitlines()) == len(wanted)
    path = tmp_path / "flows.parquet"
    path.write_bytes(file("parquet"))
    assert pq.ParquetFile(path).num_row_groups > 1
    assert sorted(map(volume, read_flows(path).to_pylist())) == wanted


def test_a_file_of_nothing_is_still_a_file(hub: Serving, tmp_path: Path) -> None:
    path = tmp_path / "flows.parquet"
    for form in ("csv", "parquet"):
        path.write_bytes(ask(hub, "/api/v1/flows", params={"form": form, "q": "port=1"}).content)
    assert len(read_flows(path)) == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"q": "sorce=x"}, "filter: at character 1: no field `sorce`"),
        ({"q": "since=2h since=3h"}, "`since` stands once"),
        ({"since": "yesterday"}, "`since=yesterday`: write 90s, 5m, 2h, 7d or"),
        ({"sort": "age"}, "`sort`: Invalid enum value 'age'"),
        ({"limit": "0"}, "`limit`: Expected `int` >= 1"),
        ({"view": "moon"}, "`view`: Invalid enum value 'moon'"),
        ({"cursor": "x"}, "cursor: is none of this hub; start again without it"),
        ({"cursor": "kAAA"}, "cursor: is none of this hub; start again without it"),
    ],
)
def test_what_is_no_question(hub: Serving, asked: dict[str, str], said: str) -> None:
    status, reason = refusal(hub, "/api/v1/flows", **asked)
    assert status == 400
    assert said in reason


def test_a_cursor_is_of_one_question_and_one_person(hub: Serving) -> None:
    cursor = answer(hub, "/api/v1/flows", limit=3, **ALL)["next"]
    for asked in ({"sort": "bytes"}, {"q": "port=80"}, {"token": "of shop"}):
        status, reason = refusal(hub, "/api/v1/flows", **{"limit": 3, "cursor": cursor, **ALL, **asked})
        assert (status, reason.partition(";")[0]) == (400, "cursor: is of another question")
