"""Replay: what would break, who, why and how to mend it; and what would not be missed."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from fairway.policy.generate import generate
from fairway.policy.model import Expression, Operator, PolicySet, Selector
from fairway.policy.read import read_policy_set
from fairway.policy.replay import replay
from fairway.policy.settle import Answer
from fairway.wire.edge import Edge
from fairway.wire.words import Posture
from support.objects import START, at, cluster, edge, pod
from support.shop import objects, shop, traffic
from support.tiered import app, cnp, named, nets, to

SHOP = shop()
EDGES = traffic(SHOP)
UI, ORDERS, DB, INTRUDER = "10.0.1.131", "10.0.1.141", "10.0.1.160", "10.0.2.190"
POLICIES = PolicySet(tuple(p.policy for p in generate(EDGES, SHOP).policies), Posture.DENY)


def without(title: str, direction: str, index: int) -> PolicySet:
    """The generated policies less one rule."""
    policies = []
    for policy in POLICIES.policies:
        if policy.title == title:
            rules = getattr(policy, direction)
            policy = replace(policy, **{direction: rules[:index] + rules[index + 1 :]})
        policies.append(policy)
    return PolicySet(tuple(policies), POLICIES.posture)


def test_what_was_seen_breaks_nothing() -> None:
    found = replay(EDGES, POLICIES, SHOP)
    assert (found.passed, found.judged, found.connections) == (True, 22, 66)
    assert (found.unused_rules, found.already_denied, found.unanswered) == ((), (), ())


def test_a_missing_rule_names_exactly_who_breaks_why_and_the_fix() -> None:
    found = replay(EDGES, without("orders/orders-postgresql", "ingress", 0), SHOP)
    (broken,) = found.broken
    assert (broken.client, broken.server, broken.port, broken.connections) == (
        "orders/orders", "orders/orders-postgresql", 5432, 6)  # fmt: skip
    assert (broken.direction, broken.reason) == (
        "ingress",
        "ingress: orders/orders-postgresql isolates orders/orders-postgresql; "
        "no rule allows TCP 5432 from orders/orders",
    )
    assert broken.fix == "give orders/orders-postgresql the ingress rule: TCP 5432 from orders/orders"


def test_the_posture_asks_for_a_policy() -> None:
    found = replay(EDGES, PolicySet((), Posture.DENY), SHOP)
    fixes = {b.fix for b in found.broken if b.client == "orders/orders" and b.port == 5432}
    assert fixes == {
        "write a policy for orders/orders with the egress rule: TCP 5432 to orders/orders-postgresql",
        "write a policy for orders/orders-postgresql with the ingress rule: TCP 5432 from orders/orders",
    }


def test_rules_that_nobody_used_are_named() -> None:
    quiet = [e for e in EDGES if e.port != 5432]
    assert replay(quiet, POLICIES, SHOP).unused_rules == (
        "orders/orders egress[0]",
        "orders/orders-postgresql ingress[0]",
    )


@pytest.mark.parametrize(
    ("intrusion", "where"),
    [
        ({"denied": 3, "connections": 0, "received_packets": 0}, "already_denied"),
        ({"received_packets": 0}, "unanswered"),
        ({}, "broken"),
        ({"protocol": "ICMP", "port": 0}, "broken"),
    ],
)
def test_only_what_worked_can_break(intrusion: dict[str, object], where: str) -> None:
    attempt = msgspec.structs.replace(edge(SHOP, INTRUDER, DB, 5432), **intrusion)
    found = replay([attempt], POLICIES, SHOP)
    for place in ("already_denied", "unanswered", "broken"):
        assert {b.client for b in getattr(found, place)} == ({"dev/intruder"} if place == where else set())


def unknown(client: str, server: str, port: int) -> Edge:
    return edge(SHOP, client, server, port, initiator_known=False)


def test_f11_an_unknown_opener_passes_if_either_reading_does() -> None:
    backwards = unknown(DB, ORDERS, 5432)
    assert (replay([backwards], POLICIES, SHOP).broken, replay([backwards], POLICIES, SHOP).uncertain) == ((), 1)
    neither = replay([unknown(INTRUDER, DB, 5432)], POLICIES, SHOP)
    assert [b.flagged for b in neither.broken] == [True, True]


def test_np56_a_service_address_is_replayed_as_its_backends() -> None:
    to_service = edge(SHOP, UI, "10.96.0.30", 80)
    assert replay([to_service], POLICIES, SHOP).passed
    (broken,) = replay([to_service], without("orders/orders", "ingress", 0), SHOP).broken
    assert (broken.server, broken.port, broken.connections) == ("orders/orders", 8080, 3)


def test_f08_ends_are_judged_with_the_labels_of_their_time() -> None:
    renamed = msgspec.structs.replace(at(SHOP, UI), labels=(("app", "old"),))
    old = msgspec.structs.replace(edge(SHOP, UI, ORDERS, 8080), client=renamed)
    found = replay([old], PolicySet(POLICIES.policies), SHOP)
    assert [b.direction for b in found.broken] == ["ingress"]


def test_traffic_without_pods_is_not_judged() -> None:
    assert replay([edge(SHOP, "10.0.1.10", "10.0.2.10", 22)], POLICIES, SHOP).judged == 0


def test_np57_a_dialled_service_breaks_unless_all_its_backends_are_open() -> None:
    labels = {"app.kubernetes.io/name": "orders", "app.kubernetes.io/component": "service", "track": "canary"}
    more = [*objects(), pod("orders/canary", "10.0.1.199", ports={"http": 8080}, labels=labels)]
    where = cluster(*more)
    seen = edge(where, UI, ORDERS, 8080, service="orders/orders:80")
    policies = PolicySet(tuple(p.policy for p in generate([seen], where).policies))
    assert replay([seen], policies, where).passed
    only_orders = Selector((Expression("pod-template-hash", Operator.EXISTS),))
    ui = next(p for p in policies.policies if p.title == "ui/ui")
    rule = replace(ui.egress[0], peers=(replace(ui.egress[0].peers[0], pods=only_orders),))
    (broken,) = replay([seen], PolicySet((replace(ui, egress=(rule,)),)), where).broken
    assert (broken.server, broken.direction) == ("orders/canary", "egress")


def test_cluster_wide_rules_that_deny_are_named_with_a_fix_and_count_as_used() -> None:
    database = {"matchLabels": {"app.kubernetes.io/component": "postgresql"}}
    peer = {"pods": {"namespaceSelector": {}, "podSelector": database}}
    guard = cnp("guard", egress=[to("Deny", peer, name="no databases"), to("Deny", app("nobody"))])
    found = replay(EDGES, read_policy_set([("p.yaml", guard)]), SHOP)
    broken = {b.client: b for b in found.broken}["orders/orders"]
    assert broken.reason == (
        "egress: ClusterNetworkPolicy guard egress[0] (no databases) of the Admin tier denies orders/orders "
        "TCP 5432 to orders/orders-postgresql"
    )
    assert broken.fix.startswith(
        "give ClusterNetworkPolicy guard an earlier rule that accepts or passes it: egress rule"
    )
    assert found.unused_rules == ("ClusterNetworkPolicy guard egress[1]",)


def test_np75_domain_names_are_what_they_were_when_the_edge_was_seen() -> None:
    where = cluster(pod("x/a", "10.0.0.1"))
    rules = [to("Accept", named("api.example.com")), to("Deny", nets("0.0.0.0/0"))]
    policies = read_policy_set([("p.yaml", cnp("names", egress=rules))])
    names = {"api.example.com": [Answer("192.0.2.7", until=START), Answer("192.0.2.8", since=START)]}
    before, after = START - timedelta(hours=1), START + timedelta(hours=1)
    edges = [
        edge(where, "10.0.0.1", server, 443, first_seen=before, last_seen=when)
        for server in ("192.0.2.7", "192.0.2.8")
        for when in (before, after)
    ]
    broken = [[b.server for b in replay([seen], policies, where, names=names).broken] for seen in edges]
    assert broken == [[], ["192.0.2.7"], ["192.0.2.8"], []]
    assert replay(edges, policies, where, names=names).unused_rules == ()
    assert len(replay(edges, policies, where).broken) == 2
