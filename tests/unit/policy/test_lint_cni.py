"""What each network plugin is known to do otherwise."""

from typing import Any

import pytest

from fairway.policy.findings import Severity
from fairway.policy.lint import lint
from fairway.policy.lint_cni import CNIS
from fairway.policy.read import read_policy_set
from support.linting import V4, api, found, pods, ui
from support.objects import cluster, pod
from support.tiered import anp, aws, by, cnp, named, nets, tcp, to

PORTS = [{"port": number} for number in range(8000, 8025)]
NODES: dict[str, Any] = {"nodes": {}}
ERROR, WARNING, NOTE = Severity


@pytest.mark.parametrize(
    ("cni", "rule", "expected"),
    [
        ("calico", {"ports": PORTS}, set()),
        ("vpc-cni", {"from": [pods("ui")], "ports": PORTS[:24]}, set()),
        ("vpc-cni", {"from": [pods("ui")], "ports": PORTS}, {("port-limit", ERROR)}),
        ("vpc-cni", {"from": [V4], "ports": PORTS}, {("port-limit", ERROR)}),
        ("vpc-cni", {"from": [V4], "ports": [{"port": "http"}]}, {("cni-ignores", ERROR)}),
        ("vpc-cni", {"from": [pods("ui")], "ports": [{"port": "http"}]}, set()),
        ("cilium", {"from": [{"ipBlock": {"cidr": "10.0.1.0/24"}}]}, {("cni-ignores", ERROR)}),
        ("cilium", {"from": [{"ipBlock": {"cidr": "10.0.1.0/24"}}, pods("ui")]}, {("cni-ignores", ERROR)}),
        ("cilium", {"from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}, set()),
        ("cilium", {"ports": [{"port": 1, "protocol": "SCTP"}]}, {("cni-ignores", WARNING)}),
    ],
)
def test_what_a_network_plugin_ignores(cni: str, rule: dict[str, Any], expected: set[tuple[str, Severity]]) -> None:
    told = {(f.code, f.severity) for f in found(api(rule), cni=cni) if f.code in ("cni-ignores", "port-limit")}
    assert told == expected
    assert cni in CNIS


@pytest.mark.parametrize(
    ("cni", "policy", "severity", "words"),
    [
        ("calico", cnp(egress=[to("Deny", nets("192.0.2.0/24"), NODES)]), ERROR, "has `nodes`"),
        ("calico", cnp(egress=[to("Accept", named("example.com"))]), ERROR, "has `domainNames`"),
        ("calico", cnp(egress=[to("Deny", nets("192.0.2.0/24"))]), None, "has"),
        ("vpc-cni", aws(egress=[to("Accept", named("example.com"))]), WARNING, "in EKS Auto Mode only"),
        ("ovn-kubernetes", anp(priority=100), ERROR, "priority 100; OVN-Kubernetes takes 0 to 99"),
        ("ovn-kubernetes", anp(priority=99), None, "OVN"),
        ("cilium", cnp(egress=[to("Accept", protocols=[{"destinationNamedPort": "dns"}])]), None, "port `dns`"),
        ("cilium", cnp(egress=[to("Deny", nets("10.0.1.0/24"))]), ERROR, "its ipBlock covers pods (a/api, a/ui"),
        ("cilium", cnp(egress=[to("Deny", protocols=[{"sctp": {}}])]), WARNING, "names SCTP"),
        ("cilium", cnp(egress=[to("Deny", protocols=[tcp(80)])]), None, "names"),
    ],
)
def test_what_it_ignores_of_cluster_wide_policies(
    cni: str, policy: dict[str, Any], severity: Severity | None, words: str
) -> None:
    told = [f for f in found(policy, cni=cni) if f.code == "cni-ignores" and words in f.what]
    assert [f.severity for f in told] == ([severity] if severity else [])


def test_ovn_kubernetes_takes_a_priority_once() -> None:
    told = found(anp("one", ingress=[by("Allow")]), anp("two", ingress=[by("Allow")]), cni="ovn-kubernetes")
    assert [(f.where, f.what) for f in told if f.code == "cni-ignores"] == [
        (
            "p.yaml: AdminNetworkPolicy two",
            "has the priority of p.yaml: AdminNetworkPolicy one; OVN-Kubernetes calls what comes of that undefined",
        )
    ]


def test_cilium_may_skip_names_that_are_other_numbers_elsewhere() -> None:
    one = pod("a/x", "10.0.0.1", labels={"app": "x"}, ports={"http": 80})
    for number, warned in ((80, False), (81, True)):
        place = cluster(one, pod("b/y", "10.0.0.2", labels={"app": "y"}, ports={"http": number}))
        chosen = read_policy_set([("p", ui({"to": [pods("x")], "ports": [{"port": "http"}]}))], place)
        told = [f.what for f in lint(chosen, place, None, "cilium") if f.code == "cni-ignores"]
        assert (
            told
            == ["asks for the port `http`, which is 80, 81 on different pods; Cilium may skip the rule"] * warned
        )


def test_an_unknown_network_plugin_is_refused() -> None:
    with pytest.raises(ValueError, match="weave"):
        found(api(), cni="weave")
