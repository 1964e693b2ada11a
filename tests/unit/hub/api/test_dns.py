"""Who asks DNS, over HTTP and as a verb."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from fairway.cli.main import main
from fairway.hub.names_asked import COUNTED, SCHEMA
from fairway.hub.serve import Listening
from support.askers import answer, tokens
from support.hubs import Serving, serving
from support.weeks import HOUR_US, NOW, RUNNING, hour, outside, pod, table

UI, DB = pod("shop", "ui"), pod("data", "db")
COREDNS = {"kind": "service", "namespace": "kube-system", "name": "kube-dns", "address": "10.96.0.10"}
TIME = {"since": NOW.replace(minute=0).isoformat(), "until": NOW.replace(hour=15, minute=0).isoformat()}


def names_of(ui: dict[str, str], db: dict[str, str], cron: dict[str, str]) -> pa.Table:
    """One hour's questions by name; of the last pod no flow is told, as of those beyond the largest."""
    at = {"time_end": RUNNING * HOUR_US + HOUR_US // 2}
    none = dict.fromkeys(COUNTED, 0)
    told = [
        (ui, {"name": "api.example.com", "asked": 50, "noerror": 49, "waited_us": 98_000, "longest_us": 40_000}),
        (ui, {"name": "gone.example.com", "asked": 30, "servfail": 20, "nxdomain": 5, "waited_us": 25_000}),
        (ui | {"name": "ui-2"}, {"name": "api.example.com", "asked": 10, "noerror": 10, "waited_us": 1000}),
        (db, {"name": "", "asked": 9, "nxdomain": 9, "waited_us": 9}),
        (cron, {"name": "late.example.com", "asked": 400}),
        (ui, {"name": "yesterday.example.com", "asked": 1, "time_end": (RUNNING - 24) * HOUR_US}),
    ]
    ends = ("namespace", "workload", "name", "node", "zone")
    rows = [
        at | none | {"longest_us": 0} | sums | {f"client_{field}": end[field] for field in ends}
        for end, sums in told
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    udp = {"protocol": "UDP", "service": "kube-system/kube-dns:53"}
    rows = [
        hour(RUNNING, UI, COREDNS, 53, sent_packets=60, received_packets=45, **udp),
        hour(RUNNING, UI, COREDNS, 53, sent_packets=40, received_packets=30, **udp),
        hour(RUNNING, UI, COREDNS, 53, sent_packets=999, reporter="server", **udp),
        hour(RUNNING, UI, COREDNS, 53, sent_packets=7, received_packets=1),
        hour(RUNNING, DB, outside("192.0.2.53"), 53, sent_packets=9, received_packets=9, protocol="UDP"),
        hour(RUNNING, UI, outside("203.0.113.9") | {"name": "pay.example.com"}, 443, connections=1),
        hour(RUNNING - 1, UI, COREDNS, 53, sent_packets=5000, **udp),
    ]
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        base = running.answers.hub.base
        base.append(table(rows), np.ones(len(rows), bool), "all")
        base.note("names_asked", names_of(UI, DB, pod("shop", "cron")), "names")
        yield running


def test_questions_and_answers_by_pod(hub: Serving) -> None:
    told = answer(hub, "/api/v1/dns", **TIME)["askers"]
    assert [(one["pod"], one["asked"], one["answered"], one["unanswered"]) for one in told] == [
        ("cron-1", 400, 0, 1.0),
        ("ui-1", 100, 75, 0.25),
        ("ui-2", 10, 10, 0.0),
        ("db-1", 9, 9, 0.0),
    ]
    assert [one["resolvers"] for one in told] == [[], ["kube-system/kube-dns:53"], [], ["192.0.2.53"]]
    assert [one["names"] for one in told] == [[], ["pay.example.com"], [], []]
    assert [(one["nxdomain"], one["failed"], one["wait_ms"]) for one in told] == [
        (0, 0, None),
        (5, 20, 1.662),
        (0, 0, 0.1),
        (9, 0, 0.001),
    ]


def test_of_a_filter_about_servers_those_who_called_them(hub: Serving) -> None:
    told = answer(hub, "/api/v1/dns", q="dst.namespace=kube-system", **TIME)["askers"]
    assert [(one["pod"], one["nxdomain"], one["failed"]) for one in told] == [("ui-1", 5, 20)]


def test_names_by_workload(hub: Serving) -> None:
    told = answer(hub, "/api/v1/dns/names", **TIME)["questions"]
    assert [(one["workload"], one["name"], one["pods"]) for one in told] == [
        ("Deployment/cron", "late.example.com", 1),
        ("Deployment/ui", "gone.example.com", 1),
        ("Deployment/ui", "api.example.com", 2),
        ("Deployment/db", "", 1),
    ]
    gone, api = told[1:3]
    assert {name: gone[name] for name in ("asked", "answered", "unanswered", "nxdomain", "failed", "wait_ms")} == {
        "asked": 30,
        "answered": 25,
        "unanswered": 0.1667,
        "nxdomain": 5,
        "failed": 20,
        "wait_ms": 1.0,
    }
    assert (api["asked"], api["longest_ms"], api["last"]) == (60, 40.0, "2026-09-21T14:30:00Z")
    assert [one["name"] for one in answer(hub, "/api/v1/dns/names", "of data", **TIME)["questions"]] == [""]
    assert answer(hub, "/api/v1/dns/names", "of nobody", **TIME)["questions"] == []


def test_within_what_the_asker_may_see(hub: Serving) -> None:
    assert [one["pod"] for one in answer(hub, "/api/v1/dns", "of data", **TIME)["askers"]] == ["db-1"]
    assert answer(hub, "/api/v1/dns", "of nobody", **TIME)["askers"] == []


def test_the_verb(hub: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    bounds = f"src.namespace=shop since={TIME['since']} until={TIME['until']}"
    assert main(["dns", "--filter", bounds, "--state", str(hub.state.folder)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("shop/ui-1"))
    assert line.split() == [
        "shop/ui-1",
        "node-1",
        "100",
        "75",
        "25.0%",
        "5",
        "20",
        "1.7",
        "ms",
        "kube-system/kube-dns:53",
        "pay.example.com",
    ]


def test_the_names_of_a_workload(hub: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["dns", "shop/ui", "--filter", f"since={TIME['since']} until={TIME['until']}"]
    assert main([*asked, "--state", str(hub.state.folder)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][:9] == ["shop/ui", "gone.example.com", "1", "30", "25", "16.7%", "5", "20", "1.0"]
    assert [line[1] for line in lines[1:]] == ["gone.example.com", "api.example.com"]
    assert main([*asked, "--state", str(hub.state.folder), "--output", "json"]) == 0
    assert main(["dns", "--names", "--filter", "dst.port=53", "--state", str(hub.state.folder)]) == 2
    assert main(["dns", "ui", "--state", str(hub.state.folder)]) == 2
    assert "`ui` is no workload; write `namespace/workload`" in capsys.readouterr().err
