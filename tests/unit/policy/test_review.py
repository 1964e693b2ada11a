"""Edges unlike the rest: each reason, and what is usual has none."""

from datetime import timedelta

import msgspec

from fairway.policy.review import review
from fairway.policy.rulings import Ruling, Rulings
from fairway.wire.edge import Edge
from support.objects import START, edge
from support.shop import shop, traffic

SHOP = shop()
UI, UI2, ORDERS, DB, INTRUDER = "10.0.1.131", "10.0.2.131", "10.0.1.141", "10.0.1.160", "10.0.2.190"


def usual() -> list[Edge]:
    return [msgspec.structs.replace(one, connections=50) for one in traffic(SHOP)]


def doubts(*more: Edge, rulings: Rulings | None = None) -> dict[tuple[str, str, int], tuple[str, ...]]:
    return {(d.client, d.server, d.port): d.reasons for d in review([*usual(), *more], SHOP, rulings)}


def test_what_is_usual_is_not_asked_about() -> None:
    assert doubts() == {}


def test_dns_is_not_asked_about() -> None:
    assert doubts(edge(SHOP, INTRUDER, "10.0.1.150", 53, "UDP", connections=1)) == {}


def test_a_handful() -> None:
    one = edge(SHOP, ORDERS, "10.0.2.170", 9090, connections=3)
    assert "a handful of connections" in doubts(one)["orders/orders", "monitoring/prometheus", 9090]
    first_sight = edge(SHOP, ORDERS, "10.0.2.170", 9090, connections=0)
    assert "a handful of connections" not in doubts(first_sight)["orders/orders", "monitoring/prometheus", 9090]
    long_lived = edge(SHOP, ORDERS, "10.0.2.170", 9090, connections=1, received_packets=5000)
    assert "a handful of connections" not in doubts(long_lived)["orders/orders", "monitoring/prometheus", 9090]
    assert review(traffic(SHOP), SHOP) == ()  # a short record: everything is rare


def test_one_replica_only() -> None:
    one = edge(SHOP, UI, "10.0.2.170", 9090, connections=90)
    assert doubts(one) == {("ui/ui", "monitoring/prometheus", 9090): ("only ui-7d9f-1 of 2 replicas made it",)}
    assert doubts(one, edge(SHOP, UI2, "10.0.2.170", 9090)) == {}


def test_namespaces_that_never_spoke_before() -> None:
    late = {"first_seen": START + timedelta(minutes=235 / 60), "connections": 90}
    both = [edge(SHOP, client, "10.0.2.170", 9090, **late) for client in (UI, UI2)]
    reason = "namespaces ui and monitoring never spoke before the end of the record"
    assert doubts(*both) == {("ui/ui", "monitoring/prometheus", 9090): (reason,)}


def test_a_scan() -> None:
    scan = [edge(SHOP, INTRUDER, DB, port, received_packets=0) for port in range(5425, 5440) if port != 5432]
    hit = edge(SHOP, INTRUDER, DB, 5432, connections=90)
    found = doubts(*scan, hit)
    assert found.keys() == {("dev/intruder", "orders/orders-postgresql", 5432)}
    assert any("a scan's shape" in reason for reason in found["dev/intruder", "orders/orders-postgresql", 5432])


def test_a_data_store_from_a_namespace_that_does_not_declare_it() -> None:
    both = [
        edge(SHOP, client, DB, 5432, connections=90, service="orders/orders-postgresql:5432")
        for client in (UI, UI2)
    ]
    reason = "a data store (PostgreSQL) reached from another namespace that does not declare it"
    assert doubts(*both) == {("ui/ui", "orders/orders-postgresql", 5432): (reason,)}


def test_what_somebody_decided_about_is_not_asked_again() -> None:
    one = edge(SHOP, UI, "10.0.2.170", 9090, connections=2)
    assert doubts(one)
    for allow in (True, False):
        assert doubts(one, rulings=Rulings([Ruling("ui/*", "*", allow, "known", "ana", port=9090)])) == {}
