"""A small cluster to lint policies of, and those policies in few words."""

from typing import Any

from fairway.policy.findings import Finding
from fairway.policy.lint import lint
from fairway.policy.read import read_policy_set
from fairway.wire.edge import Edge
from fairway.wire.words import Posture
from support.objects import Object, cluster, namespace, node, pod, policy, service

PLACE = cluster(
    namespace("a"),
    namespace("kube-system"),
    node("n1", "10.0.1.10"),
    pod("a/ui", "10.0.1.1", "fd00::1", labels={"app": "ui"}),
    pod("a/api", "10.0.1.2", labels={"app": "api"}, ports={"http": 8080}),
    pod("a/job", "10.0.1.9", labels={"app": "job"}, phase="Succeeded"),
    pod("kube-system/dns", "10.0.1.3", labels={"k8s-app": "kube-dns"}, ports={"dns": (53, "UDP"), "dns-tcp": 53}),
    service("a/api", "10.96.0.1", selector={"app": "api"}),
)
DNS: Object = {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53}, {"port": 53, "protocol": "UDP"}]}
V4: Object = {"ipBlock": {"cidr": "0.0.0.0/0"}}


def of(app: str) -> Object:
    return {"matchLabels": {"app": app}}


def pods(app: str) -> Object:
    return {"podSelector": of(app)}


def api(*ingress: Object, name: str = "a/api") -> Object:
    """A policy for the ingress of api."""
    return policy(name, podSelector=of("api"), policyTypes=["Ingress"], ingress=list(ingress))


def ui(*egress: Object) -> Object:
    """A policy for the egress of ui."""
    return policy("a/ui", podSelector=of("ui"), policyTypes=["Egress"], egress=list(egress))


def found(
    *policies: Object, cni: str = "", seen: list[Edge] | None = None, posture: Posture = Posture.ALLOW, **more: Any
) -> list[Finding]:
    """What lint says of the policies over PLACE, but for workloads that are left open."""
    chosen = read_policy_set([("p.yaml", p) for p in policies], PLACE, posture)
    told = lint(chosen, PLACE, seen, cni, **more)
    return [finding for finding in told if finding.severity != "note" or finding.code != "unselected"]
