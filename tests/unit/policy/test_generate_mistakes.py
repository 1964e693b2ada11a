"""The mistakes of other generators, each as a test.

The number in a test's id is that of the mistake in the list of those that policy generators make.
"""

from ipaddress import ip_network

import msgspec
import pytest

from fairway.policy.model import Ports
from fairway.policy.read import read_policies
from fairway.policy.render import render
from fairway.wire.endpoint import Endpoint, Kind
from support.generating import (
    DB,
    DNS,
    ORDERS,
    SCRAPER,
    SHOP,
    UI,
    UI2,
    egress_ports,
    made,
    networks,
    of,
    peers,
    reasons,
    titles,
    to_world,
)
from support.objects import cluster, edge, node, pod
from support.shop import cloud, traffic


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


PASSING = (
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "apps.kubernetes.io/pod-index",
    "statefulset.kubernetes.io/pod-name",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "helm.sh/chart",
    "app.kubernetes.io/version",
)


@pytest.mark.parametrize("key", PASSING)
def test_f07_labels_that_pass_are_never_in_selectors(key: str) -> None:
    where = cluster(
        pod("a/x", "10.0.0.1", labels={key: "1", "team": "x"}),
        pod("a/y", "10.0.0.2", labels={key: "2"}),
    )
    found = made(edge(where, "10.0.0.1", "10.0.0.2", 80), edge(where, "10.0.0.1", "192.0.2.1", 80), where=where)
    text = "".join(render(found).values())
    assert (key in text, "team" in text) == (False, True)
    assert reasons(found) == ["the pods of a/y have no label that lasts"]


def test_f07_the_shops_policies_have_none_of_them() -> None:
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
    assert [peer for side in ("ingress", "egress") for peer in peers(found, "a/app", side) if not peer.block] == []
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


def test_f12_traffic_of_node_ports_comes_from_nodes_and_opens_the_pods_port_alone() -> None:
    found = made(edge(SHOP, "10.0.2.10", UI, 8080), edge(SHOP, "10.0.100.10", UI, 8080))
    rules = of(found, "ui/ui").ingress or ()
    assert {ports for rule in rules for ports in rule.ports or ()} == {Ports("TCP", 8080)}
    assert networks(found, "ui/ui", "ingress") == [
        "10.0.1.10/32",
        "10.0.2.10/32",
        "2001:db8:1::10/128",
        "2001:db8:2::10/128",
        "10.0.100.10/32",
    ]


def test_f13_a_service_address_is_never_written() -> None:
    found = made(edge(SHOP, UI, "10.96.0.30", 80), edge(SHOP, "2001:db8:1::131", "fd00:96::30", 80))
    assert networks(found, "ui/ui") == networks(found, "orders/orders", "ingress") == []
    gone = Endpoint(kind=Kind.SERVICE, address="10.96.0.98", namespace="a", name="gone")
    without = made(msgspec.structs.replace(edge(SHOP, UI, ORDERS, 80), server=gone))
    assert reasons(without) == ["no backend stands behind the Service's port"]


def test_f14_first_sight_is_enough() -> None:
    found = made(edge(SHOP, UI, ORDERS, 8080, connections=0))
    assert titles(found) == ["orders/orders", "ui/ui"]


def test_every_mistake_has_its_test() -> None:
    numbers = {int(name[6:8]) for name in globals() if name.startswith("test_f")}
    assert numbers == set(range(1, 15))
