"""Rules in their tiers: which are never asked and who decides before them, and orders that nobody defines."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.decide import decide
from fairway.policy.lint import lint
from fairway.policy.read import read_policy_set
from fairway.policy.settle import plain_names, settle
from fairway.wire.words import Posture
from support.linting import DNS, PLACE, api, found, of, pods, ui
from support.objects import edge, policy
from support.random_clusters import RESOLVED, random_case
from support.tiered import anp, app, application, aws, banp, by, cnp, named, nets, tcp, to

WEB = {"protocols": [tcp(8080)]}
HTTP = [{"port": 8080}]


def told(*policies: dict[str, Any], codes: str = "contradicted shadowed priority-tie mixed-groups") -> list[Any]:
    """(severity, code, where, what), the kinds of policies in short."""
    wanted = [f for f in found(*policies) if f.code in codes.split()]
    return [(f.severity, f.code, _short(f.where.removeprefix("p.yaml: ")), _short(f.what)) for f in wanted]


def _short(text: str) -> str:
    for name, short in (("Baseline", "B"), ("Admin", "A"), ("Cluster", "C"), ("Application", "APP")):
        text = text.replace(f"{name}NetworkPolicy", f"{short}NP" if len(short) < 3 else short)
    return text.replace("BaselineANP", "BANP")


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param(
            [cnp("guard", ingress=[by("Deny", app("ui"))]), api({"from": [pods("ui")], "ports": HTTP})],
            ("warning", "contradicted", "a/api ingress[0]", "allows nothing: p.yaml: CNP guard"),
            id="an admin deny before a NetworkPolicy",
        ),
        pytest.param(
            [anp("guard", ingress=[by("Allow", app("ui"))]), api({"from": [pods("ui")], "ports": HTTP})],
            ("note", "shadowed", "a/api ingress[0]", "never has a say: p.yaml: ANP guard"),
            id="an admin accept before a NetworkPolicy",
        ),
        pytest.param(
            [cnp("guard", ingress=[by("Deny"), by("Accept", app("ui"), **WEB)])],
            ("warning", "contradicted", "CNP guard ingress[1]", "decides otherwise about all of it"),
            id="a rule after a wider one of the other action",
        ),
        pytest.param(
            [cnp("guard", ingress=[by("Deny"), by("Deny", app("ui"), **WEB, name="web")])],
            ("note", "shadowed", "CNP guard ingress[1] (web)", "decides all of it before, and alike"),
            id="a rule after a wider one of the same action",
        ),
        pytest.param(
            [
                cnp("one", priority=1, ingress=[by("Accept")]),
                cnp("two", priority=2, ingress=[by("Deny", app("ui"))]),
            ],
            ("warning", "contradicted", "CNP two ingress[0]", "CNP one ingress[0]"),
            id="a policy behind one of a lower number",
        ),
        pytest.param(
            [cnp("one", priority=1, ingress=[by("Pass")]), cnp("two", priority=2, ingress=[by("Deny", app("ui"))])],
            ("warning", "contradicted", "CNP two ingress[0]", "CNP one ingress[0]"),
            id="a deny behind a pass",
        ),
        pytest.param(
            [banp(ingress=[by("Deny")], subject=app("api")), api({})],
            ("note", "shadowed", "BANP default ingress[0]", "isolate the pods (a/api)"),
            id="a baseline behind NetworkPolicies",
        ),
        pytest.param(
            [banp(ingress=[by("Deny")]), cnp("guard", ingress=[by("Accept")])],
            ("warning", "contradicted", "BANP default ingress[0]", "guard ingress[0]"),
            id="a baseline behind the admin tier",
        ),
        pytest.param(
            [
                aws("guard", egress=[to("Deny")]),
                application("a/x", podSelector=of("ui"), policyTypes=["Egress"], egress=[DNS]),
            ],
            ("warning", "contradicted", "APP a/x egress[0]", "networking.k8s.aws guard egress[0]"),
            id="an application policy behind the aws tier",
        ),
        pytest.param(
            [cnp("one", egress=[to("Accept")]), cnp("two", egress=[to("Deny", nets("10.0.1.0/24"))])],
            ("warning", "priority-tie", "CNP two", "(10) and decides otherwise about the same"),
            id="two of one priority that disagree",
        ),
        pytest.param(
            [anp("one", priority=1, ingress=[by("Allow")]), cnp("two", priority=2, egress=[to("Accept")])],
            ("note", "mixed-groups", "the Admin tier", "v1alpha1 and policy.networking.k8s.io/v1alpha2"),
            id="two groups in a tier",
        ),
    ],
)
def test_what_never_has_a_say(policies: list[dict[str, Any]], expected: tuple[str, str, str, str]) -> None:
    severity, code, where, words = expected
    assert [(s, c, w) for s, c, w, what in told(*policies) if words in what] == [(severity, code, where)]


@pytest.mark.parametrize(
    "policies",
    [
        pytest.param([cnp(ingress=[by("Deny", app("ui"), **WEB), by("Accept")])], id="the narrow one first"),
        pytest.param([cnp(ingress=[by("Deny", **WEB)]), api({"from": [pods("ui")]})], id="only a part is denied"),
        pytest.param(
            [cnp(ingress=[by("Pass")]), api({"from": [pods("ui")]}), banp(ingress=[by("Deny")])], id="pass"
        ),
        pytest.param([cnp(subject=app("ui"), ingress=[by("Deny")]), api({"from": [pods("ui")]})], id="other pods"),
        pytest.param([cnp(egress=[to("Deny")]), api({"from": [pods("ui")]})], id="the other direction"),
        pytest.param([cnp(tier="Baseline", ingress=[by("Deny")]), api({})], id="a baseline for the others"),
        pytest.param(
            [cnp("one", ingress=[by("Accept", app("ui"))]), cnp("two", ingress=[by("Deny", app("api"))])],
            id="one priority and nothing in common",
        ),
        pytest.param(
            [cnp("one", ingress=[by("Deny", **WEB)]), cnp("two", ingress=[by("Deny", app("ui"))])],
            id="one priority and of one mind",
        ),
        pytest.param(
            [
                cnp("one", subject=app("ui"), ingress=[by("Deny")]),
                cnp("two", subject=app("api"), ingress=[by("Accept")]),
            ],
            id="one priority and other pods",
        ),
        pytest.param(
            [cnp(egress=[to("Deny"), to("Accept", named("example.com"))])], id="names that nobody resolved"
        ),
        pytest.param([aws("one", tier="Admin"), cnp("two", tier="Baseline")], id="two groups in two tiers"),
    ],
)
def test_what_has_one(policies: list[dict[str, Any]]) -> None:
    assert told(*policies) == []


def test_names_that_are_given_are_followed() -> None:
    guard = cnp("guard", egress=[to("Deny", nets("192.0.2.0/24")), to("Accept", named("*.example.com"))])
    names = plain_names({"api.example.com": ["192.0.2.7"]})
    codes = [(f.code, f.where) for f in found(guard, names=names) if f.code == "contradicted"]
    assert codes == [("contradicted", "p.yaml: ClusterNetworkPolicy guard egress[1]")]


GONE = {"pods": {"namespaceSelector": {}, "podSelector": of("gone")}}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([cnp("x", subject=GONE)], ("warning", "policy-selects-nothing", "CNP x", "selects no pod")),
        (
            [
                cnp(
                    "x",
                    subject={
                        "namespaces": {
                            "matchExpressions": [
                                {"key": "a", "operator": "Exists"},
                                {"key": "a", "operator": "DoesNotExist"},
                            ]
                        }
                    },
                )
            ],
            ("error", "never-selects", "CNP x", "at `a`"),
        ),
        (
            [cnp("x", ingress=[by("Deny", app("ui"), GONE)])],
            ("warning", "peer-selects-nothing", "CNP x ingress[0] from[1]", "matches no pod of a"),
        ),
        (
            [cnp("x", egress=[to("Deny", {"nodes": {"matchLabels": {"role": "db"}}})])],
            ("warning", "peer-selects-nothing", "CNP x egress[0] to[0]", "matches no node"),
        ),
        (
            [cnp("x", egress=[to("Deny", {"serviceAccounts": {}})])],
            ("warning", "unknown-peer", "CNP x egress[0] (unknown peer, fails closed)", "deny everything"),
        ),
        (
            [cnp("x", subject=app("api"), ingress=[by("Accept", protocols=[{"destinationNamedPort": "web"}])])],
            ("warning", "name-unserved", "CNP x ingress[0]", "no pod of a/api has a port named `web`"),
        ),
        (
            [cnp("x", subject=app("ui"), egress=[to("Deny", app("api"), protocols=[tcp(80)])])],
            ("error", "service-port", "CNP x egress[0]", "its pods take 8080"),
        ),
        (
            [cnp("x", subject=app("ui"), egress=[to("Deny", nets("0.0.0.0/0"))])],
            ("warning", "ipv6-forgotten", "CNP x egress[0]", "IPv4 networks only"),
        ),
        (
            [cnp("x", subject=app("ui"), egress=[to("Deny", protocols=[tcp(53), {"udp": {}}])])],
            ("warning", "dns-forgotten", "CNP x", "a/ui may not ask the cluster's DNS over UDP"),
        ),
        (
            [cnp("x", egress=[to("Deny", protocols=[{"udp": {}}])]), ui(DNS)],
            ("warning", "dns-forgotten", "a/ui", "a/ui may not ask the cluster's DNS over UDP"),
        ),
        (
            [cnp("x", subject=app("ui"), egress=[to("Accept", app("api"), **WEB)]), api()],
            ("warning", "half-open", "CNP x egress[0]", "what the ingress of a/api denies"),
        ),
    ],
)
def test_what_is_said_of_rules_is_said_of_tiers_too(
    policies: list[dict[str, Any]], expected: tuple[str, str, str, str]
) -> None:
    severity, code, where, words = expected
    found_ = [(s, w) for s, _, w, what in told(*policies, codes=code) if words in what]
    assert found_ == [(severity, where)]


def test_traffic_tells_unused_and_wide_rules_of_tiers() -> None:
    guard = cnp(
        "guard",
        subject=app("api"),
        ingress=[by("Accept", app("ui")), by("Accept", app("api")), by("Deny")],
    )
    seen = [edge(PLACE, "10.0.1.1", "10.0.1.2", 8080)]
    codes = [
        (f.code, f.where.rpartition(" ")[2]) for f in found(guard, seen=seen) if f.code in ("unused", "too-wide")
    ]
    assert codes == [("too-wide", "ingress[0]"), ("unused", "ingress[1]")]


def test_strict_mode_counts_what_the_tiers_accept() -> None:
    guard = cnp("guard", subject=app("ui"), egress=[to("Accept")])
    shut = policy("a/api", podSelector=of("api"), policyTypes=["Ingress", "Egress"])
    chosen = read_policy_set([("p", guard), ("p", shut)], PLACE, Posture.DENY)
    said = {(f.severity, f.where): f.what for f in lint(chosen, PLACE) if f.code == "unselected"}
    assert sorted(said) == [
        ("note", "a/ui"),
        ("warning", "a/ui"),
        ("warning", "kube-system/dns"),
    ]
    assert said["note", "a/ui"].endswith("only cluster-wide policies decide about its egress, and what they do not "
                                         "accept is dropped")  # fmt: skip
    allowed = read_policy_set([("p", guard), ("p", shut)], PLACE)
    texts = [f.what for f in lint(allowed, PLACE) if f.code == "unselected" and "egress" in f.what]
    assert texts == [
        "no policy of its namespace isolates it for egress; only cluster-wide policies decide about its egress, "
        "and what they leave is open"
    ]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_on_random_clusters_no_connection_meets_a_rule_that_never_has_a_say(seed: int) -> None:
    where, policies, probes = random_case(random.Random(seed), 30, tiers=True)
    policies = settle(policies, where.nodes, RESOLVED)
    unasked = {f.where for f in lint(policies, where) if f.code in ("contradicted", "shadowed")}
    for one in probes:
        decision = decide(policies, where.namespaces, one.client, one.server, one.port, one.protocol)
        assert not unasked & {*decision.egress.matched, *decision.ingress.matched}
