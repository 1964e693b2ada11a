"""Objects read in haste are those read with care, or left to it."""

import copy
import json
import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairway.policy.cases import PlainCase
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster, read_policy_set
from fairway.policy.read_plain import Doubt, canonical, plain_cluster, plain_policies
from fairway.wire.words import Posture
from support.objects import namespace, node, pod, policy, service
from support.tiered import anp, by, team

Object = dict[str, Any]
WHOLE: Object = {
    "namespaces": [namespace("x", team="a"), namespace("y")],
    "nodes": [node("n1", "10.0.0.1", "fd00::1")],
    "pods": [
        pod("x/a", "10.0.1.1", "FD00:0::2", labels={"app": "a"}, ports={"web": 8080, "dns": (53, "UDP")},
            owner="ReplicaSet/a", env={"DB": "db.y:5432"}),
        pod("x/b", "::ffff:10.0.1.2", labels={"app": "b"}, phase="Failed"),
        pod("y/c", "10.0.0.1", host_network=True),
    ],
    "services": [
        service("x/s", "10.96.0.1", "fd00:96::1", selector={"app": "a"},
                ports=[{"name": "w", "port": 80, "targetPort": "web"}, {"port": 81, "protocol": "UDP"}]),
        service("y/headless"),
    ],
    "policies": [
        policy("x/p", podSelector={"matchLabels": {"b": "2", "a": "1"},
                                   "matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1", "2"]},
                                                        {"key": "c", "operator": "Exists"}]},
               ingress=[{"from": [{"podSelector": {}, "namespaceSelector": {"matchLabels": {"team": "a"}}},
                                  {"ipBlock": {"cidr": "10.0.0.7/8", "except": ["10.1.0.0/16"]}}],
                         "ports": [{"port": "web"}, {"protocol": "UDP", "port": 53, "endPort": 60}, {}]}]),
        policy("y/q", egress=[{}, {"to": [], "ports": []}, {"to": [{"podSelector": {}}]}]),
        policy("y/r", policyTypes=["Egress"], ingress=[{}]),
        anp(ingress=[by("Deny", team("a"))]),
    ],
}  # fmt: skip
WHOLE["pods"][0]["spec"]["initContainers"] = [
    {"restartPolicy": "Always", "ports": [{"containerPort": 15090, "name": "mesh"}], "command": ["run"]}
]
WHOLE["pods"][0]["spec"]["containers"][0]["env"].append(
    {"valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}
)
OUTSIDE: Object = {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/9"]}
HOSTILE = [
    *(None, True, 0, -1, 8080, 65536, 2**70, 1.5, 80.0, "", " ", "x" * 300, "10.0.0.1/33", "10.0.1.2", "fe80::1%e"),
    *("x", "a", "Pod", "NetworkPolicy", "v1", "default", "TCP", "QUIC", "In", "Exists", "Always", "Succeeded"),
    *([], {}, [[]], [None], [{}], {"": ""}, {"a": None}, {"a": "b"}, ["a", "a"], [{"ip": "10.0.9.9"}]),
]


def careful(case: Object) -> tuple[Cluster, Any]:
    """What the careful readers make of the case, without what no verdict depends on."""
    kinds = (("Namespace", "namespaces"), ("Node", "nodes"), ("Pod", "pods"), ("Service", "services"))
    found = read_cluster((key, {"kind": kind, **o}) for kind, key in kinds for o in case[key]).cluster
    pods = tuple(replace(p, workload="", ready=True, declared=()) for p in found.pods)
    nodes = tuple(replace(n, zone="") for n in found.nodes)
    return replace(found, pods=pods, nodes=nodes), read_policy_set(("p", o) for o in case["policies"])


def hasty(case: Object) -> tuple[Cluster, Any]:
    shapes = msgspec.json.decode(json.dumps({**case, "probes": []}), type=PlainCase)
    cluster = plain_cluster(shapes.namespaces, shapes.nodes, shapes.pods, shapes.services)
    return cluster, plain_policies(shapes.policies, Posture.ALLOW)


def changed(case: Any, rng: random.Random, value: Any) -> Any:
    """The case with a value, or a key, put somewhere."""
    root = copy.deepcopy(case)
    place: Any = root
    while True:
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or (place is not root and rng.random() < 0.1):
            break
        place = inner
    if isinstance(place, dict) and rng.random() < 0.2:
        key = rng.choice(("from", "to", "port", "uid", "name", "namespace", "spec", "matchLabels", "podIP", "odd"))
    place[key] = copy.deepcopy(value)
    return root


def test_an_ordinary_case() -> None:
    assert hasty(WHOLE) == careful(WHOLE)
    assert len(hasty(WHOLE)[1].policies) == 3


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=3))
def test_what_is_read_in_haste_is_what_is_read_with_care(rng: random.Random, values: list[Any]) -> None:
    case: Any = WHOLE
    for value in values:
        case = changed(case, rng, value)
    try:
        read = hasty(case)
    except (Doubt, msgspec.ValidationError):
        return
    assert read == careful(case)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pods", [pod("x/a", "10.0.1.1"), pod("x/a", "10.0.1.2")]),
        ("pods", [pod("x/a", "10.0.1.1"), pod("x/b", "10.0.1.1")]),
        ("pods", [pod("nowhere/a", "10.0.1.1")]),
        ("pods", [pod("x/a", "10.0.1")]),
        ("namespaces", [namespace("x"), namespace("y"), namespace("x")]),
        ("nodes", [node("n"), node("n")]),
        ("services", [service("nowhere/s")]),
        ("services", [service("x/s", ports=[{"port": 0}])]),
        ("policies", [policy("x/p"), policy("x/p")]),
        ("policies", [policy("x/p", ingress=[{"from": [{}]}])]),
        ("policies", [policy("x/p", ingress=[{"from": [{"ipBlock": OUTSIDE}]}])]),
        ("policies", [policy("x/p", ingress=[{"ports": [{"port": 9, "endPort": 8}]}])]),
        ("policies", [policy("x/p", ingress=[{"ports": [{"port": "8080"}]}])]),
        ("policies", [policy("x/p", podSelector={"matchExpressions": [{"key": "a", "operator": "In"}]})]),
        ("policies", [{"kind": "CiliumNetworkPolicy", "metadata": {"name": "p"}}]),
        ("policies", [anp(priority=5000)]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_doubted(key: str, value: list[Object]) -> None:
    with pytest.raises(Doubt):
        hasty({**WHOLE, key: value})


def test_canonical_addresses() -> None:
    assert [canonical(a) for a in ("10.0.0.1", "::ffff:10.0.0.1", "FD00::0:1")] == [
        "10.0.0.1",
        "10.0.0.1",
        "fd00::1",
    ]
    with pytest.raises(Doubt):
        canonical("10.0.0.256")
