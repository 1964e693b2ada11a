"""The Helm chart, rendered by Helm 4 itself: valid for Kubernetes, least in privileges, what the programs take."""

import argparse
import base64
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, HelmValuesError, lint

from fairway.agent.config import Config
from fairway.cli.main import main, parser
from fairway.kit.settings import add_flags, settle
from fairway.kube.identity import AUDIENCE
from fairway.kube.resources import WATCHED
from support.chart import CHART, Value, one, pod, rendered

ROOT = Path(__file__).parents[3]
RELEASES = ("1.27", "1.31", "1.37")
ALL: dict[str, Any] = {
    "namespace": {"create": True},
    "tls": {"source": "certManager"},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "alerts": {"enabled": True, "labels": {"release": "prometheus"}},
    "otlp": "http://otel-collector.monitoring:4318",
    "rbac": {"aggregate": True},
    "rollout": {"objects": True, "nodeClasses": True},
    "mode": "audit",
    "image": {
        "registry": "reg.example.com/x",
        "pullSecrets": [{"name": "pull"}],
        "hub": {"digest": f"sha256:{'0' * 64}"},
    },
    "agent": {
        "detach": True,
        "setns": False,
        "extraArgs": ["--compat=aws"],
        "podAnnotations": {"a": "b"},
        "affinity": {"nodeAffinity": {}},
    },
    "hub": {
        "listen": "[::]:9000",
        "extraArgs": ["--rate=9"],
        "metricEdges": 500,
        "tolerations": [{"operator": "Exists"}],
    },
}


@pytest.mark.parametrize("values", [{}, ALL], ids=["default", "everything"])
@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_valid_for_kubernetes(values: Value, release: str) -> None:
    objects = rendered(values)
    assert len(objects) >= 15
    own = [
        value
        for value in objects
        if "cert-manager" not in value["apiVersion"] and "coreos" not in value["apiVersion"]
    ]
    for value in own:
        kubernetes_validate.validate(value, release, strict=True)


def test_lint_finds_nothing_wrong() -> None:
    found = lint(str(CHART))
    assert found["errors"] == []
    assert [line for line in found["messages"] if line["severity"] > 1] == []


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"mode": "enforced"}, "mode"),
        ({"agnet": {}}, "agnet"),
        ({"hub": {"memoryMiB": 100}}, "memoryMiB"),
        ({"image": {"hub": {"digest": "latest"}}}, "digest"),
        ({"tls": {"source": "none"}}, "source"),
        ({"agent": {"bpf": "sys/fs/bpf"}}, "bpf"),
        ({"agent": {"spool": "/spool"}}, "spool"),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(values: Value, named: str) -> None:
    with pytest.raises(HelmValuesError, match=named), Chart.load(str(CHART)) as chart:
        chart.validate_schema(values)


def test_the_programs_take_the_arguments_that_they_are_given() -> None:
    for values in ({}, ALL):
        objects = rendered(values)
        [hub] = pod(objects, "StatefulSet", "fairway-hub")["containers"]
        taken = parser().parse_args(hub["args"])
        assert (taken.kube, taken.mode) == (True, values.get("mode", "observe"))
        assert taken.listen[1] == hub["ports"][0]["containerPort"]
        [agent] = pod(objects, "DaemonSet", "fairway-agent")["containers"]
        assert agent["args"][0] == "agent"
        flags = argparse.ArgumentParser()
        add_flags(flags, Config)
        given = vars(flags.parse_args(agent["args"][1:]))
        environment = {entry["name"]: "node-a" for entry in agent["env"]}
        settled = settle(Config, flags=given, environment=environment, prefix="FAIRWAY_AGENT_", file=None, path="")
        assert settled.values.problems() == []
        assert settled.values.node == "node-a"
        assert settled.values.detach is bool(values)
        mounts = {mount["mountPath"] for mount in agent["volumeMounts"]}
        for path in (settled.values.spool, settled.values.token_file, settled.values.ca_file, settled.values.pins):
            assert path is not None
            assert any(str(path).startswith(mount) for mount in mounts), path


def test_the_hub_may_see_what_it_watches_and_nothing_else() -> None:
    rules = one(rendered(), "ClusterRole", "fairway-hub")["rules"]
    may = {(group, resource, verb) for rule in rules for group in rule["apiGroups"]
           for resource in rule["resources"] for verb in rule["verbs"]}  # fmt: skip
    watched = {
        (resource.version.rpartition("/")[0], resource.plural, verb)
        for resource in WATCHED
        for verb in ("list", "watch")
    }
    assert may == watched | {
        ("fairway.dev", "stagednetworkpolicies/status", "patch"),
        ("authentication.k8s.io", "tokenreviews", "create"),
        ("authorization.k8s.io", "subjectaccessreviews", "create"),
    }
    secrets = [rule for value in rendered(ALL) for rule in value.get("rules", ()) if "secrets" in rule["resources"]]
    assert secrets == []


def test_it_may_write_only_what_rollouts_are_allowed_to() -> None:
    usual, all_rules = (one(rendered(values), "ClusterRole", "fairway-hub")["rules"] for values in ({}, ALL))
    more = [rule for rule in all_rules if rule not in usual]
    written = {
        resource for rule in more if {"patch", "delete"} & set(rule["verbs"]) for resource in rule["resources"]
    }
    assert written == {"networkpolicies", "nodeclasses"}


def test_every_permission_is_in_the_guide() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    for value in rendered(ALL):
        if value["kind"] in ("ClusterRole", "Role"):
            for rule in value["rules"]:
                for resource in rule["resources"]:
                    assert f"`{resource}`" in page, (value["metadata"]["name"], resource)


def test_the_hub_keeps_the_restricted_profile() -> None:
    """Pod Security Standards, "Restricted"."""
    spec = pod(rendered(), "StatefulSet", "fairway-hub")
    assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["runAsUser"]) == (True, 65532)
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {"hostNetwork", "hostPID", "hostIPC"} & spec.keys() == set()
    assert {key for volume in spec["volumes"] for key in volume} == {"name", "secret", "emptyDir"}
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


def test_the_agent_has_named_capabilities_only_and_no_way_to_the_api() -> None:
    for setns, more in ((True, ["SYS_ADMIN"]), (False, [])):
        spec = pod(rendered({"agent": {"setns": setns}}), "DaemonSet", "fairway-agent")
        [container] = spec["containers"]
        context = container["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"], "add": ["BPF", "NET_ADMIN", "PERFMON", *more]}
        assert "initContainers" not in spec
        assert (context["privileged"], context["readOnlyRootFilesystem"]) == (False, True)
        assert "hostPID" not in spec
        assert spec["automountServiceAccountToken"] is False
        [token] = [volume for volume in spec["volumes"] if "projected" in volume]
        [source] = token["projected"]["sources"]
        assert source["serviceAccountToken"]["audience"] == AUDIENCE
    bound = [value for value in rendered(ALL) if value["kind"].endswith("Binding")]
    assert not any(subject["name"] == "fairway-agent" for value in bound for subject in value["subjects"])


def shakes_hands(secret: Value, host: str, folder: Path) -> None:
    """A server with the secret's certificate is trusted under a name by who has its ca.crt."""
    data = {name: base64.b64decode(value) for name, value in secret["data"].items()}
    for name, value in data.items():
        (folder / name).write_bytes(value)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    asking = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=lambda: serving.wrap_socket(theirs, server_side=True).close())
    thread.start()
    with asking.wrap_socket(ours, server_hostname=host) as secured:
        assert secured.version() in ("TLSv1.2", "TLSv1.3")
    thread.join()


@pytest.mark.filterwarnings("ignore:unclosed")
def test_generated_certificates_are_for_the_name_that_agents_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_helm = one(rendered(namespace="net"), "Secret", "fairway-hub-tls")
    assert main(["install", "--print", "-n", "net"]) == 0
    by_verb = one(list(yaml.safe_load_all(capsys.readouterr().out)), "Secret", "fairway-hub-tls")
    for secret in (by_helm, by_verb):
        shakes_hands(secret, "fairway-hub.net.svc", tmp_path)


def test_install_prints_the_charts_own_manifests(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "install",
        "--print",
        "-n",
        "net",
        "--registry",
        "reg.example.com/x",
        "--mode",
        "audit",
        "--without-tls",
        "--without-volume",
        "--mount-bpf",
    ]
    assert main(arguments) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    values = {
        "mode": "audit",
        "namespace": {"create": True},
        "tls": {"source": "secret"},
        "image": {"registry": "reg.example.com/x"},
        "hub": {"persistence": {"enabled": False}},
        "agent": {"mountBpf": True},
    }
    charts = rendered(values, namespace="net")
    for value in charts:
        if "app.kubernetes.io/managed-by" in value["metadata"].get("labels", {}):
            value["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "fairway"
    definition = yaml.safe_load((CHART / "crds/stagednetworkpolicies.yaml").read_text())
    assert sorted(map(yaml.safe_dump, printed)) == sorted(map(yaml.safe_dump, [definition, *charts]))
    assert printed[0]["kind"] == "Namespace"
    assert main(["install", "--print", "-n", "Not A Name"]) == 2


def test_what_is_written_from_the_chart_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/install-manifests", "--check"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_example_overlay_changes_what_it_says() -> None:
    objects = list(yaml.safe_load_all((ROOT / "deploy/kustomize/base/fairway.yaml").read_text()))
    overlay = yaml.safe_load((ROOT / "deploy/kustomize/overlays/audit/kustomization.yaml").read_text())
    for patch in overlay["patches"]:
        target = one(objects, patch["target"]["kind"], patch["target"]["name"])
        test, change = yaml.safe_load(patch["patch"])
        assert test["path"] == change["path"]
        place: Any = target
        for step in test["path"].strip("/").split("/"):
            place = place[int(step)] if step.isdigit() else place[step]
        assert place == test["value"]
    names = {image["name"] for image in overlay["images"]}
    assert names == {
        pod(objects, "StatefulSet", "fairway-hub")["containers"][0]["image"].partition(":")[0],
        pod(objects, "DaemonSet", "fairway-agent")["containers"][0]["image"].partition(":")[0],
    }


def test_series_that_say_whose_they_are_keep_it_when_scraped() -> None:
    objects = rendered(ALL)
    [agents] = one(objects, "PodMonitor", "fairway-agent")["spec"]["podMetricsEndpoints"]
    [hub] = one(objects, "ServiceMonitor", "fairway-hub")["spec"]["endpoints"]
    assert (agents["honorLabels"], hub["honorLabels"]) == (True, True)
    assert agents["relabelings"] == [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}]


def test_the_hub_may_reach_the_collector_and_what_else_it_is_told() -> None:
    for url, port in (("http://a:4318", 4318), ("https://a.example/otlp", 443), ("http://a", 80)):
        [egress] = one(rendered({"otlp": url}), "NetworkPolicy", "fairway-hub")["spec"]["egress"]
        assert egress["ports"][-1] == {"protocol": "TCP", "port": port}
    store = {"ports": [{"protocol": "TCP", "port": 9440}]}
    values = {"networkPolicy": {"apiServerPorts": [7443], "egress": [store]}}
    usual, more = one(rendered(values), "NetworkPolicy", "fairway-hub")["spec"]["egress"]
    assert [one["port"] for one in usual["ports"]] == [53, 53, 5353, 5353, 7443]
    assert more == store


def test_nodes_that_are_no_linux_machines_get_nothing() -> None:
    """A DaemonSet tolerates every taint; on Fargate and virtual nodes its pods would wait for ever."""
    objects = rendered()
    for kind, name in (("StatefulSet", "fairway-hub"), ("DaemonSet", "fairway-agent")):
        assert pod(objects, kind, name)["nodeSelector"] == {"kubernetes.io/os": "linux"}
    [term] = pod(objects, "DaemonSet", "fairway-agent")["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    assert {one["values"][0]: one["operator"] for one in term["matchExpressions"]} == {
        "fargate": "NotIn",
        "virtual-kubelet": "NotIn",
    }


def test_an_agent_that_takes_everything_off_can_remove_its_folder() -> None:
    """A mount point cannot be removed from inside: it is given the folder above."""
    for detach, host, inside, spool in (
        (False, "/data/x/fairway", "/var/lib/fairway/spool", "/var/lib/fairway/spool"),
        (True, "/data/x", "/run/fairway/node", "/run/fairway/node/fairway"),
    ):
        spec = pod(
            rendered({"agent": {"detach": detach, "spool": "/data/x/fairway"}}), "DaemonSet", "fairway-agent"
        )
        [volume] = [volume for volume in spec["volumes"] if volume["name"] == "spool"]
        [container] = spec["containers"]
        [mount] = [mount for mount in container["volumeMounts"] if mount["name"] == "spool"]
        assert (volume["hostPath"]["path"], mount["mountPath"]) == (host, inside)
        assert f"--spool={spool}" in container["args"]
