"""Each node: of the cluster, with its agent's word, the rules it should obey and whether they drop anything."""

from collections.abc import Iterator
from typing import Any

import pytest

from fairway.hub.intent import Intent, PolicyChoice, write_intent
from fairway.wire.words import Initiator, Posture
from support.askers import answer
from support.hubs import Serving, serving, until
from support.reports import ORDERS, UI, report


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("hub")) as running:
        running.put(
            report(UI, ORDERS, 8080, Initiator.POD),
            report("10.9.9.9", UI, 1, Initiator.POD, name=("old", "a", "b")),
        )
        yield running


def nodes(hub: Serving) -> dict[str, Any]:
    return {one["name"]: one for one in answer(hub, "/api/v1/nodes")["nodes"]}


def test_every_node_is_told_of_and_who_reports_from_elsewhere(hub: Serving) -> None:
    told = nodes(hub)
    assert {name: (one["zone"], one["pods"], one["in_cluster"]) for name, one in told.items()} == {
        "node-a": ("1a", 1, True),
        "node-b": ("1b", 2, True),
        "node-c": ("1c", 1, True),
        "old": ("", 0, False),
    }
    assert {name: one["agent"] and one["agent"]["packets"] for name, one in told.items()} == {
        "node-a": 10,
        "node-b": None,
        "node-c": None,
        "old": 10,
    }
    assert told["old"]["wanted"] is None


def test_rules_are_wanted_where_they_are_in_force(hub: Serving) -> None:
    before = nodes(hub)["node-a"]["wanted"]
    assert nodes(hub)["node-a"]["mode"] == "off"
    write_intent(hub.state, Intent(active=PolicyChoice(posture=Posture.DENY, nodes=("node-a",))))
    until(lambda: nodes(hub)["node-a"]["wanted"] > before)
    assert {name: one["mode"] for name, one in nodes(hub).items()} == {
        "node-a": "enforce",
        "node-b": "off",
        "node-c": "off",
        "old": "off",
    }
