"""The verbs around a hub's state folder, as a person runs them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairway.cli.main import main
from fairway.hub.auth import Role
from fairway.hub.control import read_feed
from fairway.hub.intent import Intent, PolicyChoice, read_intent, write_intent
from fairway.hub.state import State
from fairway.hub.store import read_flows, write_flows
from fairway.wire.words import Initiator, Mode, Posture, Reason, Verdict
from support.hubs import Serving, serving, until
from support.reports import DB, ORDERS, ORDERS_SERVICE, UI, join, report

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: orders}
spec: {podSelector: {matchLabels: {app: orders-postgresql}}}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A hub that was told of three edges."""
    at = time.time_ns() // 1000
    denied = {"verdict": Verdict.DENY, "reason": Reason.NO_RULE, "denied": 3}
    with serving(tmp_path_factory.mktemp("hub")) as running:
        dropped = report(DB, UI, 5432, Initiator.REMOTE, at=at, revision=1, **denied)
        running.put(
            report(UI, ORDERS_SERVICE, 80, Initiator.POD, connections=2, at=at, revision=1),
            report(ORDERS, UI, 8080, Initiator.REMOTE, connections=2, rx_bytes=2048, at=at, revision=1),
            join(dropped, report(DB, ORDERS, 5432, Initiator.REMOTE, connections=1, at=at)),
        )
        yield running


@pytest.fixture
def state(hub: Serving) -> State:
    """The hub's state folder, with nothing in force."""
    write_intent(hub.state, Intent())
    return hub.state


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICY)
    return path


def run(state: State, *words: object) -> int:
    return main([*map(str, words), "--state", str(state.folder)])


def test_edges(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, "edges", "--pods", "--output", "json", "--since", "5m") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["client"], row["server"], row["service"], row["denied"]) for row in rows] == [
        ("ui/ui-1", "orders/orders-1", "orders/orders:80", 0),
        ("orders/orders-1", "orders/orders-postgresql-0", "", 0),
        ("ui/ui-1", "orders/orders-postgresql-0", "", 3),
    ]
    assert run(state, "edges", "--limit", "1") == 0
    assert "2 more; --limit 3 shows all" in capsys.readouterr().out


def test_flows_from_the_hub_and_from_a_file(
    state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(state, "flows", "--limit", "2", "--output", "json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    write_flows(tmp_path / "kept.parquet", read_flows(state.folder))
    assert main(["flows", str(tmp_path)]) == 0
    assert "ui/ui-1" in capsys.readouterr().out


def test_denials_name_the_policy_in_force(state: State, policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, "enforce", policies) == 0
    capsys.readouterr()
    assert run(state, "denials", "--output", "json") == 0
    [denial] = json.loads(capsys.readouterr().out)
    assert denial["packets"] == 3
    assert denial["reason"] == (
        "ingress: orders/db isolates orders/orders-postgresql-0; no rule allows TCP 5432 from ui/ui-1"
    )


def test_agents(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = revision(state)
    assert run(state, "enforce", "--posture", "deny", "--node", "node-c") == 0
    until(lambda: revision(state) > wanted)
    capsys.readouterr()
    assert run(state, "agents", "--output", "json") == 1
    rows = json.loads(capsys.readouterr().out)
    assert [(row["node"], row["revision"], row["wanted"] > wanted, row["rows"]) for row in rows] == [
        ("node-a", 1, True, 1),
        ("node-b", 1, True, 1),
        ("node-c", 1, True, 2),
    ]


def revision(state: State) -> int:
    feed = read_feed(state, "node-c")
    return feed.table.revision if feed else 0


def test_stage_enforce_observe(state: State, policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    staged = PolicyChoice(policies=str(policies))
    assert run(state, "stage", policies) == 0
    assert read_intent(state) == Intent(staged=staged)
    words = ["enforce", policies, "--posture", "deny", "--node", "node-a", "--node", "node-c", "--audit"]
    assert run(state, *words) == 0
    active = PolicyChoice(policies=str(policies), posture=Posture.DENY, nodes=("node-a", "node-c"), mode="audit")
    assert read_intent(state) == Intent(active=active, staged=staged)
    assert run(state, "enforce", "--posture", "deny") == 0
    assert read_intent(state).active == PolicyChoice(posture=Posture.DENY)
    assert run(state, "observe") == 0
    assert read_intent(state) == Intent()
    assert "everything is allowed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["enforce"], "nothing to enforce"),
        (
            ["enforce", "POLICIES", "--node", "node-x"],
            "`node-x` is not a node of this cluster; its nodes: node-a, ",
        ),
        (["stage", "nowhere"], "nowhere: cannot be read"),
        (["edges", "nowhere.parquet"], "`nowhere.parquet` does not exist"),
    ],
)
def test_mistakes_change_nothing(
    state: State, policies: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(state, *[policies if word == "POLICIES" else word for word in words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert read_intent(state) == Intent()


def test_a_hub_wants_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hub", "--state", str(tmp_path), "--cluster", str(tmp_path / "none")]) == 2
    assert "give the folder of the cluster's manifests" in capsys.readouterr().err


def at(hub: Serving, *words: object) -> int:
    """Run a verb as a person elsewhere, who has the hub's URL and a token."""
    token = hub.state.token(Role.OPERATOR)
    return main([*map(str, words), "--hub", hub.door.url, "--token-file", str(token)])


def test_policies_are_staged_and_enforced_without_the_hubs_folder(
    hub: Serving, state: State, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert at(hub, "stage", policies, "--posture", "deny", "--why", "a first look") == 0
    assert at(hub, "enforce", policies, "--node", "node-c") == 0
    assert capsys.readouterr().out == (
        f"on trial on all nodes at {hub.door.url}; policies: 1\n"
        f"in force on node-c at {hub.door.url}; policies: 1, posture allow\n"
    )
    wanted = read_intent(state)
    assert wanted.active
    assert wanted.staged
    assert (wanted.active.nodes, wanted.staged.posture) == (("node-c",), Posture.DENY)
    policies.unlink()
    until(lambda: (feed := read_feed(state, "node-c")) and feed.table.pods[0].mode[0] == Mode.ENFORCE)
    assert at(hub, "observe") == 0
    assert read_intent(state) == Intent()
    changes = [(entry.role, entry.why) for entry in hub.answers.hub.audit.latest(3)]
    assert changes == [("operator", ""), ("operator", ""), ("operator", "a first look")]


@pytest.fixture
def _nobody_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.usefixtures("_nobody_logged_in")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--token-file", "t"], "--token-file is for a hub at a URL; give --hub as well"),
        (["--hub", "http://127.0.0.1:1", "--state", "x"], "--hub and --state name two hubs; give one of them"),
        (["--hub", "127.0.0.1"], "`127.0.0.1` is no URL; write https://HOST:PORT"),
        (
            ["--hub", "http://127.0.0.1:1/"],
            "no token for `http://127.0.0.1:1`; give --token-file FILE, "
            "or run `fairway login http://127.0.0.1:1` first",
        ),
    ],
)
@pytest.mark.parametrize("verb", [["stage", "p.yaml"], ["enforce", "p.yaml"], ["observe"], ["map"], ["agents"]])
def test_targets_that_make_no_sense(
    words: list[str], said: str, verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, *words]) == 2
    assert capsys.readouterr().err == f"fairway: {said}\n"


def test_a_reason_is_kept_by_a_hub_on_this_machine_too(hub: Serving, state: State, policies: Path) -> None:
    assert run(state, "stage", policies, "--why", "here") == 0
    assert hub.answers.hub.audit.latest(1)[0].why == "here"
    assert read_intent(state).staged


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hub", "http://127.0.0.1:1"], "hub http://127.0.0.1:1: Connection refused; is `fairway hub` running?"),
        (["--hub", "TLS"], "it does not speak TLS there; is it http://?"),
        (["--hub", "TLS", "--ca", "none.pem"], "the certificates `none.pem`: does not exist; name a PEM file"),
        (["--hub", "TLS", "--ca", "token"], "the certificates `token`: holds no certificate; name a PEM file"),
        (["--hub", "HUB", "--token-file", "wrong"], "the token is not known to this hub"),
        (["--hub", "HUB", "--token-file", "no"], "the token file no: No such file or directory"),
    ],
)
def test_a_hub_that_cannot_be_asked_is_told_in_one_line(
    hub: Serving,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("x")
    (tmp_path / "wrong").write_text("of nobody")
    places = {"HUB": hub.door.url, "TLS": hub.door.url.replace("http://", "https://")}
    given = [places.get(word, word) for word in words]
    for verb in ("map", "flows --follow", "policy coverage"):
        file = [] if "--token-file" in words else ["--token-file", "token"]
        assert main([*verb.split(), *given, *file]) in (2, 3)
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_what_the_hub_refuses_is_one_line(hub: Serving, policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert at(hub, "enforce", policies, "--node", "node-x") == 2
    assert "`node-x` is not a node of this cluster; its nodes: node-a" in capsys.readouterr().err
