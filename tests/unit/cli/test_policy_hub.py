"""The policy verbs of a hub: what a person sees is what files of the same flows and manifests give."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fairway.cli.main import main
from fairway.hub.serve import Listening
from fairway.hub.store import read_flows, write_flows
from support.askers import answer, tokens
from support.hubs import Serving, serving
from support.objects import policy
from support.tiered import cnp, nets, to
from support.traffic import tell

DB = "orders/orders-postgresql-0"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        tell(running)
        yield running


@pytest.fixture
def here(hub: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the hub's flows and cluster, and policies, to hold its answers against."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    write_flows(tmp_path / "flows.parquet", read_flows(hub.state.folder))
    (tmp_path / "cluster").symlink_to(hub.cluster)
    closed = policy("orders/db", podSelector={"matchLabels": {"app": "orders-postgresql"}}, policyTypes=["Ingress"])
    (tmp_path / "closed.yaml").write_text(yaml.safe_dump(closed))
    (tmp_path / "none").mkdir()
    names = [to("Accept", {"domainNames": ["*.example.com"]}, name="known"), to("Deny", nets("0.0.0.0/0"))]
    (tmp_path / "guard.yaml").write_text(yaml.safe_dump(cnp("guard", egress=names)))
    (tmp_path / "names.yaml").write_text("api.example.com: [203.0.113.9]\n")
    one = {"client": "orders/orders-1", "server": "orders/*", "decision": "deny", "reason": "moved", "who": "ana"}
    past = {**one, "client": "x/*", "until": "2026-01-01"}
    (tmp_path / "decisions.yaml").write_text(yaml.safe_dump({"decisions": [one, past]}))
    (tmp_path / "token").write_text("of viewer")
    return tmp_path


def words(text: str) -> list[str]:
    return ["policy", *text.split()]


def at(hub: Serving) -> list[str]:
    return ["--hub", hub.door.url, "--token-file", "token"]


@pytest.mark.parametrize(
    "asked",
    [
        "generate --per namespace --default-deny --close-silent --numeric-ports --direction ingress --output json",
        "generate --decisions decisions.yaml --merge-at 1 --merge-length 16 --avoid-label app",
        "replay --policies closed.yaml --output yaml",
        "replay --posture deny --decisions decisions.yaml --since 1h --output json",
        "replay --policies guard.yaml --names names.yaml --format junit",
        "diff none closed.yaml --output json",
        f"explain orders/orders-1 {DB} 5432 --policies closed.yaml --output json",
        "explain ui/ui-2 203.0.113.9 443 --policies guard.yaml --names names.yaml",
        "lint --policies closed.yaml guard.yaml --cni kube-router --output json",
    ],
)
def test_a_hub_answers_as_files_do(
    hub: Serving, here: Path, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    flows = [] if asked.startswith(("diff", "explain")) else ["--flows", "flows.parquet"]
    code = main([*words(asked), "--cluster", "cluster", *flows])
    wanted = capsys.readouterr().out
    assert main([*words(asked), *at(hub)]) == code
    assert capsys.readouterr().out == wanted


def test_coverage_knows_what_agents_lost(hub: Serving, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = words("coverage --interval 1s --threshold 50 --decisions decisions.yaml --output json")
    assert main([*asked, *at(hub)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert main([*asked, "--cluster", "cluster", "--flows", str(hub.state.folder)]) == 1
    assert told == json.loads(capsys.readouterr().out)
    assert len(told["scores"]) > 1
    assert "x/* -> orders/*` was over on 2026-01-01" in told["decisions"][0]


def test_policies_are_written_and_reports_name_their_files(
    hub: Serving, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words("generate --out made"), *at(hub)]) == 0
    assert {path.name for path in (here / "made").iterdir()} >= {"orders-orders-1.yaml", "ui-ui-1.yaml"}
    assert main([*words("replay --policies made"), *at(hub)]) == 0
    capsys.readouterr()
    assert main([*words("replay --policies closed.yaml --format sarif"), *at(hub)]) == 1
    (result, *_) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "closed.yaml"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("replay --cluster cluster", "--cluster goes with --flows; give a file of flows"),
        ("generate --flows flows.parquet", "--flows goes with --cluster; give the manifests"),
        ("lint --cluster cluster HUB", "a hub answers of its own cluster and flows; leave out --cluster"),
        ("generate --ranges none HUB", "--ranges goes with --flows; a hub goes by those it was started with"),
        ("replay --policies nowhere.yaml HUB", "nowhere.yaml: cannot be read: No such file"),
        ("replay --policies names.yaml HUB", "names.yaml: "),
        (f"explain ui/no {DB} 80 HUB", "`ui/no`"),
        ("coverage", "no hub: run `fairway login URL`, or give --hub URL"),
    ],
)
def test_mistakes(hub: Serving, here: Path, capsys: pytest.CaptureFixture[str], asked: str, said: str) -> None:
    whole = asked.replace("HUB", " ".join(at(hub)))
    assert main(words(whole)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_who_is_bound_to_namespaces_is_told_so(
    hub: Serving, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "token").write_text("of orders")
    assert main([*words("diff none closed.yaml"), *at(hub)]) == 2
    assert "this is about the whole cluster; the token is bound to namespaces" in capsys.readouterr().err


def test_an_interrupted_verb_ends_its_job_and_tells_of_progress(
    hub: Serving, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = threading.Event()
    monkeypatch.setattr("fairway.hub.jobs.write", lambda *_: interrupted.wait(120))
    command = [sys.executable, "-m", "fairway.cli.main", *words("diff none closed.yaml"), *at(hub)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as asking:
        assert asking.stderr
        assert asking.stderr.readline() == "reading flows, 0%\n"
        asking.send_signal(signal.SIGINT)
        assert asking.wait(60) == 130
        assert asking.stderr.read() == "fairway: interrupted\n"
    job = answer(hub, "/api/v1/policy/jobs", "of viewer")[0]
    interrupted.set()
    assert (job["verb"], job["state"]) == ("diff", "cancelled")
