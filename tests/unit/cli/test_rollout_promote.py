"""Promoting between two hubs: what was proven in one is checked against what the other has recorded."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairway.cli.main import main
from fairway.wire.words import Initiator
from support.asking import ask
from support.hubs import Serving, serving
from support.played import PATH, Agents, phase
from support.reports import DB, ORDERS, UI, report

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: orders, namespace: orders}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {}}]}]
"""
ORDER = {
    "name": "shop",
    "policies": POLICY,
    "nodes": ["node-a", "node-b", "node-c"],
    "soak": "PT0.2S",
    "gates": {"quiet": "PT0S", "score": 0},
    "limits": {"budgets": [{"nodes": "100%"}]},
}
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hub exported of a rollout that was done."""
    folder = tmp_path_factory.mktemp("staging")
    with serving(folder) as hub:
        agents = Agents(hub)
        agents.beat()
        agents.arrived()
        assert ask(hub, "POST", f"{PATH}/", json={"order": ORDER}).status_code == 201
        assert ask(hub, "POST", f"{PATH}/shop/start", json={}).status_code == 200
        agents.until(phase("done"))
        words = ["rollout", "export", "shop", "--state", str(hub.state.folder)]
        program = [sys.executable, "-m", "fairway.cli.main"]
        done = subprocess.run([*program, *words], capture_output=True, check=True)
        (folder / "shop.json").write_bytes(done.stdout)
    return folder / "shop.json"


@pytest.fixture(scope="module")
def production(proven: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Another hub, which saw something of its own."""
    with serving(tmp_path_factory.mktemp("production")) as hub:
        hub.put(report(DB, ORDERS, 9999, Initiator.REMOTE, connections=2, tx_packets=4, rx_packets=4))
        yield hub


@pytest.fixture
def typed(production: Serving, capsys: pytest.CaptureFixture[str]) -> Typed:
    def type_(*words: object) -> tuple[int, str, str]:
        code = main(["rollout", "promote", "shop", *map(str, words), "--state", str(production.state.folder)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return type_


def test_a_proven_set_is_checked_and_started(proven: Path, production: Serving, typed: Typed) -> None:
    code, out, _ = typed("--from", proven, "--check")
    assert code == 0
    assert "seen only there, and not here: orders/orders-postgresql-0 -> orders/orders-1 8080/TCP" in out
    assert "seen only here, and not there: orders/orders-1 -> orders/orders-postgresql-0 9999/TCP" in out
    assert "1 edges recorded here: nothing would be denied" in out
    assert ask(production, "GET", f"{PATH}/").json() == []
    code, out, _ = typed("--from", proven, "--budget", "1", "--why", "proven")
    assert code == 0
    found = ask(production, "GET", f"{PATH}/shop").json()
    assert (found["phase"] in ("observing", "staged"), found["limits"]["budgets"][0]["nodes"]) == (True, "1")
    order = ask(production, "GET", f"{PATH}/shop/proven").json()["order"]
    assert "nodes" not in order or order["nodes"] is None  # those were of the other cluster
    ask(production, "POST", f"{PATH}/shop/abort", json={})


def test_what_would_deny_here_is_a_no(proven: Path, production: Serving, typed: Typed) -> None:
    production.put(
        report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=2, connections=3, tx_packets=4, rx_packets=4)
    )
    code, out, _ = typed("--from", proven)
    assert code == 1
    assert "would deny: ui/ui-1 -> orders/orders-1 TCP 8080, 3 connections" in out
    assert "fix: give orders/orders the ingress rule" in out
    assert ask(production, "GET", f"{PATH}/shop").json()["phase"] == "aborted"


def test_what_is_not_done_there_is_not_proven(proven: Path, typed: Typed, tmp_path: Path) -> None:
    file, value = tmp_path / "shop.json", json.loads(proven.read_text())
    file.write_text(json.dumps({**value, "phase": "staged"}))
    code, out, _ = typed("--from", file)
    assert (code, out.startswith("not proven yet: there it is staged since")) == (1, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory; give a hub's URL"),
        ("{}", "holds no rollout: "),
        ("x", "holds no rollout: "),
    ],
)
def test_mistakes_in_one_line(typed: Typed, tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "shop.json"
    if content is not None:
        file.write_text(content)
    code, _, err = typed("--from", file)
    assert (code, said in err, err.count("\n")) == (2, True, 1), err
    code, _, err = typed("--from", "https://hub.example")
    assert (code, "no token for `https://hub.example`" in err) == (2, True)
