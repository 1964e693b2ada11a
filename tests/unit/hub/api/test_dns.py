"""Who asks DNS, over HTTP and as a verb."""

from collections.abc import Iterator

import numpy as np
import pytest

from fairway.cli.main import main
from fairway.hub.serve import Listening
from support.askers import answer, tokens
from support.hubs import Serving, serving
from support.weeks import NOW, RUNNING, hour, outside, pod, table

UI, DB = pod("shop", "ui"), pod("data", "db")
COREDNS = {"kind": "service", "namespace": "kube-system", "name": "kube-dns", "address": "10.96.0.10"}
TIME = {"since": NOW.replace(minute=0).isoformat(), "until": NOW.replace(hour=15, minute=0).isoformat()}


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
        running.answers.hub.base.append(table(rows), np.ones(len(rows), bool), "all")
        yield running


def test_questions_and_answers_by_pod(hub: Serving) -> None:
    told = answer(hub, "/api/v1/dns", **TIME)["askers"]
    assert [(one["pod"], one["asked"], one["answered"], one["unanswered"]) for one in told] == [
        ("ui-1", 100, 75, 0.25),
        ("db-1", 9, 9, 0.0),
    ]
    assert [one["resolvers"] for one in told] == [["kube-system/kube-dns:53"], ["192.0.2.53"]]
    assert [one["names"] for one in told] == [["pay.example.com"], []]


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
        "kube-system/kube-dns:53",
        "pay.example.com",
    ]
