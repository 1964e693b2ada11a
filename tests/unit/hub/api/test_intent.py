"""What is in force and on trial, changed over HTTP: who may, what is refused, and what the audit log says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairway.hub.auth import digest
from fairway.hub.control import read_feed
from fairway.hub.intent import Intent, PolicyChoice, write_intent
from fairway.hub.serve import Listening
from fairway.wire.words import Mode
from support.asking import ask
from support.hubs import Serving, serving, until

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: orders, namespace: orders}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ui}}}]}]
"""
PATH = "/api/v1/intent"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    people = {"viewer": "viewer", "editor": "editor", "local": "operator, namespaces: [orders]"}
    (folder / "tokens.yaml").write_text(
        "tokens:\n" + "".join(f"- {{name: {n}, role: {role}, sha256: {digest(n)}}}\n" for n, role in people.items())
    )
    with serving(folder, Listening(port=0, tokens=folder / "tokens.yaml")) as running:
        yield running


@pytest.fixture(autouse=True)
def observing(hub: Serving) -> None:
    assert ask(hub, "PUT", PATH, json={"active": None, "staged": None}).status_code == 200


def modes(hub: Serving, node: str) -> set[int]:
    feed = read_feed(hub.state, node)
    return {pod.mode[0] for pod in feed.table.pods} if feed else set()


def latest(hub: Serving) -> dict[str, Any]:
    return dict(ask(hub, "GET", "/api/v1/audit?limit=1").json()[0])


def test_policies_travel_with_the_wish(hub: Serving) -> None:
    wish = {"staged": {"policies": POLICY, "posture": "deny"}, "why": "a first try"}
    answer = ask(hub, "PUT", PATH, "editor", json=wish)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["active"], told["staged"]["posture"]) == (None, "deny")
    assert Path(told["staged"]["policies"]).read_text() == POLICY
    assert ask(hub, "GET", PATH, "viewer").json() == told
    noted = latest(hub)
    assert (noted["who"], noted["role"], noted["why"], noted["what"]) == (
        "editor",
        "editor",
        "a first try",
        "intent",
    )
    assert noted["detail"]["after"] == told
    enforced = ask(hub, "PUT", PATH, json={"active": {"policies": POLICY, "nodes": ["node-b"]}}).json()
    assert (enforced["active"]["nodes"], enforced["staged"]) == (["node-b"], told["staged"])
    until(lambda: modes(hub, "node-b") == {Mode.ENFORCE})
    assert modes(hub, "node-a") == {Mode.OFF}


@pytest.mark.parametrize(
    ("token", "wish", "status", "said"),
    [
        ("viewer", {"staged": None}, 403, "this is for the role editor; the token is of viewer"),
        ("editor", {"active": None}, 403, "this is for the role operator in all namespaces"),
        ("local", {"active": None}, 403, "this is for the role operator in all namespaces"),
        ("local", {"staged": None}, 403, "this is for the role editor in all namespaces"),
        ("editor", {"staged": {"policies": "kind: Namespace\nmetadata: {name: x}"}}, 400, "holds no NetworkPolicy"),
        ("editor", {"staged": {"policies": "{"}}, 400, "policies:"),
        ("editor", {"staged": {"posture": "maybe"}}, 400, "Invalid enum value 'maybe'"),
        ("editor", {"staged": {"path": "/etc"}}, 400, "unknown field `path`"),
        (None, {"active": {"nodes": ["node-x"]}}, 400, "`node-x` is not a node of this cluster; its nodes: node-a"),
        (None, {"intent": 1}, 400, "unknown field `intent`"),
    ],
)
def test_wishes_that_are_refused(hub: Serving, token: str | None, wish: Any, status: int, said: str) -> None:
    before = latest(hub)
    answer = ask(hub, "PUT", PATH, token, json=wish)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert str(hub.state.folder) not in answer.text
    assert latest(hub) == before


def test_who_comes_second_is_told(hub: Serving) -> None:
    seen = ask(hub, "GET", PATH).headers["etag"]
    first, second = (
        ask(hub, "PUT", PATH, json={"staged": {"posture": "deny"}}, headers={"If-Match": seen}) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (200, 412)


def test_a_change_of_the_file_is_noted_too(hub: Serving) -> None:
    write_intent(hub.state, Intent(staged=PolicyChoice(posture="deny")))
    until(lambda: latest(hub)["why"] == "the file was changed")
    noted = latest(hub)
    assert noted["who"].startswith("uid ")
    assert noted["done"] == "no policies on trial, posture deny"


def test_the_log_is_for_operators_of_everything(hub: Serving) -> None:
    answers = [ask(hub, "GET", "/api/v1/audit", token).status_code for token in ("viewer", "editor", "local", None)]
    assert answers == [403, 403, 403, 200]
    two = ask(hub, "GET", "/api/v1/audit?limit=2").json()
    older = ask(hub, "GET", "/api/v1/audit", params={"limit": 1, "before": two[0]["at"]}).json()
    assert older == two[1:]
