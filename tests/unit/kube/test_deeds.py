"""What people do to policies in a cluster, as they type it, against a server that replays the protocol."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fairway.cli.main import main, plugin
from fairway.kube.resources import STAGED
from support.apiserver import ApiServerReplay, api_server

CRD = Path(__file__).parents[3] / "deploy/helm/fairway/crds/stagednetworkpolicies.yaml"
WEB = {
    "kind": "NetworkPolicy",
    "apiVersion": "networking.k8s.io/v1",
    "metadata": {"name": "web", "labels": {"team": "a"}},
    "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": []},
}
READY = {
    "observedGeneration": 1,
    "wouldDeny": 0,
    "nodesTotal": 2,
    "nodesProgrammed": 2,
    "since": "2026-11-23T01:00:00Z",
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServerReplay]:
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    def validate(plural: str, value: dict[str, Any]) -> str:
        if plural == STAGED.plural:
            for error in jsonschema.Draft7Validator(schema).iter_errors(value):
                return f"StagedNetworkPolicy is invalid: {error.json_path}: {error.message}"
        return ""

    with api_server() as running:
        running.validate = validate
        config = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{running.port}"}}],
            "users": [{"name": "u", "user": {"token": "hub-token"}}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        yield running


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(yaml.safe_dump(WEB))
    return path


def staged(server: ApiServerReplay, status: dict[str, Any] | None = None) -> None:
    value = {**WEB, "kind": STAGED.kind, "apiVersion": STAGED.version, "status": status or {}}
    value["metadata"] = {**WEB["metadata"], "namespace": "shop"}  # type: ignore[dict-item]
    server.put(STAGED.plural, value)


def on_trial(server: ApiServerReplay) -> dict[tuple[str, str], dict[str, Any]]:
    return server.objects.get(STAGED.plural, {})


def in_force(server: ApiServerReplay) -> dict[tuple[str, str], dict[str, Any]]:
    return server.objects.get("networkpolicies", {})


def test_stage_puts_each_policy_on_trial(
    server: ApiServerReplay, policies: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["kubectl-fairway", "stage", str(policies)])
    assert plugin() == 0
    assert capsys.readouterr().out == "on trial shop/web created\n"
    [kept] = on_trial(server).values()
    assert (kept["kind"], kept["spec"]) == ("StagedNetworkPolicy", WEB["spec"])
    assert kept["metadata"]["labels"] == {"team": "a", "app.kubernetes.io/managed-by": "fairway"}
    assert in_force(server) == {}
    assert plugin() == 0
    assert capsys.readouterr().out == "on trial shop/web unchanged\n"


def test_promote_waits_until_it_would_deny_nothing(
    server: ApiServerReplay, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = [{"reason": "ingress: no rule allows TCP 80 from dev/x", "connections": 3}]
    for status, why in (
        ({}, "the hub has not judged it as it is now"),
        ({**READY, "observedGeneration": 0}, "the hub has not judged it as it is now"),
        ({**READY, "conditions": [{"reason": "Invalid", "message": "no port"}]}, "it cannot be read: no port"),
        ({**READY, "nodesProgrammed": 1}, "only 1 of 2 nodes judge by it"),
        (
            {**READY, "wouldDeny": 3, "reasons": reasons},
            "would have denied 3 connections since 2026-11-23T01:00:00Z",
        ),
    ):
        staged(server, status)
        assert main(["promote", "web"]) == 1
        assert why in capsys.readouterr().err
    assert in_force(server) == {}
    staged(server, READY)
    assert main(["promote", "web", "--dry-run"]) == 0
    assert in_force(server) == {}
    assert main(["promote", "web"]) == 0
    assert "NetworkPolicy shop/web created, its trial ended\n" in capsys.readouterr().out
    assert on_trial(server) == {}
    [kept] = in_force(server).values()
    assert (kept["kind"], kept["spec"]) == ("NetworkPolicy", WEB["spec"])
    assert [one["manager"] for one in kept["metadata"]["managedFields"]] == ["fairway"]


def test_promote_anyway(server: ApiServerReplay) -> None:
    staged(server, {})
    assert main(["promote", "web", "--anyway"]) == 0
    assert on_trial(server) == {}


def test_withdraw_leaves_what_is_in_force(server: ApiServerReplay, capsys: pytest.CaptureFixture[str]) -> None:
    staged(server)
    server.put("networkpolicies", {**WEB, "metadata": {"name": "web", "namespace": "shop"}})
    assert main(["withdraw", "web"]) == 0
    assert (on_trial(server), len(in_force(server))) == ({}, 1)
    assert main(["withdraw", "web"]) == 2
    assert "`web` is not on trial in namespace `shop`; there are: none" in capsys.readouterr().err


def test_apply_never_touches_fields_of_others(
    server: ApiServerReplay, policies: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    theirs = {
        **WEB,
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "annotations": {"owner": "argo"},
            "managedFields": [{"manager": "argocd", "fieldsV1": {"f:spec": {"f:ingress": {}}}}],
        },
        "spec": {"podSelector": {}},
    }
    server.put("networkpolicies", theirs)
    second = tmp_path / "second.yaml"
    second.write_text(yaml.safe_dump({**WEB, "metadata": {"name": "another"}}))
    folder = tmp_path / "policies"
    folder.mkdir()
    policies.rename(folder / "web.yaml")
    second.rename(folder / "second.yaml")
    assert main(["policy", "apply", str(folder)]) == 1
    error = capsys.readouterr().err
    assert (
        'shop/web: somebody else holds what would be changed: Apply failed with 1 conflict: conflict with "argocd"'
        in error
    )
    assert list(in_force(server)) == [("shop", "web")]  # nothing is half done
    assert in_force(server)["shop", "web"]["spec"] == {"podSelector": {}}
    assert main(["policy", "apply", str(folder), "--take-over"]) == 0
    assert capsys.readouterr().out == "NetworkPolicy shop/another created\nNetworkPolicy shop/web changed\n"
    assert in_force(server)["shop", "web"]["metadata"]["annotations"] == {"owner": "argo"}


def test_a_policy_that_does_not_validate_is_refused_before_anything_is_changed(
    server: ApiServerReplay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {**WEB, "spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}}
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(bad))
    assert main(["stage", str(path), "--kube"]) == 2
    assert "`$.spec.ingress[0].from[0].ipBlock.cidr` `10.0.0.0` is not a network" in capsys.readouterr().err
    many = {**WEB, "spec": {"podSelector": {"matchLabels": {f"k{i}": "v" for i in range(65)}}}}
    path.write_text(yaml.safe_dump(many))
    assert main(["stage", str(path), "--kube"]) == 2  # ours takes it, the definition's schema does not
    assert "StagedNetworkPolicy is invalid: $.spec.podSelector.matchLabels" in capsys.readouterr().err
    assert on_trial(server) == {}


def test_status_says_loudly_that_nobody_enforces(
    server: ApiServerReplay, capsys: pytest.CaptureFixture[str]
) -> None:
    flannel = {
        "metadata": {
            "name": "kube-flannel-1",
            "namespace": "kube-flannel",
            "uid": "u",
            "ownerReferences": [{"kind": "DaemonSet", "name": "kube-flannel-ds", "controller": True}],
        },
        "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": "Running"},
    }
    proxy = {
        "metadata": {"name": "kube-proxy-x", "namespace": "kube-system", "uid": "v"},
        "spec": {"containers": [{"name": "c", "args": ["--config=/var/lib/kube-proxy/config.conf"]}]},
        "status": {"phase": "Running"},
    }
    server.put("pods", flannel)
    server.put("pods", proxy)
    settings = "kind: KubeProxyConfiguration\nmode: nftables\n"
    place = {"name": "kube-proxy", "namespace": "kube-system"}
    server.put("configmaps", {"metadata": place, "data": {"config.conf": settings}})
    server.put("networkpolicies", {**WEB, "metadata": {"name": "web", "namespace": "shop"}})
    staged(server, READY)
    assert main(["status"]) == 1
    out = capsys.readouterr().out
    assert "network: Flannel; Services: nftables; NetworkPolicies enforced by: nobody that is known" in out
    assert "! 1 NetworkPolicies are ACCEPTED BUT ENFORCED BY NOBODY: Flannel does not" in out
    server.put("namespaces", {"metadata": {"name": "shop", "labels": {"fairway.dev/mode": "enforce"}}})
    assert main(["status", "-A", "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["modes"] == {"shop": "enforce"}
    assert [(row["policy"], row["ready"], row["nodes"]) for row in told["on_trial"]] == [("shop/web", True, "2/2")]


def test_who_may_not_is_told_what(
    server: ApiServerReplay, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.forbidden = {STAGED.plural}
    assert main(["stage", str(policies), "--kube"]) == 2
    assert "shop/web: you may not: stagednetworkpolicies is forbidden" in capsys.readouterr().err
    server.forbidden, server.missing = set(), {STAGED.plural}
    assert main(["status"]) == 2
    assert "is not there" in capsys.readouterr().err
    server.stop()
    assert main(["status"]) == 3
    assert capsys.readouterr().err.startswith("fairway: the API server http://127.0.0.1:")
