"""How much wider than observed: counted from rows, agreed with by `decide` connection by connection."""

import random
from itertools import product

import msgspec
import pytest

from fairway.policy.decide import decide
from fairway.policy.generate import Options, generate
from fairway.policy.labels import title_of, workload_of
from fairway.policy.model import Cluster, NetworkPolicy, PolicySet
from fairway.policy.width import Unseen, width
from fairway.wire.edge import Edge
from fairway.wire.words import Direction, Posture
from support.objects import Object, at, cluster, edge, pod, service
from support.shop import shop, traffic
from support.tiered import app, by, cnp, tcp, to

SHOP = shop()
UI, ORDERS, DB, DNS = "10.0.1.131", "10.0.1.141", "10.0.1.160", "10.0.1.150"


def policies(edges: list[Edge], where: Cluster = SHOP, options: Options | None = None) -> list[NetworkPolicy]:
    return [p.policy for p in generate(edges, where, options).policies]


def test_one_connection_is_as_wide_as_seen() -> None:
    seen = [edge(SHOP, ORDERS, DB, 5432)]
    found = width(seen, policies(seen), SHOP)
    assert (found.allowed, found.seen, found.unseen) == (1, 1, ())


def test_a_range_of_dynamic_ports_is_wider() -> None:
    seen = [edge(SHOP, ORDERS, DB, port) for port in range(40000, 40008)]
    found = width(seen, policies(seen), SHOP)
    assert (found.allowed, found.seen) == (32768, 8)
    assert found.unseen == (
        Unseen("orders/orders", "orders/orders-postgresql", "TCP", "32768-39999", 7232),
        Unseen("orders/orders", "orders/orders-postgresql", "TCP", "40008-65535", 25528),
    )


def test_dns_over_tcp_is_wider_than_dns_over_udp() -> None:
    seen = [edge(SHOP, UI, DNS, 53, "UDP")]
    assert width(seen, policies(seen), SHOP).unseen == (Unseen("ui/ui", "kube-system/coredns", "TCP", "53", 1),)


def test_a_services_other_backends_are_wider() -> None:
    where = cluster(
        pod("a/c", "10.0.0.1", labels={"app": "c"}),
        pod("a/x", "10.0.0.2", labels={"app": "x", "front": "f"}),
        pod("a/y", "10.0.0.3", labels={"app": "y", "front": "f"}),
        service("a/f", "10.96.0.1", selector={"front": "f"}, ports=[{"port": 80, "targetPort": 8080}]),
    )
    seen = [edge(where, "10.0.0.1", "10.0.0.2", 8080, service="a/f:80")]
    assert width(seen, policies(seen, where), where).unseen == (Unseen("a/c", "a/y", "TCP", "8080", 1),)


def test_cluster_wide_policies_have_their_say() -> None:
    one, other = pod("a/c", "10.0.0.1", labels={"app": "c"}), pod("a/x", "10.0.0.2", labels={"app": "x"})
    open_ = cnp("open", subject=app("x"), ingress=[by("Accept", app("c"), protocols=[tcp(90, 93)])],
                egress=[to("Accept", app("c"), protocols=[tcp(9)])])  # fmt: skip
    shut = cnp("shut", subject=app("c"), egress=[to("Deny", protocols=[tcp(93)])])
    every = cnp("every", priority=99, egress=[to("Accept")])

    def unseen(*guards: Object) -> tuple[Unseen, ...]:
        where = cluster(one, other, *guards)
        seen = [edge(where, "10.0.0.1", "10.0.0.2", 80)]
        return width(seen, policies(seen, where), where).unseen

    assert unseen() == unseen(open_, shut) == ()  # one side accepts, the other is isolated
    assert unseen(open_, every) == (Unseen("a/c", "a/x", "TCP", "90-93", 4),)
    assert unseen(open_, shut, every) == (Unseen("a/c", "a/x", "TCP", "90-92", 3),)


def test_outside_addresses() -> None:
    few = [edge(SHOP, UI, f"192.0.2.{i}", 443) for i in range(3)]
    many = [edge(SHOP, UI, f"192.0.2.{i}", 443) for i in range(4)]
    one, other = width(few, policies(few), SHOP), width(many, policies(many), SHOP)
    assert (one.outside_allowed, one.outside_seen) == (3, 3)
    assert (other.outside_allowed, other.outside_seen) == (256, 4)


def test_unanswered_connections_were_not_seen() -> None:
    seen = [edge(SHOP, ORDERS, DB, 5432)]
    dead = [msgspec.structs.replace(seen[0], received_packets=0)]
    assert [one.ports for one in width(dead, policies(seen), SHOP).unseen] == ["5432"]


@pytest.mark.parametrize("options", [Options(), Options(per_namespace=True), Options(default_deny=True)], ids=str)
def test_agrees_with_decide(options: Options) -> None:
    seen = traffic(SHOP)
    chosen = policies(seen, options=options)
    found = width(seen, chosen, SHOP)
    ends = [at(SHOP, address) for p in SHOP.pods if not p.finished for address in p.addresses]
    ports = [("TCP", 8080), ("TCP", 5432), ("UDP", 53), ("TCP", 53), ("TCP", 9090), ("TCP", 40000)]
    held = PolicySet(tuple(chosen), Posture.DENY)
    allowed = {
        (title_of(workload_of(c)), title_of(workload_of(s)), protocol, port)
        for c, s, (protocol, port) in product(ends, ends, ports)
        if c.address != s.address
        and (":" in c.address) == (":" in s.address)
        and decide(held, SHOP.namespaces, c, s, port, protocol).allowed
    }
    observed = {
        (title_of(workload_of(e.client)), title_of(workload_of(e.server)), e.protocol, e.port)
        for e in seen
        if e.client.kind == e.server.kind == "pod"
    }
    between = {
        (one.client, one.server, one.protocol, int(one.ports)) for one in found.unseen if one.client != one.server
    }
    assert between == {one for one in allowed - observed if one[0] != one[1]}


def test_a_direction_that_no_policy_isolates_is_open() -> None:
    seen = [edge(SHOP, ORDERS, DB, 5432)]
    chosen = policies(seen, options=Options(directions=frozenset({Direction.INGRESS})))
    assert [p.title for p in chosen] == ["orders/orders", "orders/orders-postgresql"]
    assert (width(seen, chosen, SHOP).allowed, width(seen, chosen, SHOP).seen) == (1, 1)


def test_the_order_of_flows_does_not_matter() -> None:
    seen = traffic(SHOP)
    mixed = random.Random(3).sample(seen, len(seen))
    assert width(seen, policies(seen), SHOP) == width(mixed, policies(mixed), SHOP)
