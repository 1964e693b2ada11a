"""Cases in, digits out."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.kit.errors import UsageError
from fairway.policy.cases import Case
from fairway.policy.compile import compile_rules
from fairway.policy.intervals import rule_at
from fairway.policy.verdicts import judge, judge_line
from fairway.wire.words import Posture, Slot, Verdict
from support.objects import namespace, node, pod, policy, service
from support.random_clusters import RESOLVED, random_case
from support.tiered import aws, cnp, named, nets, to

A, B, DONE, N1, VIP = "10.0.1.1", "10.0.2.2", "10.0.1.3", "10.0.1.10", "10.96.0.1"
Object = dict[str, Any]


def probe(src: str, dst: str, port: int = 80, proto: str = "TCP") -> Object:
    return {"src": src, "dst": dst, "port": port, "proto": proto}


WHOLE: Object = {
    "namespaces": [namespace("x"), namespace("y")],
    "nodes": [node("n1", N1)],
    "pods": [
        pod("x/a", A, "fd00::1", labels={"app": "a"}, ports={"web": 8080}),
        pod("y/b", B, on="n2", labels={"app": "b"}),
        pod("x/done", DONE, phase="Succeeded"),
        pod("x/host", N1, host_network=True),
        pod("x/six", "fd00::6"),
    ],
    "services": [service("y/s", VIP, selector={"app": "b"}, ports=[{"port": 80, "targetPort": 8080}])],
}


def both(case: Object, posture: Posture = Posture.ALLOW) -> str:
    """The answer, the same in haste and with care."""
    found: list[str | UsageError] = []
    for way in (
        lambda: judge_line(msgspec.json.encode(case), "c:1", posture),
        lambda: judge(msgspec.convert(case, Case), "c:1", posture),
    ):
        try:
            found.append(way())
        except UsageError as error:
            found.append(error)
    hasty, careful = found
    assert str(hasty) == str(careful)
    if isinstance(careful, UsageError):
        raise careful
    return careful


def digits(*probes: Object, posture: Posture = Posture.ALLOW, **case: Any) -> str:
    return both({**WHOLE, **case, "probes": probes}, posture)


DENY_IN = policy("x/p", policyTypes=["Ingress"])


@pytest.mark.parametrize(
    ("policies", "probes", "expected"),
    [
        pytest.param([], [probe("x/a", "y/b"), probe("203.0.113.9", A)], "11", id="open"),
        pytest.param([DENY_IN], [probe("y/b", "x/a"), probe("x/a", "y/b"), probe("y/b", A)], "010", id="isolated"),
        pytest.param([DENY_IN], [probe("x/host", "x/a"), probe(N1, "x/a"), probe(A, "x/a")], "111", id="exempt"),
        pytest.param([DENY_IN], [probe("y/b", "x/done"), probe("y/b", "x/host")], "11", id="np36-np40-nobodys"),
        pytest.param([], [probe("y/b", "x/six"), probe("x/a", "x/six")], "01", id="np41-no-common-family"),
        pytest.param([policy("x/p", egress=[{"ports": [{"port": 8080}]}])],
                     [probe("x/a", "y/s"), probe("x/a", VIP, 81), probe("x/a", "y/b", 8080)], "101", id="service"),
        pytest.param([cnp(egress=[to("Deny")]), DENY_IN,
                      aws(priority=1, egress=[to("Accept", nets("10.0.2.0/24"))])],
                     [probe("x/a", "y/b"), probe("x/a", "x/six")], "10", id="kinds-in-one-list"),
        pytest.param([cnp(egress=[to("Accept", named("*.example.com")), to("Deny", nets("0.0.0.0/0"))])],
                     [probe("x/a", "192.0.2.7", 443), probe("x/a", "192.0.2.8", 443)], "10", id="names"),
        pytest.param([policy("x/p", egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}])],
                     [probe("x/a", "y/b", 53, "udp"), probe("x/a", "y/b", 53), probe("x/a", "y/b", 0, "ICMP")],
                     "100", id="protocols"),
    ],
)  # fmt: skip
def test_cases(policies: list[Object], probes: list[Object], expected: str) -> None:
    assert digits(*probes, policies=policies, names={"api.example.com": ["192.0.2.7"]}) == expected


def test_objects_need_no_kind_and_a_pod_tells_where_its_node_is() -> None:
    bare = pod("x/a", A)
    del bare["kind"], bare["apiVersion"]
    bare["status"]["hostIP"] = "10.0.1.99"
    probes = [probe("10.0.1.99", "x/a"), probe("10.0.1.98", "x/a")]
    assert digits(*probes, pods=[bare], nodes=[], services=[], policies=[DENY_IN]) == "10"


def test_the_posture() -> None:
    assert digits(probe("x/a", "y/b"), posture=Posture.DENY) == "0"


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"policies": [cnp(priority=2000)]},
         r"c:1: policies\[0\]: ClusterNetworkPolicy p: `\$\.spec\.priority` 2000"),
        ({"policies": [{"kind": "CiliumNetworkPolicy", "metadata": {"name": "p"}}]}, "is not judged"),
        ({"pods": [{"metadata": {}}], "services": []}, r"c:1: pods\[0\]: Pod: `\$\.metadata\.name` is missing"),
        ({"nodes": [{"metadata": {"name": {}}}]}, r"c:1: nodes\[0\]: Node: `\$\.metadata\.name` `{}` is not text"),
        ({"names": {"a.com": ["b.com"]}}, "c:1: `names`: 'b.com' does not appear to be"),
        ({"probes": [probe("x/nobody", "y/b")]}, "c:1: probe end `x/nobody`: is no pod or Service of the case"),
        ({"probes": [probe("nobody", "y/b")]}, "c:1: probe end `nobody`: write namespace/pod"),
        ({"pods": [pod("x/a")], "services": [], "probes": [probe("x/a", "x/a")]},
         "c:1: probe end `x/a`: has no address"),
        ({"probes": [probe("x/a", "y/b", 70000)]}, "c:1: probe to port 70000: is no port"),
        ({"probes": [probe("x/a", "y/b", 80, "QUIC")]}, "c:1: probe with proto `QUIC`: is no protocol"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_case_and_place(case: Object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        both({**WHOLE, "probes": [], **case})


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_ports_that_are_opened_are_those_that_verdicts_allow(seed: int) -> None:
    cluster, policies, probes = random_case(random.Random(seed), tiers=True)
    compiled = compile_rules(cluster, policies, None, RESOLVED)
    for client, server, port, protocol in probes:
        verdicts = compiled.verdict(Slot.ACTIVE, client, server, port, protocol)
        spans = compiled.opened(Slot.ACTIVE, client, server, protocol)
        assert (rule_at(spans, port) is not None) == (Verdict.DENY not in verdicts)
