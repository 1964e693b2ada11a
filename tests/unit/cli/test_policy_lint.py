"""`fairway policy lint` as a person runs it."""

import json
from pathlib import Path

import pytest
import yaml

from fairway.cli import policy_lint
from fairway.cli.main import main
from fairway.policy.lint_cni import CNIS
from support.objects import policy
from support.reports import write_cluster

FROM_UI = {"from": [{"namespaceSelector": {}}], "ports": [{"port": 80}]}
INTO_ORDERS = policy("orders/orders", podSelector={"matchLabels": {"app": "orders"}}, ingress=[FROM_UI])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster whose Service orders:80 leads to port 8080, and a policy that mixes the two up."""
    write_cluster(tmp_path / "cluster")
    (tmp_path / "orders.yaml").write_text(yaml.safe_dump(INTO_ORDERS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return main(["policy", "lint", "--cluster", "cluster", "--policies", "orders.yaml", *words])


def test_an_error_is_exit_1_with_place_reason_and_remedy(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "error: orders.yaml: orders/orders ingress[0]: TCP 80 is the port of Service orders/orders; its pods take "
        "8080, and policies see the pods' ports [service-port]\n  write 8080 in place of 80\n"
    )
    assert "1 error, 0 warnings" in out
    assert run("--output", "json") == 1
    first = json.loads(capsys.readouterr().out)[0]
    assert run("--output", "yaml") == 1
    assert yaml.safe_load(capsys.readouterr().out)[0] == first
    assert (first["severity"], first["code"], first["do"]) == ("error", "service-port", "write 8080 in place of 80")


def test_without_errors_it_is_exit_0(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "orders.yaml").write_text((files / "orders.yaml").read_text().replace("80\n", "8080\n"))
    assert run() == 0
    assert run("--cni", "flannel") == 1
    assert "flannel enforces no policy itself" in capsys.readouterr().out


def test_the_network_plugins_it_offers_are_those_it_knows() -> None:
    assert policy_lint.CNIS == CNIS
