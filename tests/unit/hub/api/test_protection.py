"""Who is protected, and by which policies, over HTTP and within what may be seen."""

import json
from collections.abc import Iterator

import pytest
import yaml

from fairway.hub.intent import Intent, PolicyChoice, write_intent
from fairway.hub.serve import Listening
from fairway.wire.words import Posture
from support.askers import answer, refusal, tokens
from support.hubs import Serving, serving

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: %s}
spec: {podSelector: {}, policyTypes: [%s]}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "policies").mkdir()
    (folder / "policies" / "a.yaml").write_text(POLICY % ("closed", "ui", "Ingress"))
    out = yaml.safe_load(POLICY % ("out", "ui", "Egress"))
    (folder / "policies" / "b.json").write_text(json.dumps(out))
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        staged = PolicyChoice(policies=str(folder / "policies"), posture=Posture.DENY)
        write_intent(running.state, Intent(staged=staged))
        yield running


@pytest.mark.parametrize(
    ("token", "asked", "wanted"),
    [
        (None, {}, ["orders/orders-1", "orders/orders-postgresql-0", "ui/ui-1", "ui/ui-2"]),
        (None, {"namespace": "ui"}, ["ui/ui-1", "ui/ui-2"]),
        ("of ui", {}, ["ui/ui-1", "ui/ui-2"]),
        ("of ui", {"namespace": "orders"}, []),
        ("of nobody", {}, []),
    ],
)
def test_workloads(hub: Serving, token: str | None, asked: dict[str, str], wanted: list[str]) -> None:
    told = answer(hub, "/api/v1/protection", token, **asked)
    assert [one["workload"] for one in told["workloads"]] == wanted


def test_policies_by_slot(hub: Serving) -> None:
    told = answer(hub, "/api/v1/protection", namespace="ui")
    assert (told["active_posture"], told["staged_posture"]) == (None, "deny")
    for one in told["workloads"]:
        assert one["staged"] == {"ingress": ["ui/closed"], "egress": ["ui/out"]}
        assert one["active"] == one["cluster"] == {"ingress": [], "egress": []}


def test_policies_as_text(hub: Serving) -> None:
    told = answer(hub, "/api/v1/intent/staged/policies")["policies"]
    assert told.count("kind: NetworkPolicy") == 2
    assert "\n---\n" in told
    assert answer(hub, "/api/v1/intent/active/policies") == {"policies": ""}
    assert refusal(hub, "/api/v1/intent/staged/policies", "of ui")[0] == 403
    assert refusal(hub, "/api/v1/intent/other/policies")[0] == 400
