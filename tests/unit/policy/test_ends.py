"""Classes of addresses: who is with whom, and which part of a network is left for the world outside."""

from typing import Any

import pytest

from fairway.policy.compile import compile_rules
from fairway.policy.ends import find_ends, listed
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policies
from support.objects import cluster, namespace, node, pod, policy, service

PLACE = cluster(
    namespace("a"),
    node("n1", "10.0.1.10"),
    node("n2", "10.0.2.10"),
    pod("a/p-1", "10.0.1.1", "fd00::1", labels={"app": "p"}, owner="ReplicaSet/p"),
    pod("a/p-2", "10.0.2.1", labels={"app": "p"}, owner="ReplicaSet/p", on="n2"),
    service("a/p", "10.96.0.1", selector={"app": "p"}),
)


def titles(*blocks: dict[str, Any]) -> dict[str, list[str]]:
    """Of each end, by title, the addresses that stand for it."""
    rule = {"from": [{"ipBlock": block} for block in blocks]}
    chosen = PolicySet(read_policies([("p.yaml", policy("a/x", ingress=[rule] if blocks else []))], PLACE))
    found = find_ends(PLACE, compile_rules(PLACE, PolicySet(), chosen))
    return {f"{end.group} IPv{end.family}": [member.address for member in end.members] for end in found}


def test_pods_of_a_workload_that_rules_cannot_tell_apart_are_one_end() -> None:
    assert titles() == {
        "a/p IPv4": ["10.0.1.1", "10.0.2.1"],
        "a/p IPv6": ["fd00::1"],
        "every node IPv4": ["10.0.1.10", "10.0.2.10"],
        "Service a/p IPv4": ["10.96.0.1"],
        "outside 0.0.0.0/0 IPv4": ["0.0.0.0"],
        "outside ::/0 IPv6": ["::"],
    }


@pytest.mark.parametrize(
    ("block", "outside"),
    [
        ({"cidr": "10.0.1.10/32"}, {"0.0.0.0/0 less 10.0.1.10/32"}),  # a node's own: nobody outside has it
        ({"cidr": "10.0.1.0/31"}, {"0.0.0.0/0 less 10.0.1.0/31", "10.0.1.0/31"}),
        ({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}, {"0.0.0.0/0 less 10.0.0.0/8", "10.0.0.0/8"}),
        ({"cidr": "0.0.0.0/1"}, {"0.0.0.0/0 less 0.0.0.0/1", "0.0.0.0/1"}),
    ],
)
def test_networks_outside_are_told_without_what_the_cluster_holds(block: dict[str, Any], outside: set[str]) -> None:
    found = {t.removeprefix("outside ").removesuffix(" IPv4") for t in titles(block) if t.endswith(" IPv4")}
    assert {title for title in found if title[0].isdigit()} == outside


def test_the_address_that_stands_for_a_network_is_free_and_in_no_longer_one() -> None:
    found = titles({"cidr": "10.0.1.0/29"}, {"cidr": "10.0.1.0/32"}, {"cidr": "10.0.1.2/31"})
    assert found["outside 10.0.1.0/29 less 10.0.1.0/32, 10.0.1.2/31 IPv4"] == ["10.0.1.4"]


def test_long_lists_are_cut() -> None:
    assert listed("abcde") == "a, b, c and 2 more"
    assert listed("abc") == "a, b, c"
