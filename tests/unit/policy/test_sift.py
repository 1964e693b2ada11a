"""Which edges may make rules: kept, left out with a reason, or in need of none."""

from typing import Any

import msgspec
import pytest

from fairway.policy.directory import Directory
from fairway.policy.sift import LeftOut, needs_rule, sift
from fairway.wire.endpoint import Endpoint, Kind
from support.objects import at, cluster, edge, pod, service
from support.shop import shop

SHOP = shop()
DIRECTORY = Directory(SHOP)
UI, ORDERS, NODE, OTHER_NODE, OUTSIDE = "10.0.1.131", "10.0.1.141", "10.0.1.10", "10.0.2.10", "203.0.113.9"


@pytest.mark.parametrize(
    ("client", "server", "needed"),
    [
        (UI, ORDERS, True),
        (OUTSIDE, UI, True),
        (UI, OUTSIDE, True),
        (NODE, UI, False),
        (OTHER_NODE, UI, True),
        (UI, NODE, True),
        (UI, UI, False),
        (NODE, OUTSIDE, False),
    ],
)
def test_f06_np52_np54_what_needs_a_rule(client: str, server: str, needed: bool) -> None:
    assert needs_rule(at(SHOP, client), at(SHOP, server)) is needed


def test_a_service_address_is_opened_into_its_backends() -> None:
    seen, left = sift([edge(SHOP, UI, "10.96.0.30", 80)], DIRECTORY)
    assert [(s.server.title, s.port, s.service) for s in seen] == [
        ("orders/orders-5c4b-1", 8080, "orders/orders:80"),
        ("orders/orders-5c4b-2", 8080, "orders/orders:80"),
    ]
    assert left == ()


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({}, True),
        ({"received_packets": 0}, False),
        ({"received_packets": 0, "protocol": "UDP"}, True),
        ({"denied": 1}, True),
        ({"denied": 1, "connections": 0}, False),
        ({"would_deny": 1}, True),
        ({"protocol": "ICMP", "port": 0}, False),
        ({"protocol": "47", "port": 0}, False),
        ({"initiator_known": False}, False),
    ],
)
def test_kept_or_left_out(more: dict[str, Any], kept: bool) -> None:
    seen, left = sift([msgspec.structs.replace(edge(SHOP, UI, ORDERS, 8080), **more)], DIRECTORY)
    assert (len(seen), len(left)) == ((1, 0) if kept else (0, 1))


def test_f11_a_known_opener_of_the_same_relation_vouches() -> None:
    unknown = edge(SHOP, UI, ORDERS, 8080, initiator_known=False)
    for port, kept in ((8080, 2), (9090, 1)):
        seen, _ = sift([unknown, edge(SHOP, "10.0.2.131", "10.0.2.141", port)], DIRECTORY)
        assert len(seen) == kept


def test_what_is_left_out_is_added_up_by_workload() -> None:
    tries = [edge(SHOP, ui, ORDERS, 9, received_packets=0, connections=2) for ui in (UI, "10.0.2.131")]
    assert sift(tries, DIRECTORY)[1] == (LeftOut("ui/ui", "orders/orders", 9, "TCP", "nobody answered", 4),)


def test_np57_other_workloads_behind_a_dialled_service_are_ends_too() -> None:
    where = cluster(
        pod("a/c", "10.0.0.1", labels={"app": "c"}),
        pod("a/s", "10.0.0.2", labels={"app": "s", "part": "x"}),
        pod("a/t", "10.0.0.3", labels={"app": "t", "part": "x"}),
        service("a/x", "10.96.0.1", selector={"part": "x"}, ports=[{"port": 80, "targetPort": 8080}]),
    )
    seen, _ = sift([edge(where, "10.0.0.1", "10.0.0.2", 8080, service="a/x:80")], Directory(where))
    assert [(s.server.title, s.port, s.edge.connections) for s in seen] == [("a/s", 8080, 3), ("a/t", 8080, 0)]


def test_a_relation_that_gets_its_rule_is_not_left_out() -> None:
    before = edge(SHOP, UI, ORDERS, 8080, denied=5, connections=0, received_packets=0)
    after = edge(SHOP, "10.0.2.131", ORDERS, 8080)
    assert [len(part) for part in sift([before], DIRECTORY)] == [0, 1]
    assert [len(part) for part in sift([before, after], DIRECTORY)] == [1, 0]


def test_a_service_without_backends() -> None:
    nowhere = Endpoint(kind=Kind.SERVICE, address="10.96.9.9", namespace="a", name="b")
    _, left = sift([msgspec.structs.replace(edge(SHOP, UI, ORDERS, 80), server=nowhere)], DIRECTORY)
    assert [one.reason for one in left] == ["no backend stands behind the Service's port"]
