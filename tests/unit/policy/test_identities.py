"""Identities: found as the kernel finds them, one for all that no rule can tell apart."""

from ipaddress import ip_network

import pytest

from fairway.policy.identities import Identities
from fairway.policy.read import read_policies
from fairway.policy.vocabulary import Vocabulary
from fairway.wire.rules import WORLD
from support.objects import cluster, pod, policy, service


def identities(*objects: dict[str, object], **spec: object) -> Identities:
    vocabulary = Vocabulary()
    vocabulary.learn(read_policies([("p.yaml", policy("a/p", **spec))])[0])
    return Identities(cluster(*objects), vocabulary)


def blocks(*cidrs: str, holes: tuple[str, ...] = ()) -> dict[str, object]:
    return {"ingress": [{"from": [{"ipBlock": {"cidr": c, "except": list(holes)}} for c in cidrs]}]}


def test_np30_the_longest_network_tells_which_blocks_contain_an_address() -> None:
    found = identities(**blocks("10.0.0.0/8", holes=("10.1.0.0/16",)))
    assert found.of("10.1.2.3") == WORLD
    assert found.of("10.2.2.3") != WORLD
    assert found.of("192.0.2.1") == WORLD
    assert set(found.networks) == {ip_network("10.0.0.0/8"), ip_network("10.1.0.0/16")}


def test_pods_that_no_rule_tells_apart_are_one_identity() -> None:
    spec = {"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "x"}}}]}]}
    found = identities(
        pod("a/p", "10.0.0.1", "fd00::1", labels={"app": "x", "pod": "1"}),
        pod("a/q", "10.0.0.2", labels={"app": "x", "pod": "2"}),
        pod("a/r", "10.0.0.3", labels={"app": "y"}),
        pod("b/p", "10.0.0.4", labels={"app": "x"}),
        **spec,
    )
    assert found.of("10.0.0.1") == found.of("10.0.0.2") == found.of("fd00::1") != WORLD
    assert found.of("10.0.0.3") == found.of("10.0.0.4") == WORLD
    assert set(found.exact) == {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "fd00::1"}


def test_np41_blocks_tell_a_pods_families_apart() -> None:
    found = identities(pod("a/p", "10.0.0.1", "fd00::1"), **blocks("10.0.0.0/8"))
    assert found.of("10.0.0.1") == found.of("10.9.9.9") != found.of("fd00::1") == WORLD


def test_names_of_ports_tell_pods_apart_only_if_egress_rules_use_them() -> None:
    places = (pod("a/p", "10.0.0.1", ports={"web": 80}), pod("a/q", "10.0.0.2", ports={"web": 81}))
    ports = [{"ports": [{"port": "web"}]}]
    used = identities(*places, egress=ports)
    assert len({used.of("10.0.0.1"), used.of("10.0.0.2"), WORLD}) == 3
    unused = identities(*places, ingress=ports)
    assert unused.of("10.0.0.1") == unused.of("10.0.0.2") == WORLD


def test_each_service_address_is_its_own() -> None:
    found = identities(service("a/s", "10.96.0.1", "fd00:96::1"), **blocks("10.0.0.0/8"))
    assert len({found.of("10.96.0.1"), found.of("fd00:96::1"), found.of("10.96.0.2"), WORLD}) == 4


@pytest.mark.parametrize("cidr", ["::/0", "::/1", "2000::/3"])
def test_np28_a_v6_network_does_not_catch_v4(cidr: str) -> None:
    found = identities(**blocks(cidr))
    assert found.of("10.0.0.1") == WORLD != found.of("2001:db8::1" if cidr != "::/1" else "::5")
