"""Whole cases judged in haste get the answers of the slow way."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.cases import Case
from fairway.policy.hasty import hasty_digits
from fairway.policy.manifest import manifest_of
from fairway.policy.model import Pod
from fairway.policy.read_plain import Doubt
from fairway.policy.verdicts import judge
from fairway.wire.words import Posture
from support.objects import node, pod, policy, service
from support.random_clusters import random_case
from support.tiered import anp, by

Object = dict[str, Any]
A, B = "10.0.1.1", "10.0.2.2"
CASE: Object = {
    "pods": [pod("x/a", A, "fd00::1"), pod("x/b", B), pod("x/six", "fd00::6"), pod("x/none")],
    "policies": [policy("x/p", ingress=[{"ports": [{"port": 80}]}])],
    "probes": [{"src": "x/a", "dst": "x/b", "port": 80}, {"src": "x/b", "dst": "x/six", "port": 80}],
}


def in_haste(**changes: Any) -> str:
    return hasty_digits(msgspec.json.encode({**CASE, **changes}), Posture.ALLOW)


def probe(src: str = "x/a", dst: str = "x/b", port: int = 80, proto: str = "TCP") -> list[Object]:
    return [{"src": src, "dst": dst, "port": port, "proto": proto}]


def as_object(given: Pod) -> Object:
    made = pod(given.title, *given.addresses, labels=dict(given.labels), on=given.node,
               host_network=given.host_network, phase="Failed" if given.finished else "Running")  # fmt: skip
    ports = [{"name": p.name, "protocol": p.protocol, "containerPort": p.number} for p in given.ports]
    made["spec"]["containers"] = [{"ports": ports}]
    return made


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(Posture))
def test_random_cases_get_the_answers_of_the_slow_way(seed: int, posture: Posture) -> None:
    rng = random.Random(seed)
    cluster, policies, probes = random_case(rng)
    names = sorted(cluster.namespaces)
    ends = {address: p.title for p in cluster.pods for address in p.addresses if not p.finished}
    case = {
        "namespaces": [{"metadata": {"name": n, "labels": labels}} for n, labels in cluster.namespaces.items()],
        "nodes": [node(n.name, *n.addresses) for n in cluster.nodes],
        "pods": [as_object(given) for given in cluster.pods],
        "services": [service(f"{rng.choice(names)}/s{i}", f"10.96.0.{i + 1}", f"fd00:96::{i + 1}", selector=labels,
                             ports=[{"port": p, "targetPort": t} for p, t in ((80, 8080), (81, "http"))])
                     for i, labels in enumerate(({"app": "x"}, {"tier": "y"}))],
        "policies": [manifest_of(given) for given in policies.policies],
        "probes": [
            {"src": ends.get(p.client.address, p.client.address), "dst": p.server.address, "port": p.port,
             "proto": p.protocol} for p in probes
        ],
    }  # fmt: skip
    assert hasty_digits(msgspec.json.encode(case), posture) == judge(msgspec.convert(case, Case), "c", posture)


def test_what_it_takes() -> None:
    assert in_haste() == "10"
    assert in_haste(probes=[*probe(proto="udp"), *probe(A, B), *probe(dst="10.0.2.2")]) == "011"
    assert in_haste(policies=[anp(ingress=[by("Deny")]), policy("x/p", ingress=[{}])]) == "00"


def test_services() -> None:
    behind = {"selector": {"app": "b"}, "ports": [{"port": 80, "targetPort": 8080}, {"port": 81}]}
    given = [service("x/s", "10.96.0.1", **behind), service("x/b", "10.96.0.2", "fd00:96::1", **behind)]
    pods = [pod("x/a", A, "fd00::1"), pod("x/b", B, labels={"app": "b"})]
    to_8080 = {"to": [{"podSelector": {}}], "ports": [{"port": 8080}]}
    policies = [policy("x/p", policyTypes=["Egress"], egress=[to_8080])]
    probes = [*probe(dst="x/s"), *probe(dst="x/s", port=81), *probe(dst="10.96.0.2"), *probe(dst="x/b", port=8080)]
    assert in_haste(pods=pods, services=given, policies=policies, probes=probes) == "1011"


def test_a_node_is_where_its_first_pod_says() -> None:
    pods = [pod("x/a", A), pod("x/b", B)]
    pods[0]["status"]["hostIP"], pods[1]["status"]["hostIP"] = "192.168.0.1", "192.168.0.2"
    assert in_haste(pods=pods, probes=[*probe("192.168.0.1", A, 81), *probe("192.168.0.2", B, 81)]) == "10"


@pytest.mark.parametrize(
    "change",
    [
        {"services": [service("x/s", "10.96.0.1", ports=[{"port": 70000}])]},
        {"services": [service("x/s", "10.96.0.1", ports=[{"port": 80, "protocol": "QUIC"}])]},
        {"services": [service("x/s", "10.96.0.1"), service("x/s", "10.96.0.2")]},
        {"services": [{**service("x/s"), "kind": "EndpointSlice"}]},
        {"names": {"a.com": ["b.com"]}},
        {"policies": [{"kind": "CiliumNetworkPolicy", "metadata": {"name": "p"}}]},
        {"pods": [None]},
        {"probes": probe(src="x/nobody")},
        {"probes": probe(dst="x/none")},
        {"probes": probe(dst="nobody")},
        {"probes": probe(port=65536)},
        {"probes": probe(port=-1)},
        {"probes": probe(proto="QUIC")},
    ],
)
def test_what_it_leaves_to_more_care(change: Object) -> None:
    with pytest.raises(Doubt):
        in_haste(**change)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"probes": [], "pods": [{"x": "\xff"}]}',
        b'{"probes": [], "policies": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"probes": [], "policies": [{"kind": "AdminNetworkPolicy", "x": 1e999}]}',
        b'{"probes": [], "services": [{"metadata": {"name": "s"}, "x": 1e999}]}',
    ],
)
def test_what_cannot_be_decoded(line: bytes) -> None:
    with pytest.raises(Doubt):
        hasty_digits(line, Posture.ALLOW)
