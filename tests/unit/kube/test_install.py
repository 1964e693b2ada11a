"""Installing again changes nothing that is in use, and what is installed may do what it says."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from fairway.cli.main import main
from support.apiserver import ApiServerReplay, api_server


def kubeconfig(path: Path, server: ApiServerReplay) -> str:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.access.server}}],
        "users": [{"name": "u", "user": {"token": "hub-token"}}],
    }
    path.write_text(json.dumps(config))
    return str(path)


def certificates(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[dict[str, Any]], str]:
    assert main(["install", "--print", "-n", "net", *arguments]) == 0
    told = capsys.readouterr()
    return [value for value in yaml.safe_load_all(told.out) if value["kind"] == "Secret"], told.err


def test_the_certificate_of_the_first_time_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with api_server() as server:
        config = kubeconfig(tmp_path / "config", server)
        [made], _ = certificates(capsys, "--kubeconfig", config)
        server.put("secrets", made)
        assert certificates(capsys, "--kubeconfig", config) == ([], "")
        server.delete("secrets", "fairway-hub-tls", "net")
        server.forbidden.add("secrets")
        [other], told = certificates(capsys, "--kubeconfig", config)
        assert other["data"] != made["data"]
        assert "whether there is one cannot be seen: you may not: secrets is forbidden" in told
    [alone], told = certificates(capsys, "--kubeconfig", config)
    assert (alone["metadata"]["name"], told.count("\n")) == ("fairway-hub-tls", 1)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/pods", 200),
        ("GET", "/api/v1/secrets", 403),
        ("GET", "/api/v1/namespaces/kube-system/configmaps/kube-proxy", 403),
        ("DELETE", "/api/v1/namespaces/shop/pods/ui", 403),
        ("GET", "/apis/coordination.k8s.io/v1/namespaces/fairway/leases/fairway-hub", 404),
        ("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler", 403),
        ("GET", "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/web", 404),
    ],
)
def test_what_the_hub_may_ask(method: str, path: str, status: int) -> None:
    """The server that its tests run against holds it to the chart's own roles."""
    with api_server(for_hub=True) as server:
        headers = {"Authorization": "Bearer hub-token"}
        assert httpx.request(method, f"{server.access.server}{path}", headers=headers).status_code == status
        assert len(server.denied) == (status == 403)
        server.denied.clear()
