"""`fairway policy diff` as a person runs it."""

import json
from pathlib import Path

import pytest
import yaml

from fairway.cli.main import main
from support.objects import policy
from support.reports import write_cluster

INTO_ORDERS = policy(
    "orders/orders",
    podSelector={"matchLabels": {"app": "orders"}},
    ingress=[{"from": [{"namespaceSelector": {}}], "ports": [{"port": 8080}]}],
)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster, an empty folder, and one with a policy."""
    write_cluster(tmp_path / "cluster")
    (tmp_path / "none").mkdir()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "orders.yaml").write_text(yaml.safe_dump(INTO_ORDERS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return main(["policy", "diff", *words, "--cluster", "cluster"])


def test_exit_codes_and_words(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("one", "one") == 0
    assert capsys.readouterr().out == "no connection is judged differently\n"
    assert run("none", "one") == 1
    out = capsys.readouterr().out
    assert "no longer allowed: orders/orders-postgresql-0" in out
    assert "after: ingress: orders/orders isolates orders/orders-1" in out
    assert run("none", "none", "--old-posture", "deny", "--output", "json") == 1
    found = json.loads(capsys.readouterr().out)
    assert run("none", "none", "--old-posture", "deny", "--output", "yaml") == 1
    assert yaml.safe_load(capsys.readouterr().out) == found
    assert (found["same"], found["denied"]) == (False, [])
    assert {"clients", "servers", "ports", "families", "through", "before", "after"} == found["allowed"][0].keys()


def test_a_missing_folder_is_a_mistake(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nowhere", "one") == 2
    assert "nowhere: cannot be read" in capsys.readouterr().err
