"""Rollouts of a real hub with agents that the test plays: in force is what the plan wants, through crashes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairway.cli.main import main
from fairway.hub.intent import read_intent
from fairway.hub.rollouts.drivers import undisturbed
from fairway.rollout.plan import wanted
from fairway.wire.words import Reason, Verdict
from support.asking import ask
from support.hubs import Serving, serving, until
from support.played import PATH, Agents, phase
from support.reports import UI

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: orders, namespace: orders}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {}}]}]
"""
ORDER = {"name": "shop", "policies": POLICY, "soak": "PT1S", "gates": {"quiet": "PT0S", "score": 0}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def agents(folder: Path) -> Iterator[Agents]:
    with serving(folder) as hub:
        own = Agents(hub)
        own.beat()
        own.arrived()
        yield own


def ordered(hub: Serving, **more: Any) -> None:
    answer = ask(hub, "POST", f"{PATH}/", json={"order": {**ORDER, **more}, "why": "a test"})
    assert answer.status_code == 201, answer.text
    assert ask(hub, "POST", f"{PATH}/shop/start", json={}).status_code == 200


def in_force(hub: Serving) -> tuple[str, ...] | None:
    active = read_intent(hub.state).active
    return active.nodes if active else None


DENIED = {
    "remote": UI,
    "port": 8080,
    "connections": 0,
    "verdict": Verdict.DENY,
    "reason": Reason.NO_RULE,
    "denied": 4,
}


def test_one_node_at_a_time_until_all_enforce(agents: Agents) -> None:
    ordered(agents.hub, limits={"budgets": [{"nodes": "1"}]})
    seen: list[Any] = []
    agents.until(lambda found: bool(seen.append(in_force(agents.hub))) or found["phase"] == "done")
    assert list(dict.fromkeys(seen)) == [None, ("node-a",), ("node-a", "node-b"), ("node-a", "node-b", "node-c")]
    entries = [e["done"] for e in ask(agents.hub, "GET", "/api/v1/audit").json() if e["what"] == "rollout"]
    assert entries[-2:] == ["shop: started", "shop: drafted"]
    assert entries[0] == "shop: done"


def test_a_node_that_joins_later_is_enforced_unless_a_person_said_otherwise(agents: Agents) -> None:
    path = agents.hub.cluster / "all.json"
    manifests = json.loads(path.read_text())
    [late] = [one for one in manifests["items"] if one["metadata"]["name"] == "node-c"]
    manifests["items"].remove(late)
    path.write_text(json.dumps(manifests))
    until(lambda: len(agents.hub.answers.hub.require_ready().nodes) == 2)
    ordered(agents.hub, limits={"budgets": [{"nodes": "100%"}]})
    agents.until(phase("done"))
    assert in_force(agents.hub) == ("node-a", "node-b")
    manifests["items"].append(late)
    path.write_text(json.dumps(manifests))
    agents.until(lambda found: found["phase"] == "done" and len(found["steps"]) == 2)
    assert in_force(agents.hub) == ("node-a", "node-b", "node-c")
    # Taken out of force by hand it stays out of it, on trial though it is.
    hub = agents.hub.answers.hub
    state = hub.rollouts.book.find("shop")
    assert undisturbed(hub, state.order, wanted(state), hub.require_ready())
    assert ask(agents.hub, "PUT", "/api/v1/intent", json={"active": None}).status_code == 200
    assert not undisturbed(hub, state.order, wanted(state), hub.require_ready())


def test_nobody_else_says_what_is_in_force_meanwhile(agents: Agents) -> None:
    ordered(agents.hub, soak="PT600S")
    refused = ask(agents.hub, "PUT", "/api/v1/intent", json={"active": None})
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "rollout `shop` says what is in force and on trial; abort it, or let it finish",
    )
    assert ask(agents.hub, "POST", f"{PATH}/shop/abort", json={}).status_code == 200
    agents.until(phase("aborted"))
    until(lambda: ask(agents.hub, "PUT", "/api/v1/intent", json={"active": None}).status_code == 200)


def test_a_node_that_is_gone_keeps_nobody_from_being_taken_back(agents: Agents) -> None:
    ordered(agents.hub, limits={"budgets": [{"nodes": "1"}]})
    agents.until(phase("done"))
    path = agents.hub.cluster / "all.json"
    manifests = json.loads(path.read_text())
    manifests["items"] = [one for one in manifests["items"] if one["metadata"]["name"] != "node-a"]
    path.write_text(json.dumps(manifests))
    until(lambda: len(agents.hub.answers.hub.require_ready().nodes) == 2)
    assert ask(agents.hub, "POST", f"{PATH}/shop/back", json={}).status_code == 200
    agents.until(phase("stepped-back"))
    assert in_force(agents.hub) == ("node-b",)


def test_a_known_edge_that_is_denied_takes_all_back(agents: Agents) -> None:
    agents.more = [("node-b", {"remote": UI, "port": 8080})]
    agents.beat()
    agents.arrived()
    ordered(agents.hub, limits={"budgets": [{"nodes": "100%"}]}, back="all", soak="PT600S")
    agents.until(lambda found: found["waits"].startswith("the soak"))
    agents.more = [("node-b", DENIED)]
    found = agents.until(phase("stepped-back"))
    assert in_force(agents.hub) is None
    assert read_intent(agents.hub.state).staged is not None
    [broken] = found["breakage"]["denied"]
    assert (broken["client"], broken["server"], broken["port"], broken["why"]) == (
        "ui/ui-1",
        "orders/orders-1",
        "8080/TCP",
        "ingress to orders/orders-1: no rule allows it",
    )
    assert found["breakage"]["seconds"] >= 0
    mended = ask(agents.hub, "GET", f"{PATH}/shop/amended").json()
    assert (mended["policies"], mended["passes"]) == (["orders/orders-1-amended"], True)


def test_what_nobody_relied_on_is_no_reason_to_step_back(agents: Agents) -> None:
    ordered(agents.hub, limits={"budgets": [{"nodes": "100%"}]}, soak="PT3S")
    agents.until(lambda found: found["waits"].startswith("the soak"))
    agents.more = [("node-c", {**DENIED, "port": 5432})]
    assert agents.until(lambda found: found["phase"] != "enforcing")["phase"] == "done"


def test_a_step_waits_for_an_agent_that_does_not_obey(agents: Agents) -> None:
    ordered(agents.hub, limits={"budgets": [{"nodes": "1"}]})
    agents.deaf.add("node-a")
    assert agents.until(lambda found: "node-a" in found["waits"])["phase"] in ("staged", "enforcing")
    agents.deaf.clear()
    agents.until(phase("done"))


def test_a_hub_that_comes_again_goes_on_with_the_same_step(folder: Path) -> None:
    with serving(folder) as hub:
        first = Agents(hub)
        first.beat()
        ordered(hub, limits={"budgets": [{"nodes": "1"}]}, soak="PT600S")
        before = first.until(lambda found: found["waits"].startswith("the soak"))
    with serving(folder, clean=False) as hub:
        again = Agents(hub)
        after = again.until(lambda found: found["waits"].startswith("the soak"))
        assert after["steps"] == before["steps"]
        assert in_force(hub) == ("node-a",)


def test_one_rollout_at_a_time_says_what_is_in_force(agents: Agents) -> None:
    ordered(agents.hub)
    answer = ask(agents.hub, "POST", f"{PATH}/", json={"order": {**ORDER, "name": "other"}})
    assert answer.status_code == 201
    refused = ask(agents.hub, "POST", f"{PATH}/other/start", json={})
    assert (refused.status_code, "rollout `shop` says what is in force" in refused.text) == (400, True)
    assert ask(agents.hub, "POST", f"{PATH}/shop/abort", json={}).json()["phase"] == "aborted"
    assert (read_intent(agents.hub.state).active, read_intent(agents.hub.state).staged) == (None, None)
    assert ask(agents.hub, "POST", f"{PATH}/other/start", json={}).status_code == 200


MISTAKES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"policies": ""}, "hold no NetworkPolicy"),
    ({"policies": "{"}, "policies"),
    ({"namespaces": ["ui"]}, "`orders/orders` is outside the rollout's namespaces"),
    ({"nodes": ["node-z"]}, "`node-z` is not a node of this cluster"),
    ({"soak": "PT0S"}, "must be longer than nothing"),
    ({"limits": {"budgets": [{"nodes": "110%"}]}}, "nodes"),
    ({"limits": {"budgets": [{"nodes": "1", "schedule": "x", "duration": "1h"}]}}, "schedule"),
    ({"driver": "objects"}, "needs a hub that is connected to a Kubernetes API"),
    ({"name": "No Name"}, "name"),
    ({"color": "red"}, "color"),
)


def test_orders_that_make_no_sense(agents: Agents) -> None:
    for more, said in MISTAKES:
        answer = ask(agents.hub, "POST", f"{PATH}/", json={"order": {**ORDER, **more}})
        assert (answer.status_code, said in answer.json()["detail"]) == (400, True), (more, answer.text)


def test_as_a_person_types_it(agents: Agents, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policies, order = tmp_path / "p.yaml", tmp_path / "order.yaml"
    policies.write_text(POLICY)
    order.write_text(
        "policies: p.yaml\nsoak: 2s\ngates: {quiet: 0s, score: 0}\nlimits: {budgets: [{nodes: '1'}]}\n"
    )
    at = ["--state", str(agents.hub.state.folder)]

    def typed(*words: str) -> tuple[int, str, str]:
        code = main(["rollout", *words, *at])
        told = capsys.readouterr()
        return code, told.out, told.err

    code, out, _ = typed("plan", "shop", "--order", str(order), "--output", "json")
    planned = json.loads(out)
    assert (code, planned["foreseen"]["steps"]) == (1, [["node-a"], ["node-b"], ["node-c"]])
    gates = {gate["name"]: (gate["open"], gate["why"]) for gate in planned["gates"]}
    assert (planned["computing"], gates["coverage"]) == (False, (True, ""))
    assert gates["would-deny"] == (False, "the policies are not on trial yet")
    assert typed("start", "shop", "--order", str(order))[0] == 0
    agents.until(lambda found: found["waits"].startswith("the soak"))
    code, out, _ = typed("status", "shop")
    assert (code, "rollout shop: enforcing on node-a; waits for the soak of 2 s" in out) == (0, True)
    assert typed("pause", "shop", "--why", "lunch")[1].startswith("rollout shop: paused on node-a")
    assert "lunch" in typed("log", "shop")[1]
    assert typed("back", "shop")[0] == 1
    agents.until(phase("stepped-back"))
    for words, said in (
        (["status", "nope"], "there is no rollout `nope`; there are: shop"),
        (["pause", "shop"], "is stepped-back: there is nothing to pause"),
        (["override", "shop", "sight", "--why", "x"], "`sight` is no gate that can be overridden"),
        (["amend", "shop"], "no denied connection broke it"),
        (["plan", "x"], "no policies; give --policies PATH"),
    ):
        code, _, err = typed(*words)
        assert (code, said in err, err.count("\n")) == (2, True, 1), err
