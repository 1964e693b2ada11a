"""A node's table: as much as its own pods can tell apart."""

import random
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.compile import compile_rules
from fairway.policy.grants import column_of
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policies
from fairway.wire.rules import ANY, FIRST_POLICY, WORLD, RuleTable
from fairway.wire.words import PROTOCOL_NUMBERS, Direction, Mode, Slot
from support.objects import cluster, node, pod, policy
from support.random_clusters import RESOLVED, random_case, random_policies

PLACES = [
    node("n1", "10.0.1.10"),
    node("n2", "10.0.2.10"),
    pod("a/p", "10.0.1.1", labels={"app": "p"}),
    pod("a/q", "10.0.1.2", labels={"app": "q"}),
    pod("a/r", "10.0.2.3", labels={"app": "p"}, on="n2"),
]
FROM_Q = {"from": [{"podSelector": {"matchLabels": {"app": "q"}}}], "ports": [{"port": 80}, {"port": 81}]}
ALL_IN = policy("a/all", ingress=[FROM_Q])


def table(*objects: dict[str, Any], policies: list[dict[str, Any]], on: str = "n1") -> RuleTable:
    chosen = PolicySet(read_policies(("p.yaml", o) for o in policies))
    return compile_rules(cluster(*objects), chosen, None).table(on, 7, Mode.ENFORCE)


def test_a_change_that_a_nodes_rules_do_not_see_leaves_its_table_as_it_is() -> None:
    elsewhere = [pod("b/new", "10.0.2.9", labels={"app": "q"}, on="n2"), pod("b/old", "10.0.0.1", on="n2")]
    guard = policy("b/guard", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "q"}}}]}])
    new, old = [guard, ALL_IN], [ALL_IN]
    assert table(*elsewhere, *PLACES, policies=new) == table(*PLACES, policies=old)
    assert table(*elsewhere, *PLACES, policies=new, on="n2") != table(*PLACES, policies=old, on="n2")


def test_an_address_that_is_as_the_network_around_it_is_not_listed() -> None:
    networks = [{"ipBlock": {"cidr": cidr}} for cidr in ("10.0.0.0/8", "10.0.0.0/16", "192.0.2.0/24")]
    found = table(*PLACES, policies=[policy("a/all", ingress=[{"from": networks}])])
    assert found.exact == ()
    assert [network for network, _ in found.cidrs] == ["10.0.0.0/8", "192.0.2.0/24"]
    assert len({identity for _, identity in found.cidrs}) == 1


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_a_nodes_table_says_of_its_pods_what_the_whole_says(seed: int) -> None:
    rng = random.Random(seed)
    cluster, active, probes = random_case(rng, tiers=True)
    compiled = compile_rules(cluster, active, random_policies(rng, cluster), RESOLVED)
    tables = {node.name: compiled.table(node.name, 1, Mode.ENFORCE) for node in cluster.nodes}
    for client, server, port, protocol in probes:
        for direction, own, remote in ((Direction.EGRESS, client, server), (Direction.INGRESS, server, client)):
            subject = compiled.holders.get(own.address)
            if subject is None:
                continue
            number = subject.numbers[Slot.ACTIVE][direction]
            held = tables[subject.pod.node]
            [rules] = [rules for rules in held.pods if rules.uid == subject.pod.uid]
            local = rules.active[direction]
            if number < FIRST_POLICY:
                assert local == number
                continue
            rule = compiled.grants[number][1].rule(
                compiled.identities.of(remote.address), column_of(PROTOCOL_NUMBERS[protocol]), port
            )
            assert opens(held, local, direction, remote.address, port, protocol) is (rule is not None)


def opens(table: RuleTable, policy: int, direction: Direction, address: str, port: int, protocol: str) -> bool:
    """What the kernel finds in a table."""
    place = ip_address(address)
    around = [(net.prefixlen, i) for cidr, i in table.cidrs if place in (net := ip_network(cidr))]
    identity = dict(table.exact).get(address, max(around, default=(0, WORLD))[1])
    return any(
        (row.policy, row.direction) == (policy, direction)
        and row.identity in (identity, ANY)
        and row.protocol in (0, PROTOCOL_NUMBERS[protocol])
        and row.low <= port <= row.high
        for row in table.rows
    )
