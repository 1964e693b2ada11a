"""Investigations over HTTP, of flows that are put into the database."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from fairway.cli.main import main
from fairway.hub.node_limits import SCHEMA
from fairway.hub.serve import Listening
from support.askers import answer, refusal, tokens
from support.hubs import Serving, serving
from support.slow import EDGE, slow_flows
from support.weeks import NOW

AT = {"at": NOW.isoformat(), "window": "60"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        flows = slow_flows(NOW)
        running.answers.hub.base.append(flows, np.ones(len(flows), bool), "all")
        at = int(NOW.timestamp() * 1e6)
        limits = [
            {"node": node, "name": name, "used": used, "most": most, "time_end": at - ago * 10_000_000}
            for node, name, used, most, ago in (
                ("node-4", "conntrack entries", 70.0, 100.0, 0),
                ("node-4", "conntrack entries", 90.0, 100.0, 1),
                ("node-4", "conntrack entries", 99.0, 100.0, 60),
                ("node-3", "conntrack drop", 3.0, 0.0, 0),
                ("node-3", "conntrack drop", 4.0, 0.0, 1),
                ("node-3", "bandwidth in", 1e9, 0.0, 1),
                ("node-9", "conntrack entries", 9.0, 9.0, 0),
            )
        ]
        running.answers.hub.base.note("limits", pa.Table.from_pylist(limits, SCHEMA), "limits")
        running.answers.hub.audit.record("ada", "intent", "policies in force", role="operator")
        yield running


def test_a_slow_replica_beside_its_sibling(hub: Serving) -> None:
    told = answer(hub, "/api/v1/investigate", subject=EDGE, **AT)
    # Nobody else is on its node: the node's link is the next that it might be.
    assert [(one["kind"], one["where"]) for one in told["causes"]][:2] == [
        ("replica", "db-4"),
        ("bandwidth", "node-4"),
    ]
    assert "round trips to db-4 take 90 ms, 0.9 ms to its siblings" in told["causes"][0]["why"]
    assert told["sibling"] == "db-3"
    assert {part["name"] for part in told["clients"]} == {"ui-1", "ui-2"}
    # Two minutes of trouble, each both clients' to both replicas.
    assert sum(part["connections"] for part in told["servers"]) == 2 * 4 * 9
    assert sum(point["connections"] for point in told["series"]) == 13 * 4 * 9
    assert [tuple(limit.values()) for limit in told["limits"]] == [
        ("node-3", "conntrack drop", 7.0, 0.0),
        ("node-4", "conntrack entries", 90.0, 100.0),
    ]
    assert told["changes"] == []  # the audit log's entry is of now, months later


def test_a_node(hub: Serving) -> None:
    told = answer(hub, "/api/v1/investigate", subject='FairwayConntrackFilling{node="node-4"}', **AT)
    assert [(one["kind"], one["where"]) for one in told["causes"]] == [("bandwidth", "node-4")]
    assert {part["name"] for part in told["servers"]} == {"db-4"}
    assert told["link"].endswith("&q=node=node-4")
    assert ("node-4", "conntrack entries") in {(limit["node"], limit["name"]) for limit in told["limits"]}
    nothing = answer(hub, "/api/v1/investigate", "of orders", subject="node node-4", **AT)
    assert (nothing["causes"], nothing["limits"]) == ([], []), "nor its limits"


@pytest.mark.parametrize(
    ("token", "subject", "seen"),
    [("of data", EDGE, True), ("of orders", EDGE, False), ("of nobody", EDGE, False), (None, "no/body", False)],
)
def test_within_what_the_asker_may_see(hub: Serving, token: str | None, subject: str, seen: bool) -> None:
    told = answer(hub, "/api/v1/investigate", token, subject=subject, **AT)
    assert bool(told["causes"]) == seen
    assert bool(told["clients"]) == seen
    assert bool(told["series"]) == seen


def test_refusals(hub: Serving) -> None:
    assert refusal(hub, "/api/v1/investigate", subject="ui")[0] == 400
    assert refusal(hub, "/api/v1/investigate", subject=EDGE, at="noon")[0] == 400


def test_the_verb_says_no_where_nothing_speaks_for_a_cause(
    hub: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(hub.state.folder)]
    assert main(["investigate", EDGE, "--at", NOW.isoformat(), "--window", "1m", *state]) == 0
    assert "1. replica: db-4" in capsys.readouterr().out
    assert main(["investigate", "other/quiet", "--at", NOW.isoformat(), "--window", "1m", *state]) == 1
    assert "nothing speaks for any cause" in capsys.readouterr().out
