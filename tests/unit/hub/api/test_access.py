"""Who is let in: by a provider's token, not too often, and with metrics that say who was not."""

from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from fairway.hub.auth import Role, digest
from fairway.hub.limits import Limit, Limits
from fairway.hub.serve import Listening
from fairway.wire.words import Initiator
from support.asking import ask
from support.hubs import Serving, serving, until
from support.provider import Provider, provider
from support.reports import DB, ORDERS, UI, report

HASTY = Limits(people=Limit(rate=0.01, burst=5), agents=Limit(100, 100), agent_bytes=Limit(1000, 40_000))


@pytest.fixture(scope="module")
def people() -> Iterator[Provider]:
    with provider() as found:
        yield found


def viewer(name: str) -> str:
    """A file with one token, which is its owner's name."""
    return f"tokens:\n- {{name: {name}, role: viewer, sha256: {digest(name)}}}\n"


@pytest.fixture(scope="module")
def hub(people: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "oidc.yaml").write_text(
        f"issuer: {people.issuer}\naudience: fairway\nrules:\n"
        "- {value: shop, role: viewer, namespaces: [shop]}\n- {value: ops, role: operator}\n"
    )
    (folder / "tokens.yaml").write_text(
        f"tokens:\n- {{name: scraper, role: viewer, sha256: {digest('scraper')}}}\n"
    )
    listening = Listening(port=0, tokens=folder / "tokens.yaml", oidc=folder / "oidc.yaml", limits=HASTY)
    with serving(folder, listening) as running:
        yield running


def test_people_come_in_by_their_provider(hub: Serving, people: Provider) -> None:
    ops = people.sign_in("olga", "fairway", email="olga@example.com", groups=["ops"])
    shop = people.sign_in("sam", "fairway", email="sam@example.com", groups=["shop"])
    other = people.sign_in("eve", "fairway", email="eve@example.com", groups=["x"])
    answers = [ask(hub, "GET", "/api/v1/audit", token) for token in (ops, shop, other)]
    assert [answer.status_code for answer in answers] == [200, 403, 401]
    # A rollout names edges of any namespace.
    assert [ask(hub, "GET", "/api/v1/rollouts", token).status_code for token in (ops, shop)] == [200, 403]
    assert answers[2].headers["www-authenticate"] == "Bearer"
    assert answers[2].json()["detail"].startswith("`eve@example.com` has no role here")
    assert ask(hub, "PUT", "/api/v1/intent", ops, json={"staged": None}).status_code == 200
    assert ask(hub, "GET", "/api/v1/audit", ops).json()[0]["who"] == "olga@example.com"


def test_who_asks_too_often_waits(hub: Serving, people: Provider) -> None:
    hasty = people.sign_in("hank", "fairway", email="hank@example.com", groups=["ops"])
    answers = [ask(hub, "GET", f"/api/v1/{path}", hasty) for path in ["intent", "agents", "audit"] * 2]
    assert [answer.status_code for answer in answers] == [*[200] * 5, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 100
    assert "more than 0.01 requests a second; ask again in" in answers[-1].json()["detail"]
    calm = people.sign_in("carl", "fairway", email="carl@example.com", groups=["ops"])
    assert ask(hub, "GET", "/api/v1/intent", calm).status_code == 200


def test_a_node_that_sends_too_much_waits_and_others_do_not(hub: Serving) -> None:
    answers = [hub.post(report(UI, ORDERS, 8080, Initiator.POD, sequence=number)) for number in range(1, 30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 0 < len(refused) < 29
    assert int(refused[0].headers["retry-after"]) >= 1
    assert hub.post(report(DB, ORDERS, 5432, Initiator.REMOTE)).status_code == 200


def test_metrics_say_what_came_and_who_was_turned_away(hub: Serving) -> None:
    ask(hub, "GET", "/api/v1/agents", "wrong")
    assert (
        hub.post(report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=3), User_Agent="fairway/9").status_code == 200
    )
    until(lambda: "node-b" in hub.answers.hub.agents.agents)
    assert ask(hub, "GET", "/metrics", "nobody").status_code == 401
    text = ask(hub, "GET", "/metrics", "scraper", headers={"Accept": "application/openmetrics-text"})
    assert text.headers["content-type"].startswith("application/openmetrics-text")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.text)
        for sample in family.samples
    }
    assert found["fairway_hub_batches_total",] >= 1
    assert found["fairway_hub_turned_away_total", "unknown"] >= 2
    assert found["fairway_hub_named_rows_total", "inter-zone"] >= 1
    assert found["fairway_hub_agent_lag_seconds", "node-b"] > 0
    assert found["fairway_hub_resident_bytes",] > 1 << 20
    assert ask(hub, "GET", "/metrics", "scraper").headers["content-type"].startswith("text/plain")
    agent = hub.client.agents().agents["node-b"]
    assert (agent.program, agent.sequence, agent.lag_us > 0) == ("fairway/9", 3, True)


def test_a_change_of_tokens_is_noted(hub: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.hub.auth.LOOK_SECONDS", 0)
    (hub.folder / "tokens.yaml").write_text(viewer("new"))
    assert ask(hub, "GET", "/metrics", "scraper").status_code == 401
    assert ask(hub, "GET", "/metrics", "new").status_code == 200
    [noted] = hub.answers.hub.audit.latest(1)
    assert (noted.what, noted.done.rpartition(": ")[2]) == ("tokens", "added new; removed scraper")
    assert hub.state.token(Role.OPERATOR).exists()
