"""What is generated: what makes no rule, how ports and labels are written, choices, and properties of the whole."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.decide import decide
from fairway.policy.generate import Generated, Options, generate
from fairway.policy.model import NetworkPolicy, PolicySet, Ports, Selector
from fairway.policy.read import read_policies
from fairway.policy.render import render
from fairway.policy.replay import replay
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction, Posture
from support.generating import (
    DB,
    ORDERS,
    SHOP,
    UI,
    egress_ports,
    made,
    networks,
    of,
    peers,
    reasons,
    titles,
    to_world,
)
from support.objects import START, cluster, edge, namespace, pod
from support.random_clusters import random_case
from support.shop import objects, traffic


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"received_packets": 0}, "nobody answered"),
        ({"denied": 4, "connections": 0}, "it was denied when recorded"),
        ({"protocol": "ICMP"}, "a NetworkPolicy allows ICMP only together with every port"),
    ],
)
def test_observed_is_not_wanted(more: dict[str, Any], reason: str) -> None:
    found = made(msgspec.structs.replace(edge(SHOP, UI, DB, 5432), **more))
    assert (found.policies, reasons(found)) == ((), [reason])


def test_an_address_that_nobody_held_makes_no_rule() -> None:
    nobody = Endpoint(kind=Kind.UNKNOWN, address="10.0.1.99")
    found = made(msgspec.structs.replace(edge(SHOP, UI, DB, 5432), client=nobody))
    assert reasons(found) == ["nobody in the cluster held 10.0.1.99 then"]


def test_pods_without_a_lasting_label_are_named() -> None:
    where = cluster(
        pod("a/x", "10.0.0.1", labels={"pod-template-hash": "1"}), pod("a/y", "10.0.0.2", labels={"app": "y"})
    )
    found = made(edge(where, "10.0.0.1", "10.0.0.2", 80), where=where)
    assert titles(found) == []
    assert reasons(found) == ["the pods of a/x have no label that lasts"]
    assert any("a/x: its pods have no label that lasts" in note for note in found.notes)


def test_two_workloads_that_no_label_tells_apart_are_noted() -> None:
    same = {"app": "twin"}
    where = cluster(pod("a/x", "10.0.0.1", labels=same), pod("a/y", "10.0.0.2", labels=same))
    found = made(edge(where, "192.0.2.1", "10.0.0.1", 80), where=where)
    assert "a/x: its labels select y, too; give one of them a label" in found.notes


def test_workloads_of_one_name_get_policies_of_two() -> None:
    where = cluster(
        pod("a/x-0", "10.0.0.1", labels={"app": "s"}, owner="StatefulSet/x"),
        pod("a/x-d", "10.0.0.2", labels={"app": "d"}, owner="DaemonSet/x"),
    )
    found = made(edge(where, "10.0.0.1", "10.0.0.2", 80), where=where)
    assert titles(found) == ["a/x-daemonset", "a/x-statefulset"]


def test_peers_of_one_name_are_written_apart() -> None:
    where = cluster(
        pod("a/x-0", "10.0.0.1", labels={"app": "s"}, owner="StatefulSet/x"),
        pod("a/x-d", "10.0.0.2", labels={"app": "d"}, owner="DaemonSet/x"),
        pod("a/y", "10.0.0.3", labels={"app": "y"}),
    )
    edges = [edge(where, "10.0.0.3", server, 80) for server in ("10.0.0.1", "10.0.0.2")]
    assert len(peers(made(*edges, where=where), "a/y", "egress")) == 2


@pytest.mark.parametrize(
    ("ports", "written"),
    [
        ([{"web": 80}, {"web": 80}], "web"),
        ([{"web": 80}, {"http": 80}], 80),
        ([{"web": 80}, {}], 80),
        ([{"web": 80}, {"web": 81, "http": 80}], 80),
        ([{"web": (80, "UDP")}], 80),
        ([{"": 80}], 80),
    ],
)
def test_a_port_is_named_only_if_the_name_means_it_on_every_pod(
    ports: list[dict[str, Any]], written: object
) -> None:
    pods = [pod(f"a/s-{i}", f"10.0.0.{i}", labels={"app": "s"}, owner="StatefulSet/s", ports=p)
            for i, p in enumerate(ports, 1)]  # fmt: skip
    where = cluster(pod("a/c", "10.0.0.9", labels={"app": "c"}), *pods)
    found = made(edge(where, "10.0.0.9", "10.0.0.1", 80), where=where)
    assert egress_ports(found, "a/c") == {Ports("TCP", written)}  # type: ignore[arg-type]


def test_a_name_of_two_ports_is_never_written() -> None:
    double = pod("a/s", "10.0.0.1", labels={"app": "s"})
    double["spec"]["containers"] = [{"ports": [{"name": "web", "containerPort": n} for n in (80, 81)]}]
    where = cluster(pod("a/c", "10.0.0.9", labels={"app": "c"}), double)
    found = made(edge(where, "10.0.0.9", "10.0.0.1", 80), where=where)
    assert egress_ports(found, "a/c") == {Ports("TCP", 80)}


def test_every_pod_may_ask_the_clusters_dns() -> None:
    found = made(*traffic(SHOP))
    (rule,) = of(found, "kube-system/coredns").ingress or ()
    assert [(peer.pods, peer.namespaces is not None) for peer in rule.peers or ()] == [(None, True)]


def test_evidence_is_added_up_per_peer() -> None:
    found = made(*traffic(SHOP))
    ui = next(p for p in found.policies if p.policy.title == "ui/ui")
    assert ui.evidence["egress[0]"] == (
        "orders/orders: 12 connections, 7.8 KiB, 2026-11-22 20:10 to 20:14 UTC, 2 of 2 replicas, "
        "dialled orders/orders:80",
    )


def test_the_same_edges_in_any_order_make_the_same_bytes() -> None:
    edges = traffic(SHOP)
    edges.append(edge(SHOP, UI, ORDERS, 8080, first_seen=START - timedelta(days=1)))
    first = render(made(*edges))
    for seed in range(5):
        random.Random(seed).shuffle(edges)
        assert render(made(*edges)) == first
    assert render(made(*edges, where=cluster(*reversed(objects())))) == first


def test_all_that_was_seen_is_allowed_and_between_workloads_nothing_else() -> None:
    edges = traffic(SHOP)
    policies = PolicySet(tuple(p.policy for p in made(*edges).policies), Posture.DENY)
    pods = [end for e in edges for end in (e.client, e.server) if end.kind is Kind.POD]
    seen = {(e.client.group, e.server.group, e.port, e.protocol) for e in edges}
    assert all(decide(policies, SHOP.namespaces, e.client, e.server, e.port, e.protocol).allowed for e in edges)
    for client in pods:
        for server in pods:
            for port, protocol in ((8080, "TCP"), (5432, "TCP"), (9090, "TCP"), (53, "TCP"), (80, "TCP")):
                if client.address == server.address or (":" in client.address) != (":" in server.address):
                    continue
                allowed = decide(policies, SHOP.namespaces, client, server, port, protocol).allowed
                dns = (client.group, server.group, 53, "UDP") in seen and port == 53
                assert allowed == (dns or (client.group, server.group, port, protocol) in seen)


def test_a_policy_of_the_same_name_in_the_cluster_is_noted() -> None:
    taken = {"kind": "NetworkPolicy", "metadata": {"name": "ui", "namespace": "ui"}, "spec": {"podSelector": {}}}
    found = made(edge(SHOP, UI, ORDERS, 8080), where=cluster(*objects(), taken))
    assert "ui/ui: the cluster has a policy of that name, which it would replace" in found.notes


def test_nothing_seen_nothing_made() -> None:
    assert made(where=cluster(namespace("a"))) == Generated((), (), ())


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_on_random_clusters_all_that_makes_a_rule_is_allowed(seed: int) -> None:
    where, _, probes = random_case(random.Random(seed))
    edges = [
        Edge(client=p.client, server=p.server, port=p.port, protocol=p.protocol, family=4, connections=1,
             received_packets=1, first_seen=START, last_seen=START)
        for p in probes
    ]  # fmt: skip
    found = generate(edges, where)
    left = {(one.client, one.server, one.port, one.protocol) for one in found.left_out}
    policies = PolicySet(tuple(p.policy for p in found.policies))
    broken = {(b.client, b.server, b.port, b.protocol) for b in replay(edges, policies, where).broken}
    assert broken <= left


ALL_OPTIONS = [
    pytest.param(Options(**chosen), id="-".join(chosen) or "default")
    for chosen in (
        {},
        {"per_namespace": True},
        {"default_deny": True},
        {"directions": frozenset({Direction.INGRESS})},
        {"directions": frozenset({Direction.EGRESS}), "default_deny": True},
        {"merge_at": 0},
        {"merge_at": 1, "merge_length": 16},
        {"per_namespace": True, "default_deny": True, "directions": frozenset({Direction.INGRESS})},
    )
]


@pytest.mark.parametrize("options", ALL_OPTIONS)
def test_whatever_is_chosen_what_was_seen_is_allowed(options: Options) -> None:
    edges = [*traffic(SHOP), *(to_world(f"192.0.2.{i}") for i in range(5))]
    found = generate(edges, SHOP, options)
    policies = read_policies((p.policy.title, p.manifest) for p in found.policies)
    assert policies == tuple(p.policy for p in found.policies)
    for posture in Posture:
        if posture is Posture.ALLOW or len(options.directions) == 2:
            assert replay(edges, PolicySet(policies, posture), SHOP).broken == ()
    assert len(render(found)) == len(found.policies)


def test_one_direction_isolates_in_that_alone() -> None:
    found = made(*traffic(SHOP), directions=frozenset({Direction.INGRESS}))
    assert {(p.policy.ingress is None, p.policy.egress is None) for p in found.policies} == {(False, True)}
    assert titles(found) == titles(made(*traffic(SHOP)))
    assert "egress" not in "".join(key for p in found.policies for key in p.evidence)


def test_one_policy_per_namespace() -> None:
    found = made(edge(SHOP, UI, ORDERS, 8080), edge(SHOP, ORDERS, DB, 5432), per_namespace=True)
    assert titles(found) == ["orders/orders", "ui/ui"]
    whole = of(found, "orders/orders")
    assert whole.subject.expressions == ()
    assert {ports for rule in whole.ingress or () for ports in rule.ports or ()} == {
        Ports("TCP", 8080),
        Ports("TCP", 5432),
    }
    evidence = found.policies[0].evidence
    assert any("namespace orders: 3 connections" in line and "of 3 pods" in line for line in evidence["egress[0]"])


def test_default_deny_comes_last_closes_and_says_whom_it_cuts_off() -> None:
    where = cluster(*objects(), pod("ui/idle", "10.0.1.199", labels={"app": "idle"}))
    found = generate([edge(where, UI, "192.0.2.1", 443)], where, Options(default_deny=True))
    assert titles(found) == ["ui/ui", "ui/default-deny"]
    assert of(found, "ui/default-deny") == NetworkPolicy("ui", "default-deny", Selector(), (), ())
    cut = "it gets no policy, and the default-deny of its namespace cuts it off"
    assert f"ui/idle: no traffic that makes a rule; {cut}" in found.notes
    text = render(found)["ui-default-deny.yaml"]
    assert text.startswith("# Closes namespace ui to everything that no other policy allows.\n")


def test_addresses_outside_are_grouped_as_chosen() -> None:
    seen = [to_world(f"192.0.{i}.1") for i in range(4)]
    assert networks(made(*seen, merge_length=16), "ui/ui") == ["192.0.0.0/16"]
    same = [to_world(f"192.0.2.{i}") for i in range(20)]
    assert len(networks(made(*same, merge_at=0), "ui/ui")) == 20


def test_ports_are_numbers_where_peers_are_networks_or_a_person_says_so() -> None:
    outside, inside = edge(SHOP, "10.0.100.10", UI, 8080), edge(SHOP, UI, ORDERS, 8080)
    rules = [
        *(of(made(outside, inside), "ui/ui").ingress or ()),
        *(of(made(outside, inside), "ui/ui").egress or ()),
    ]
    assert [rule.ports for rule in rules] == [(Ports("TCP", 8080),), (Ports("TCP", "http"),)]
    assert egress_ports(made(inside, numeric_ports=True)) == {Ports("TCP", 8080)}


def test_silent_workloads_are_closed_if_a_person_says_so() -> None:
    idle = pod("ui/idle", "10.0.1.199", labels={"app": "idle"})
    blind = pod("ui/blind", "10.0.1.198", labels={"app": "blind"})
    where = cluster(*objects(), idle, blind, pod("ui/bare", "10.0.1.197", labels={"pod-template-hash": "1"}))
    edges = [edge(where, UI, "192.0.2.1", 443), edge(where, "10.0.1.198", ORDERS, 5, initiator_known=False)]
    edges += [
        edge(where, "10.0.1.199", ORDERS, 6, received_packets=0),
        edge(where, "10.0.1.10", "10.0.1.199", 8080),
    ]
    found = made(*edges, where=where, close_silent=True)
    closed = of(found, "ui/idle")
    assert (closed.ingress, closed.egress) == ((), ())
    assert "ui/ui" in titles(found)
    assert not {"ui/blind", "ui/bare"} & set(titles(found))
    assert "ui/bare: its pods have no label that lasts; give them one such as `app`" in found.notes
    assert not any("ui/idle" in note for note in found.notes)
    assert "ui/idle" not in titles(made(*edges, where=where))
