"""Reading cluster-wide policies: each API group's fields, limits and refusals, told by path."""

from typing import Any

import pytest

from fairway.kit.errors import InputErrors
from fairway.policy.model import Action, Ports, Rule, Tier, TieredPolicy
from fairway.policy.read import read_cluster, read_policies, read_policy_set
from support.tiered import anp, app, application, aws, banp, by, cnp, named, nets, tcp, team, to


def read(document: dict[str, Any]) -> TieredPolicy:
    (found,) = read_policy_set([("p.yaml", document)]).tiered
    return found


def test_the_four_kinds_say_the_same_in_their_own_words() -> None:
    numbered = {"portNumber": {"protocol": "UDP", "port": 53}}
    rule = {"name": "dns", "ports": [numbered]}
    found = [
        read(anp(egress=[to("Allow", app("dns"), **rule)])),
        read(banp(egress=[to("Allow", app("dns"), **rule)])),
        read(aws(egress=[to("Accept", app("dns"), **rule)])),
        read(
            cnp(
                egress=[
                    to("Accept", app("dns"), name="dns", protocols=[{"udp": {"destinationPort": {"number": 53}}}])
                ]
            )
        ),
    ]
    assert len({policy.egress for policy in found}) == len({policy.subject for policy in found}) == 1
    assert [policy.tier for policy in found] == [Tier.ADMIN, Tier.BASELINE, Tier.ADMIN, Tier.ADMIN]
    assert found[0].egress[0].rule.ports == (Ports("UDP", 53),)
    assert [policy.title for policy in found] == [
        "AdminNetworkPolicy p",
        "BaselineAdminNetworkPolicy default",
        "ClusterNetworkPolicy.networking.k8s.aws p",
        "ClusterNetworkPolicy p",
    ]


def test_np72_an_unknown_peer_fails_closed() -> None:
    accept, deny, passed = read(cnp(egress=[to(action, {}, app("b")) for action in Action])).egress
    assert (accept.action, accept.rule) == (Action.ACCEPT, Rule(peers=()))
    assert {(rule.action, rule.rule) for rule in (deny, passed)} == {(Action.DENY, Rule())}
    assert "fails closed" in passed.name


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (cnp(priority=1001), "`$.spec.priority` 1001 is not a number from 0 to 1000"),
        (cnp(priority=-1), "`$.spec.priority` -1 is not a number from 0 to 1000"),
        (cnp(tier="Middle"), "`$.spec.tier` `Middle` is not a tier"),
        (cnp(subject={"pods": {}, "namespaces": {}}), "`$.spec.subject` must have exactly one of"),
        (cnp(subject={"tenants": {}}), "`$.spec.subject` has no field `tenants`"),
        (cnp(egress=[to("Allow")]),
         "`$.spec.egress[0].action` `Allow` is not an action; one of Accept, Deny, Pass"),
        (anp(egress=[to("Accept")]),
         "`$.spec.egress[0].action` `Accept` is not an action; one of Allow, Deny, Pass"),
        (banp(egress=[to("Pass")]), "`$.spec.egress[0].action` `Pass` is not an action; one of Allow, Deny"),
        (cnp(egress=[{"action": "Deny"}]), "`$.spec.egress[0].to` is missing or empty"),
        (cnp(egress=[{"action": "Deny", "to": []}]), "`$.spec.egress[0].to` is missing or empty"),
        (cnp(egress=[{"action": "Deny", "from": [{}]}]), "`$.spec.egress[0]` has no field `from`"),
        (cnp(egress=[to("Deny", {**team("a"), **app("b")})]), "`$.spec.egress[0].to[0]` has both"),
        (cnp(egress=[to("Deny", name="x" * 101)]), "`$.spec.egress[0].name` has 101 characters"),
        (cnp(ingress=[by("Deny", nets("0.0.0.0/0"))]), "`$.spec.ingress[0].from[0]` has no field `networks`"),
        (cnp(egress=[to("Deny", nets("10.0.0.0/8"), protocols=[{"destinationNamedPort": "web"}])]),
         "`$.spec.egress[0]` has a port's name, which only pods have"),
        (cnp(egress=[to("Deny", named("a.example.com"))]),
         "`$.spec.egress[0]` has `domainNames`, which action Deny"),
        (cnp(egress=[to("Pass", named("a.example.com"))]),
         "`$.spec.egress[0]` has `domainNames`, which action Pass"),
        (aws(egress=[to("Deny", named("a.example.com"))]),
         "`$.spec.egress[0]` has `domainNames`, which action Deny"),
        (aws(egress=[to("Deny", {"nodes": {}})]), "`$.spec.egress[0].to[0]` has no field `nodes`"),
        (cnp(egress=[to("Accept", named("*.*.com"))]), "`$.spec.egress[0].to[0].domainNames[0]` `*.*.com` is not"),
        (cnp(egress=[to("Deny", nets("10.0.0.0"))]),
         "`$.spec.egress[0].to[0].networks[0]` `10.0.0.0` is not a network"),
        (cnp(egress=[to("Deny", protocols=[])]), "`$.spec.egress[0].protocols` is missing or empty"),
        (cnp(egress=[to("Deny", protocols=[{"tcp": {}, "udp": {}}])]),
         "`$.spec.egress[0].protocols[0]` must have exactly"),
        (cnp(egress=[to("Deny", ports=[])]), "`$.spec.egress[0]` has no field `ports`"),
        (cnp(egress=[to("Deny", protocols=[tcp(80, 80)])]),
         "`$.spec.egress[0].protocols[0].tcp.destinationPort.range.end` 80 is not above start 80"),
        (anp(egress=[to("Deny", ports=[{"portRange": {"start": 81, "end": 80}}])]),
         "`$.spec.egress[0].ports[0].portRange.end` 80 is not above start 81"),
        (anp(egress=[to("Deny", ports=[{"portNumber": {"protocol": "ICMP", "port": 1}}])]),
         "`$.spec.egress[0].ports[0].portNumber.protocol` `ICMP` is not a protocol"),
        (banp("other"), "`$.metadata.name` `other` is not `default`"),
        (cnp(egress=[to("Deny")] * 26), "`$.spec.egress` has 26 elements, the API allows 25"),
        (cnp(egress=[to("Deny", *[app("a")] * 26)]), "`$.spec.egress[0].to` has 26 elements, the API allows 25"),
        (cnp(egress=[to("Deny", protocols=[tcp(1)] * 26)]), "`$.spec.egress[0].protocols` has 26 elements"),
        (cnp(egress=[to("Deny", nets(*["10.0.0.0/8"] * 26))]), "`$.spec.egress[0].to[0].networks` has 26 elements"),
        (anp(egress=[to("Deny")] * 101), "`$.spec.egress` has 101 elements, the API allows 100"),
        (application("x/p", egress=[{"to": [{**named("a.com"), "podSelector": {}}]}]),
         "`$.spec.egress[0].to[0]` has both `domainNames` and another peer"),
        (application("x/p", ingress=[{"from": [named("a.com")]}]),
         "`$.spec.ingress[0].from[0]` has no field `domainNames`"),
    ],
)  # fmt: skip
def test_refusals_name_file_object_and_path(document: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputErrors) as caught:
        read_policy_set([("p.yaml", document)])
    name = document["metadata"]["name"]
    title = f"x/{name}" if document["kind"] == "ApplicationNetworkPolicy" else name
    expected = f"p.yaml: {document['kind']} {title}: {problem}"
    assert any(line.startswith(expected) for line in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(
    "document",
    [
        cnp(egress=[to("Deny")] * 25),
        anp(egress=[to("Deny")] * 100, priority=1000),
        cnp(priority=0, ingress=[by("Deny", protocols=[{"tcp": {}}])]),
    ],
)
def test_np76_limits_are_inclusive(document: dict[str, Any]) -> None:
    assert read(document)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InputErrors) as caught:
        read_policy_set([("p.yaml", cnp(tier="x", priority="y", egress=[{"action": "z"}])), ("q.yaml", banp("b"))])
    assert len(caught.value.problems) == 5


def test_one_name_in_two_groups_is_two_policies() -> None:
    found = read_policy_set([("p.yaml", cnp("same")), ("q.yaml", aws("same"))])
    assert [policy.kind for policy in found.tiered] == [
        "ClusterNetworkPolicy",
        "ClusterNetworkPolicy.networking.k8s.aws",
    ]
    with pytest.raises(InputErrors, match=r"is also in p\.yaml"):
        read_policy_set([("p.yaml", cnp("same")), ("q.yaml", cnp("same"))])


def test_a_cluster_keeps_its_own_and_generation_of_namespaced_ones_refuses_them() -> None:
    assert [policy.title for policy in read_cluster([("p.yaml", cnp())]).cluster.tiered] == [
        "ClusterNetworkPolicy p"
    ]
    with pytest.raises(InputErrors, match="is not judged here"):
        read_policies([("p.yaml", cnp())])
