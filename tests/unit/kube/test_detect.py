"""Which network a cluster has, and whether anybody enforces: clusters as their pods and nodes tell them."""

from dataclasses import replace

import pytest

from fairway.hub.surroundings import Orders
from fairway.kube.detect import bounded, detected
from fairway.kube.parts import NodePart
from fairway.policy.model import Cluster, NetworkPolicy, Node, Pod, PolicySet, Selector
from fairway.wire.words import Mode

POLICY = NetworkPolicy("shop", "web", Selector(), ingress=())
K3S = (("k3s.io/node-args", '["server"]'),)
AUTO = (("eks.amazonaws.com/compute-type", "auto"),)
NOBODY = "ACCEPTED BUT ENFORCED BY NOBODY"


def pod(workload: str, *declared: str) -> Pod:
    name = workload.partition("/")[2]
    return Pod(f"uid-{name}", "kube-system", f"{name}-x", workload=workload, declared=declared)


def node(signs: tuple[tuple[str, str], ...] = (), labels: tuple[tuple[str, str], ...] = ()) -> dict[str, NodePart]:
    return {"n": NodePart(Node("n", labels=labels), None, signs)}


CASES = [
    ([pod("DaemonSet/cilium", "--x")], {}, "Cilium", "Cilium", True, ""),
    ([pod("DaemonSet/anetd")], {}, "Dataplane V2 (Cilium)", "Dataplane V2 (Cilium)", True, ""),
    ([pod("DaemonSet/calico-node")], {}, "Calico", "Calico", False, ""),
    ([pod("DaemonSet/kindnet")], {}, "kindnet", "kindnet", False, ""),
    ([pod("DaemonSet/kindnet", "--network-policy=false")], {}, "kindnet", "", False, NOBODY),
    (
        [pod("DaemonSet/aws-node", "--enable-network-policy=true")],
        {},
        "Amazon VPC CNI",
        "Amazon VPC CNI",
        False,
        "",
    ),
    ([pod("DaemonSet/aws-node", "--enable-network-policy=false")], {}, "Amazon VPC CNI", "", False, NOBODY),
    ([pod("DaemonSet/kube-flannel-ds")], {}, "Flannel", "", False, NOBODY),
    ([], node(K3S), "k3s (Flannel and kube-router)", "k3s (Flannel and kube-router)", False, ""),
    (
        [],
        node((("k3s.io/node-args", '["--disable-network-policy"]'),)),
        "k3s (Flannel and kube-router)",
        "",
        False,
        NOBODY,
    ),
    ([], node(labels=AUTO), "EKS Auto Mode", "", False, "cannot be told from here"),
    ([], {}, "unknown", "", False, "cannot be told from here"),
]


@pytest.mark.parametrize(("pods", "nodes", "name", "enforcer", "observe_only", "said"), CASES)
def test_the_plugin_and_who_enforces(
    pods: list[Pod], nodes: dict[str, NodePart], name: str, enforcer: str, observe_only: bool, said: str
) -> None:
    cluster = Cluster(pods=tuple(pods), policies=(POLICY,))
    orders = Orders(PolicySet((POLICY,)))
    found = detected(cluster, nodes, orders)
    assert (found.plugins, found.enforcer, found.observe_only) == ((name,), enforcer, observe_only)
    assert [said in line for line in found.warnings] == ([True] if said else [])
    # Where somebody else enforces, or nobody can attach in the way, nothing is dropped by Fairway.
    asked = replace(orders, namespaces={"shop": Mode.ENFORCE})
    assert bounded(asked, found).mode("shop", "n") is (Mode.AUDIT if enforcer or observe_only else Mode.ENFORCE)
    told = detected(cluster, nodes, asked).warnings
    assert any("only audits here" in line for line in told) is bool(enforcer or observe_only)
    assert not any(NOBODY in line for line in told)


@pytest.mark.parametrize(
    ("declared", "mode"),
    [(("--proxy-mode=ipvs",), "ipvs"), (("--proxy-mode=nftables",), "nftables"), (("--config=/x",), "kube-proxy")],
)
def test_how_services_are_translated(declared: tuple[str, ...], mode: str) -> None:
    assert detected(Cluster(pods=(pod("DaemonSet/kube-proxy", *declared),)), {}).proxy == mode
    assert detected(Cluster(), {}).proxy == "none"
    configured = detected(Cluster(pods=(pod("DaemonSet/kube-proxy", *declared),)), {}, configured="nftables").proxy
    assert configured == ("nftables" if mode == "kube-proxy" else mode)


@pytest.mark.parametrize(
    ("arguments", "mode"),
    [
        ('["server"]', "kube-proxy"),
        ('["server","--kube-proxy-arg=proxy-mode=nftables"]', "nftables"),
        ('["server","--disable-kube-proxy"]', "none"),
    ],
)
def test_k3s_has_it_inside(arguments: str, mode: str) -> None:
    assert detected(Cluster(), node((("k3s.io/node-args", arguments),))).proxy == mode


def test_a_node_and_a_namespace_bound_each_other() -> None:
    orders = Orders(
        PolicySet(),
        namespaces={"a": Mode.ENFORCE, "b": Mode.OFF},
        nodes={"slow": Mode.AUDIT, "out": Mode.OFF},
        usual=Mode.AUDIT,
    )
    table = {(ns, name): orders.mode(ns, name) for ns in ("a", "b", "c") for name in ("any", "slow", "out")}
    assert table == {
        ("a", "any"): Mode.ENFORCE, ("a", "slow"): Mode.AUDIT, ("a", "out"): Mode.OFF,
        ("b", "any"): Mode.OFF, ("b", "slow"): Mode.OFF, ("b", "out"): Mode.OFF,
        ("c", "any"): Mode.AUDIT, ("c", "slow"): Mode.AUDIT, ("c", "out"): Mode.OFF,
    }  # fmt: skip
