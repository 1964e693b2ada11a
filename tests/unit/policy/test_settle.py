"""Nodes and domain names become addresses."""

from datetime import UTC, datetime

import pytest

from fairway.policy.model import Node, PolicySet
from fairway.policy.read import read_policy_set
from fairway.policy.settle import Answer, domains_of, name_matches, names_seen, plain_names, settle
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from support.tiered import application, cnp, named, nets, to

NODES = (Node("n1", ("10.0.0.1", "fd00::1"), labels=(("pool", "a"),), external=("203.0.113.1",)), Node("n2"))


def blocks(policies: PolicySet) -> list[str]:
    rules = [wrapped.rule for policy in policies.tiered for wrapped in policy.egress]
    rules += [rule for policy in policies.policies for rule in policy.egress or ()]
    return [str(peer.block.network) for rule in rules for peer in rule.peers or () if peer.block]


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", False),
        ("*.example.com", "www.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.example.com", "myexample.com", False),
    ],
)
def test_np75_names(pattern: str, name: str, matches: bool) -> None:
    assert name_matches(pattern, name) is matches


def test_nodes_are_all_their_addresses() -> None:
    policies = read_policy_set([("p", cnp(egress=[to("Deny", {"nodes": {"matchLabels": {"pool": "a"}}})]))])
    assert blocks(settle(policies, NODES)) == ["10.0.0.1/32", "fd00::1/128", "203.0.113.1/32"]


def test_names_are_their_addresses_in_any_spelling() -> None:
    policies = read_policy_set([("p", application("x/p", egress=[{"to": [named("API.example.com.")]}]))])
    assert blocks(settle(policies, names=plain_names({"Api.Example.com.": ["::ffff:192.0.2.1"]}))) == [
        "192.0.2.1/32"
    ]
    assert domains_of(policies) == ("api.example.com",)


def test_names_that_pods_looked_up_stand_for_the_addresses_they_went_to() -> None:
    seen = datetime(2026, 11, 23, tzinfo=UTC)
    outside = Endpoint(kind=Kind.EXTERNAL, address="192.0.2.7", name="Api.example.com")
    other = Endpoint(kind=Kind.CLOUD, address="192.0.2.8", name="S3")
    edges = [
        Edge(client=outside, server=server, port=443, protocol="TCP", family=4, first_seen=seen, last_seen=seen)
        for server in (outside, other)
    ]
    assert names_seen(edges) == {"api.example.com": [Answer("192.0.2.7", seen)]}
    given = plain_names({"api.example.com": ["192.0.2.9"]})
    assert names_seen(edges, given) == given


def test_what_stands_for_nothing_matches_nothing_and_not_all() -> None:
    policies = read_policy_set([("p", cnp(egress=[to("Accept", named("gone.example.com"))]))])
    assert settle(policies).tiered[0].egress[0].rule.peers == ()


def test_other_policies_stay_themselves() -> None:
    policies = read_policy_set([("p", cnp(egress=[to("Deny", nets("10.0.0.0/8"))]))])
    assert settle(policies, NODES) is policies
