"""Pods, Services and owners as Kubernetes writes them."""

from typing import Any

import pytest

from fairway.policy.model import ServicePort
from fairway.wire.endpoint import NamedPort
from support.objects import cluster, node, pod, service

HASH = {"pod-template-hash": "7d9f"}


def owned(kind: str, name: str, owner: str, api: str) -> dict[str, Any]:
    owner_kind, _, owner_name = owner.partition("/")
    references = [{"kind": owner_kind, "name": owner_name, "controller": True}] if owner else []
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": "a", "ownerReferences": references},
    }


@pytest.mark.parametrize(
    ("owner", "labels", "objects", "workload"),
    [
        ("ReplicaSet/ui-7d9f", HASH, [], "Deployment/ui"),
        ("ReplicaSet/ui-7d9f", {}, [], "ReplicaSet/ui-7d9f"),
        ("ReplicaSet/ui-7d9f", HASH, [owned("ReplicaSet", "ui-7d9f", "Rollout/ui", "apps/v1")], "Rollout/ui"),
        ("ReplicaSet/own", HASH, [owned("ReplicaSet", "own", "", "apps/v1")], "ReplicaSet/own"),
        ("Job/export-29000", {}, [], "CronJob/export"),
        ("Job/once", {}, [], "Job/once"),
        ("Job/by-hand", {}, [owned("Job", "by-hand", "CronJob/export", "batch/v1")], "CronJob/export"),
        ("StatefulSet/db", {}, [], "StatefulSet/db"),
        ("DaemonSet/agent", {}, [], "DaemonSet/agent"),
        ("Node/n1", {}, [], "Pod/p"),
        ("", {}, [], "Pod/p"),
    ],
)
def test_the_workload_is_what_a_person_deploys(
    owner: str, labels: dict[str, str], objects: list[dict[str, Any]], workload: str
) -> None:
    assert cluster(*objects, pod("a/p", "10.0.0.1", owner=owner, labels=labels)).pods[0].workload == workload


def test_an_owner_that_does_not_control_is_none() -> None:
    loose = pod("a/p", "10.0.0.1")
    loose["metadata"]["ownerReferences"] = [{"kind": "ConfigMap", "name": "c"}]
    assert cluster(loose).pods[0].workload == "Pod/p"


def test_a_pod_whole() -> None:
    value = pod("a/p", "10.0.0.1", "fd00:0::1", ports={"web": 80, "dns": (53, "UDP")}, env={"URL": "http://b"})
    value["metadata"]["uid"] = "u-1"
    value["spec"]["containers"][0] |= {"command": ["run"], "args": ["--to=c"]}
    value["spec"]["initContainers"] = [
        {"name": "side", "restartPolicy": "Always", "ports": [{"containerPort": 15001}]},
        {"name": "setup", "ports": [{"containerPort": 1}], "args": ["migrate"]},
    ]
    value["status"] |= {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "False"}]}
    found = cluster(value).pods[0]
    assert (found.uid, found.addresses, found.ready) == ("u-1", ("10.0.0.1", "fd00::1"), False)
    assert found.ports == (NamedPort("web", "TCP", 80), NamedPort("dns", "UDP", 53), NamedPort("", "TCP", 15001))
    assert set(found.declared) == {"http://b", "run", "--to=c", "migrate"}


def test_np38_a_pod_without_an_address_has_none() -> None:
    assert cluster(pod("a/p", phase="Pending")).pods[0].addresses == ()


def test_nodes_have_zones_and_internal_addresses() -> None:
    value = node("n1", "10.0.0.10", "fd00::10", zone="1a")
    value["status"]["addresses"] += [
        {"type": "ExternalIP", "address": "203.0.113.1"},
        {"type": "Hostname", "address": "n1"},
    ]
    found = cluster(value).nodes[0]
    assert (found.zone, found.addresses) == ("1a", ("10.0.0.10", "fd00::10"))


def endpoints(*addresses: str, ports: list[dict[str, Any]], name: str = "s") -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-1", "namespace": "a", "labels": {"kubernetes.io/service-name": name}},
        "endpoints": [{"addresses": [address], "conditions": {"ready": False}} for address in addresses],
        "ports": ports,
    }


def test_slices_give_the_backends_by_port_name_ready_or_not() -> None:
    ports = [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]
    found = cluster(
        service("a/s", "10.96.0.1", selector={"app": "x"}, ports=ports),
        pod("a/ignored", "10.0.0.9", labels={"app": "x"}),
        endpoints("10.0.0.2", "10.0.0.1", ports=[{"name": "http", "port": 8080}, {"name": "admin", "port": 9}]),
    ).services[0]
    assert found.ports == (
        ServicePort("http", "TCP", 80, (("10.0.0.1", 8080), ("10.0.0.2", 8080))),
        ServicePort("admin", "TCP", 81, (("10.0.0.1", 9), ("10.0.0.2", 9))),
    )


@pytest.mark.parametrize(
    ("port", "backends"),
    [
        ({"port": 80}, (("10.0.0.1", 80), ("10.0.0.2", 80))),
        ({"port": 80, "targetPort": 8080}, (("10.0.0.1", 8080), ("10.0.0.2", 8080))),
        ({"port": 80, "targetPort": "web"}, (("10.0.0.1", 81), ("10.0.0.2", 82))),
        ({"port": 80, "targetPort": "web", "protocol": "UDP"}, ()),
    ],
)
def test_without_slices_the_selector_does(port: dict[str, Any], backends: tuple[tuple[str, int], ...]) -> None:
    found = cluster(
        service("a/s", "10.96.0.1", selector={"app": "x"}, ports=[port]),
        pod("a/p", "10.0.0.1", labels={"app": "x"}, ports={"web": 81}),
        pod("a/q", "10.0.0.2", labels={"app": "x"}, ports={"web": 82}),
        pod("a/other", "10.0.0.3", labels={"app": "y"}, ports={"web": 83}),
        pod("b/elsewhere", "10.0.0.4", labels={"app": "x"}, ports={"web": 84}),
        pod("a/done", "10.0.0.5", labels={"app": "x"}, ports={"web": 85}, phase="Succeeded"),
    ).services[0]
    assert found.ports[0].backends == backends


def test_headless_services_have_no_address_and_those_without_selector_no_backends() -> None:
    found = cluster(service("a/s"), pod("a/p", "10.0.0.1", ports={"http": 1})).services[0]
    assert (found.addresses, found.ports[0].backends) == ((), ())


def test_cron_jobs() -> None:
    containers = [{"name": "c", "env": [{"name": "DB", "value": "postgres://db"}], "args": ["go"]}]
    template = {"spec": {"template": {"spec": {"containers": containers}}}}
    job = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "j", "namespace": "a"},
           "spec": {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": template}}  # fmt: skip
    found = cluster(job).cron_jobs[0]
    assert (found.schedule, found.suspended, found.declared) == ("0 3 * * *", True, ("postgres://db", "go"))
