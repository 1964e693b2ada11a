"""The policy engine over HTTP, at once and as jobs: the same answers, within what the asker may see."""

from collections.abc import Iterator
from typing import Any

import pytest

from fairway.hub.api import policy
from fairway.hub.serve import Listening
from support.askers import answer, ask, tokens
from support.hubs import Serving, serving, until
from support.traffic import tell

CLOSED = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: orders}
spec: {podSelector: {matchLabels: {app: orders-postgresql}}, policyTypes: [Ingress]}
"""
MANY = "---".join(CLOSED.replace("name: db", f"name: db-{number}") for number in range(12_000))
PATH = "/api/v1/policy"
DB = "orders/orders-postgresql-0"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        tell(running)
        yield running


def put(hub: Serving, path: str, token: str | None = None, **question: Any) -> tuple[int, Any]:
    told = ask(hub, f"{PATH}/{path}", token, "POST", json=question)
    return told.status_code, told.json()


def fine(hub: Serving, path: str, token: str | None = None, **question: Any) -> Any:
    status, told = put(hub, path, token, **question)
    assert status == 200, told
    return told


@pytest.mark.parametrize(
    ("token", "wanted"),
    [
        (None, {"orders/orders-1", DB, "ui/ui-1"}),
        ("of orders", {"orders/orders-1", DB}),
        ("of ui", {"ui/ui-1"}),
        ("of dev", set()),
        ("of nobody", set()),
    ],
)
def test_generate(hub: Serving, token: str | None, wanted: set[str]) -> None:
    made = fine(hub, "generate", token)["policies"]
    assert {one["policy"] for one in made} == wanted
    for one in made:
        assert "kind: NetworkPolicy" in one["yaml"]


def test_generated_policies_break_nothing_that_was_not_denied(hub: Serving) -> None:
    made = "---\n".join(one["yaml"] for one in fine(hub, "generate")["policies"])
    told = fine(hub, "replay", policies=made, posture="deny")
    assert (told["passed"], told["broken"]) == (True, [])
    assert told["judged"] > 0


@pytest.mark.parametrize(
    ("token", "question", "broken"),
    [
        (None, {}, {("orders/orders-1", DB, 5432)}),
        ("of orders", {}, {("orders/orders-1", DB, 5432)}),
        ("of ui", {}, set()),
        ("of nobody", {}, set()),
        (None, {"until": "1h"}, set()),
        (None, {"since": "1h"}, {("orders/orders-1", DB, 5432)}),
    ],
)
def test_replay(hub: Serving, token: str | None, question: Any, broken: set[Any]) -> None:
    told = fine(hub, "replay", token, policies=CLOSED, **question)
    assert {(one["client"], one["server"], one["port"]) for one in told["broken"]} == broken
    assert told["passed"] is not bool(broken)


@pytest.mark.parametrize("token", [None, "of orders", "of nobody"])
def test_coverage(hub: Serving, token: str | None) -> None:
    told = fine(hub, "coverage", token, interval=1)
    seen = {score["workload"].partition("/")[0] for score in told["scores"]}
    assert seen == {None: {"ui", "orders"}, "of orders": {"orders"}, "of nobody": set()}[token]
    assert {one["workload"].partition("/")[0] for one in told["findings"]} <= seen


def test_diff(hub: Serving) -> None:
    told = fine(hub, "diff", new=CLOSED)
    assert (told["same"], told["allowed"]) == (False, [])
    assert all(DB.removesuffix("-0") in str(change["servers"]) for change in told["denied"])
    assert fine(hub, "diff", old=CLOSED, new=CLOSED)["same"]


def test_explain(hub: Serving) -> None:
    asked = {"client": "ui/ui-1", "server": DB, "port": "5432"}
    assert fine(hub, "explain", **asked)["allowed"]
    told = fine(hub, "explain", "of ui", **asked, policies=CLOSED)
    assert not told["allowed"]
    assert "orders/db isolates orders/orders-postgresql-0" in told["why"]
    status, problem = put(hub, "explain", "of dev", **asked)
    assert (status, problem["detail"]) == (403, "neither end is in a namespace that the token is bound to")


def test_lint(hub: Serving) -> None:
    told = fine(hub, "lint", policies=CLOSED.replace("orders-postgresql", "nothing"), traffic=True)
    assert sum(told["count"].values()) == len(told["findings"]) > 0


@pytest.mark.parametrize("verb", ["diff", "lint"])
@pytest.mark.parametrize("way", ["at once", "job"])
def test_what_is_about_the_whole_cluster_is_not_for_who_is_bound(hub: Serving, verb: str, way: str) -> None:
    status, problem = put(hub, verb, "of orders") if way == "at once" else put(hub, "jobs", "of orders", verb=verb)
    assert (status, problem["detail"]) == (
        403,
        "this is about the whole cluster; the token is bound to namespaces",
    )


@pytest.mark.parametrize(
    ("verb", "question", "said"),
    [
        ("replay", {"policies": "kind: ["}, "policies:2: is not YAML"),
        ("replay", {"policies": "kind: Pod"}, "policies"),
        ("replay", {"policies": CLOSED.replace("namespace: orders", "namespace: nowhere")}, "nowhere"),
        ("replay", {"since": "some day"}, "`since=some day`: write 90s, 5m, 2h, 7d"),
        ("generate", {"decisions": "x: 1"}, "decisions"),
        ("generate", {"merge_length": 99}, "Expected `int` <= 32"),
        ("explain", {"client": "ui/ui-1", "server": "ui/no", "port": "80"}, "ui/no"),
        ("explain", {"client": "ui/ui-1"}, "missing required field `server`"),
        ("generate", {"nonsense": 1}, "unknown field `nonsense`"),
        ("jobs", {"verb": "divine"}, "Invalid value 'divine'"),
    ],
)
def test_what_is_no_question(hub: Serving, verb: str, question: Any, said: str) -> None:
    status, problem = put(hub, verb, **question)
    assert status == 400, problem
    assert said in problem["detail"]


def job(hub: Serving, token: str | None = None, **question: Any) -> str:
    status, told = put(hub, "jobs", token, **question)
    assert status == 202, told
    return str(told["id"])


def ended(hub: Serving, name: str, token: str | None = None) -> Any:
    states: list[Any] = []

    def over() -> bool:
        states.append(answer(hub, f"{PATH}/jobs/{name}", token))
        return states[-1]["state"] not in ("waiting", "running")

    until(over, 120)
    progress = [state["progress"] for state in states]
    assert progress == sorted(progress)
    return states[-1]


@pytest.mark.parametrize(
    "question",
    [
        {"verb": "replay", "policies": CLOSED},
        {"verb": "generate", "per": "namespace"},
        {"verb": "coverage", "interval": 1},
        {"verb": "explain", "client": "ui/ui-1", "server": DB, "port": "5432"},
    ],
)
def test_a_job_answers_as_the_question_at_once_does(hub: Serving, question: Any) -> None:
    token = "of orders"
    told = ended(hub, job(hub, token, **question), token)
    assert (told["state"], told["progress"], told["error"]) == ("done", 1.0, "")
    verb = {name: value for name, value in question.items() if name != "verb"}
    assert told["answer"] == fine(hub, question["verb"], token, **verb)


def test_a_job_that_fails_says_why(hub: Serving) -> None:
    told = ended(hub, job(hub, verb="replay", policies="kind: ["))
    assert (told["state"], told["answer"]) == ("failed", None)
    assert told["error"].startswith("policies:2: is not YAML")


def test_a_job_can_be_ended_while_it_runs_and_while_it_waits(hub: Serving) -> None:
    names = [job(hub, verb="diff", new=MANY) for _ in range(4)]
    until(lambda: answer(hub, f"{PATH}/jobs/{names[0]}")["step"] in ("reading the cluster", "thinking"), 60)
    for name in reversed(names):
        told = ask(hub, f"{PATH}/jobs/{name}", method="DELETE").json()
        assert told["state"] == "cancelled"
    again = ask(hub, f"{PATH}/jobs/{names[0]}", method="DELETE").json()
    assert (again["state"], again["answer"]) == ("cancelled", None)
    assert ended(hub, job(hub, verb="diff"))["answer"]["same"], "there is room again"


def test_jobs_are_their_owners_own(hub: Serving) -> None:
    name = job(hub, "of ui", verb="generate")
    ended(hub, name, "of ui")
    assert [one["id"] for one in answer(hub, f"{PATH}/jobs", "of ui")] == [name]
    for method in ("GET", "DELETE"):
        told = ask(hub, f"{PATH}/jobs/{name}", "of orders", method)
        assert (told.status_code, told.json()["detail"].partition(";")[0]) == (404, f"`{name}` is no job of yours")


def test_only_so_many_jobs_are_remembered(hub: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.hub.jobs.MOST", 1)
    first = job(hub, "of viewer", verb="diff", new=MANY)
    status, problem = put(hub, "jobs", "of viewer", verb="diff")
    assert (status, problem["detail"]) == (503, "1 jobs are open; cancel one, or wait for one to end")
    ask(hub, f"{PATH}/jobs/{first}", "of viewer", "DELETE")
    ended(hub, job(hub, "of viewer", verb="diff"), "of viewer")
    assert ask(hub, f"{PATH}/jobs/{first}", "of viewer").status_code == 404


def test_a_question_has_a_size(hub: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    status, problem = put(hub, "replay", policies="#" * (policy.LARGEST + 1))
    assert (status, problem["title"]) == (413, "too large")
