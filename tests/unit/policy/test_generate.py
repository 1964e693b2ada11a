"""What is generated: the mistakes of other generators, each as a test, and the properties of the whole.

The number in a test's id is that of the mistake in the list of those that policy generators make.
"""

import random
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.decide import decide
from fairway.policy.generate import Generated, Options, generate
from fairway.policy.model import Cluster, NetworkPolicy, Peer, PolicySet, Ports, Selector
from fairway.policy.read import read_policies
from fairway.policy.render import render
from fairway.policy.replay import replay
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction, Posture
from support.objects import START, cluster, edge, namespace, node, pod
from support.random_clusters import random_case
from support.shop import cloud, objects, shop, traffic

UI, UI2, ORDERS, DB, DNS, SCRAPER = (
    "10.0.1.131",
    "10.0.2.131",
    "10.0.1.141",
    "10.0.1.160",
    "10.0.1.150",
    "10.0.2.170",
)
SHOP = shop()


def made(*edges: Edge, where: Cluster = SHOP, **options: Any) -> Generated:
    return generate(edges, where, Options(**options))


def of(generated: Generated, title: str) -> NetworkPolicy:
    return next(p.policy for p in generated.policies if p.policy.title == title)


def titles(generated: Generated) -> list[str]:
    return [p.policy.title for p in generated.policies]


def reasons(generated: Generated) -> list[str]:
    return [left.reason for left in generated.left_out]


def egress_ports(generated: Generated, title: str = "ui/ui") -> set[Ports]:
    return {ports for rule in of(generated, title).egress or () for ports in rule.ports or ()}


def peers(generated: Generated, title: str, direction: str) -> list[Peer]:
    return [peer for rule in getattr(of(generated, title), direction) for peer in rule.peers or ()]


def networks(generated: Generated, title: str, direction: str = "egress") -> list[str]:
    return [str(peer.block.network) for peer in peers(generated, title, direction) if peer.block]


def to_world(address: str, client: str = UI, port: int = 443, **more: Any) -> Edge:
    return edge(SHOP, client, address, port, **more)


def test_f01_the_pods_port_is_written_not_the_services() -> None:
    to_service = edge(SHOP, UI, "10.96.0.30", 80)
    assert to_service.server.kind is Kind.SERVICE
    found = made(to_service)
    assert egress_ports(found) == {Ports("TCP", "http")}
    assert titles(found) == ["orders/orders", "ui/ui"]
    unnamed = made(edge(SHOP, UI, SCRAPER, 9090))
    assert egress_ports(unnamed) == {Ports("TCP", 9090)}


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
@pytest.mark.parametrize("server", [DNS, "10.96.0.10", "169.254.20.10", "10.0.2.10"])
def test_f02_dns_is_allowed_over_both_protocols_wherever_it_is_served(server: str, protocol: str) -> None:
    found = made(edge(SHOP, UI, server, 53, protocol))
    assert egress_ports(found) == {Ports("UDP", 53), Ports("TCP", 53)}
    assert any("DNS over UDP and TCP" in line for line in found.policies[-1].evidence["egress[0]"])


def test_f02_cluster_dns_is_selected_by_the_label_it_has_everywhere() -> None:
    found = made(edge(SHOP, UI, DNS, 53, "UDP"))
    (peer,) = peers(found, "ui/ui", "egress")
    assert read_policies([("p", found.policies[-1].manifest)])[0].egress == of(found, "ui/ui").egress
    assert peer.pods is not None
    assert [(e.key, set(e.values)) for e in peer.pods.expressions] == [("k8s-app", {"kube-dns"})]


def test_f02_dns_pods_may_listen_elsewhere() -> None:
    where = cluster(
        pod("a/app", "10.0.0.1", labels={"app": "a"}),
        pod(
            "openshift-dns/d", "10.0.0.2", labels={"dns": "default"}, ports={"dns": (5353, "UDP"), "dns-tcp": 5353}
        ),
    )
    found = made(edge(where, "10.0.0.1", "10.0.0.2", 5353, "UDP"), where=where)
    assert egress_ports(found, "a/app") == {Ports("UDP", 5353), Ports("TCP", 5353)}


def test_f03_single_addresses_have_full_length_and_many_become_a_network() -> None:
    few = made(to_world("192.0.2.1"), to_world("2001:db8:f::1", client="2001:db8:1::131"))
    assert networks(few, "ui/ui") == ["192.0.2.1/32", "2001:db8:f::1/128"]
    many = [to_world(f"192.0.2.{i}") for i in range(4)]
    many += [to_world(f"2001:db8:f::{i}", client="2001:db8:1::131") for i in range(1, 5)]
    assert networks(made(*many), "ui/ui") == ["192.0.2.0/24", "2001:db8:f::/64"]


def test_f03_a_network_with_pods_or_nodes_in_it_is_never_written_for_outsiders() -> None:
    near = [to_world(f"10.0.1.{i}") for i in range(200, 205)]
    assert networks(made(*near), "ui/ui") == [f"10.0.1.{i}/32" for i in range(200, 205)]


def test_f03_published_networks_of_the_name_are_used_in_both_families() -> None:
    published = {"S3": (ip_network("198.18.0.0/24"), ip_network("2001:db8:a000::/48")),
                 "EC2": (ip_network("198.18.9.0/24"),)}  # fmt: skip
    seen = msgspec.structs.replace(to_world("198.18.0.7"), server=cloud())
    assert networks(made(seen, published=published), "ui/ui") == ["198.18.0.0/24", "2001:db8:a000::/48"]
    assert networks(made(seen), "ui/ui") == ["198.18.0.7/32"]


def test_f04_peers_with_different_ports_are_different_rules() -> None:
    found = made(edge(SHOP, UI, SCRAPER, 9090), edge(SHOP, UI, ORDERS, 8080))
    rules = of(found, "ui/ui").egress or ()
    assert [rule.ports for rule in rules] == [(Ports("TCP", 9090),), (Ports("TCP", "http"),)]


@pytest.mark.parametrize("protocol", ["UDP", "SCTP"])
def test_f05_every_protocol_port_and_family_counts(protocol: str) -> None:
    found = made(edge(SHOP, "2001:db8:1::131", "2001:db8:2::141", 40000, protocol))
    assert egress_ports(found) == {Ports(protocol, 40000)}


def test_f06_the_own_node_needs_no_rule() -> None:
    found = made(edge(SHOP, "10.0.1.10", UI, 8080))
    assert (found.policies, found.left_out) == ((), ())


def test_f06_other_nodes_are_all_nodes() -> None:
    found = made(edge(SHOP, "10.0.2.10", UI, 8080))
    assert networks(found, "ui/ui", "ingress") == [
        "10.0.1.10/32",
        "10.0.2.10/32",
        "2001:db8:1::10/128",
        "2001:db8:2::10/128",
    ]


PASSING = ("pod-template-hash", "controller-revision-hash", "pod-name", "pod-index", "job-name", "chart", "version")


def test_f07_labels_that_pass_are_never_in_selectors() -> None:
    text = "".join(render(made(*traffic(SHOP))).values())
    assert "app.kubernetes.io/component" in text
    assert [word for word in PASSING if word in text] == []


def test_f08_a_flow_belongs_to_the_pod_of_its_time() -> None:
    labels = (("app.kubernetes.io/component", "service"), ("app.kubernetes.io/name", "orders"))
    then = Endpoint(
        kind=Kind.POD, address=UI, namespace="orders", name="orders-9", workload="Deployment/orders", labels=labels
    )
    found = made(msgspec.structs.replace(edge(SHOP, UI, DB, 5432), client=then))
    assert titles(found) == ["orders/orders", "orders/orders-postgresql"]


def test_f09_a_workload_without_traffic_is_named_and_left_alone() -> None:
    found = made(edge(SHOP, UI, ORDERS, 8080))
    assert "dev/intruder" not in titles(found)
    assert "dev/intruder: no traffic that makes a rule; it gets no policy" in found.notes


def test_f10_host_network_peers_are_nodes() -> None:
    where = cluster(
        node("n1", "10.0.1.10"),
        node("n2", "10.0.2.10"),
        pod("a/app", "10.0.1.1", labels={"app": "a"}),
        pod("a/agent", "10.0.2.10", labels={"app": "agent"}, on="n2", host_network=True),
    )
    found = made(edge(where, "10.0.2.10", "10.0.1.1", 80), edge(where, "10.0.1.1", "10.0.2.10", 9100), where=where)
    assert networks(found, "a/app", "ingress") == networks(found, "a/app") == ["10.0.1.10/32", "10.0.2.10/32"]
    assert titles(found) == ["a/app"]


def test_f11_an_edge_whose_opener_nobody_saw_makes_no_rule_by_itself() -> None:
    blind = edge(SHOP, ORDERS, UI, 41234, initiator_known=False)
    assert made(blind).policies == ()
    assert reasons(made(blind)) == ["nobody saw who opened it"]
    same = edge(SHOP, UI, ORDERS, 8080, initiator_known=False)
    other_replica = edge(SHOP, UI2, ORDERS, 8080)
    assert made(same, other_replica).left_out == ()
    assert "2 of 2 replicas" in made(same, other_replica).policies[-1].evidence["egress[0]"][0]


def test_f11_many_dynamic_ports_become_one_range() -> None:
    found = made(*(edge(SHOP, UI, ORDERS, port) for port in (21, *range(40000, 40020))))
    assert egress_ports(found) == {Ports("TCP", 21), Ports("TCP", 32768, 65535)}


def test_f12_load_balancers_are_their_addresses_and_a_note() -> None:
    found = made(edge(SHOP, "10.0.100.10", UI, 8080))
    assert networks(found, "ui/ui", "ingress") == ["10.0.100.10/32"]
    assert any("ui/ui: called from outside by 10.0.100.10" in note for note in found.notes)


def test_f13_a_service_address_is_never_written() -> None:
    found = made(edge(SHOP, UI, "10.96.0.30", 80), edge(SHOP, "2001:db8:1::131", "fd00:96::30", 80))
    assert networks(found, "ui/ui") == networks(found, "orders/orders", "ingress") == []
    gone = Endpoint(kind=Kind.SERVICE, address="10.96.0.98", namespace="a", name="gone")
    without = made(msgspec.structs.replace(edge(SHOP, UI, ORDERS, 80), server=gone))
    assert reasons(without) == ["no backend stands behind the Service's port"]


def test_f14_first_sight_is_enough() -> None:
    found = made(edge(SHOP, UI, ORDERS, 8080, connections=0))
    assert titles(found) == ["orders/orders", "ui/ui"]


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
