"""Sums as a map: a table of what Services' rows become."""

from typing import Any

import pyarrow as pa
import pytest

from fairway.cloud.prices import Price, Prices
from fairway.views import graph
from fairway.views.map import OUTSIDE, Behind, Graph


def graph_of(rows: list[dict[str, Any]], *asked: Any, **more: Any) -> Graph:
    return graph.graph_of(pa.Table.from_pylist(rows), *asked, **more)


ONE = {"shop/db:80": Behind((("shop", "Deployment/db"),), (5432,))}
TWO = {"shop/db:80": Behind((("shop", "Deployment/db"), ("shop", "Deployment/db2")), (5432,))}


def row(server: tuple[str, str, str], port: int, service: str = "", **sums: int) -> dict[str, Any]:
    counters = ("connections", "sent_bytes", "received_bytes", "sent_packets", "received_packets")
    others = ("retransmissions", "handshake_retransmissions", "timeouts", "handshake_timeouts", "denied")
    times = ("srtt_sum_us", "srtt_count", "connect_sum_us", "connect_count")
    tcp = ("would_deny", "unjudged", "failed", "resets", "severed")
    return {
        **dict.fromkeys((*counters, *others, *times, *tcp), 0),
        **dict(
            zip(("client_kind", "client_namespace", "client_group"), ("pod", "shop", "Deployment/ui"), strict=True)
        ),
        **dict(zip(("server_kind", "server_namespace", "server_group"), server, strict=True)),
        **{"client_replica": "ui-1", "client_node": "a", "server_replica": "x", "server_node": "b"},
        **{"service": service, "category": "intra-zone", "port": port, "protocol": "TCP" if port else "ICMP"},
        **{"from_zone": "", "to_zone": ""},
        **sums,
    }


SERVICE, POD = ("service", "shop", "db"), ("pod", "shop", "Deployment/db")
TOLD = row(POD, 5432, sent_bytes=10, connections=1)
DIALLED = row(SERVICE, 80, "shop/db:80", retransmissions=2)
ALONE = row(SERVICE, 80, "shop/db:80", connections=4)


@pytest.mark.parametrize(
    ("rows", "behind", "grain", "wanted"),
    [
        ([TOLD, DIALLED], ONE, "workload", {"pod shop/Deployment/db": (1, 2, ("TCP 5432",))}),
        ([DIALLED], ONE, "workload", {"pod shop/Deployment/db": (0, 2, ("TCP 5432",))}),
        (
            *([TOLD, DIALLED], TWO, "workload"),
            {"pod shop/Deployment/db": (1, 0, ("TCP 5432",)), "service shop/db": (0, 2, ("TCP 80",))},
        ),
        (
            *([TOLD, DIALLED], {}, "workload"),
            {"pod shop/Deployment/db": (1, 0, ("TCP 5432",)), "service shop/db": (0, 2, ("TCP 80",))},
        ),
        ([ALONE], ONE, "workload", {"pod shop/Deployment/db": (4, 0, ("TCP 5432",))}),
        ([ALONE], TWO, "workload", {"service shop/db": (4, 0, ("TCP 80",))}),
        (
            [TOLD, row(SERVICE, 80, "shop/db:80", srtt_sum_us=9, srtt_count=3)],
            TWO,
            "workload",
            {"pod shop/Deployment/db": (1, 0, ("TCP 5432",))},
        ),
        (
            *([TOLD, DIALLED], ONE, "replica"),
            {"pod shop/x": (1, 0, ("TCP 5432",)), "service shop/db": (0, 2, ("TCP 80",))},
        ),
        ([row(POD, 0)], {}, "workload", {"pod shop/Deployment/db": (0, 0, ("ICMP",))}),
        (
            [row(("external", "", "192.0.2.0/24"), 443, connections=2)],
            *({}, "replica", {"external 192.0.2.0/24": (2, 0, ("TCP 443",))}),
        ),
    ],
)
def test_what_becomes_of_a_service(rows: Any, behind: Any, grain: Any, wanted: Any) -> None:
    edges = graph_of(rows, behind, grain).edges
    assert {edge.server: (edge.connections, edge.retransmissions, edge.ports) for edge in edges} == wanted


def test_both_directions_are_apart_and_nodes_add_up() -> None:
    there = row(
        POD,
        5432,
        sent_bytes=10,
        received_bytes=3,
        srtt_sum_us=100,
        srtt_count=2,
        connect_sum_us=90,
        connect_count=1,
    )
    back = {
        name.replace("client", "?").replace("server", "client").replace("?", "server"): value
        for name, value in row(POD, 9, sent_bytes=1).items()
    }
    told = graph_of([there, back], {})
    ui, db = "pod shop/Deployment/ui", "pod shop/Deployment/db"
    assert [(edge.client, edge.server, edge.sent_bytes, edge.rtt_us, edge.connect_us) for edge in told.edges] == [
        (db, ui, 1, None, None),
        (ui, db, 10, 50, 90),
    ]
    assert [(node.id, node.sent_bytes, node.received_bytes) for node in told.nodes] == [(db, 4, 10), (ui, 10, 4)]


@pytest.mark.parametrize("collapsed", [("shop",), ("*",)])
def test_a_collapsed_namespace_is_one_node_with_an_edge_to_itself(collapsed: tuple[str, ...]) -> None:
    told = graph_of([TOLD, DIALLED], TWO, "workload", collapsed)
    assert [(edge.client, edge.server, edge.retransmissions) for edge in told.edges] == [
        ("namespace shop", "namespace shop", 2)
    ]


AWS = {"from_zone": "eu-west-1a", "to_zone": "eu-west-1b", "category": "inter-zone"}


def test_bytes_between_zones_have_a_price_or_are_told_to_have_none() -> None:
    gib = 1 << 30
    rows = [
        row(POD, 80, sent_bytes=gib, received_bytes=gib) | AWS,
        row(POD, 80, sent_bytes=5, received_bytes=2) | AWS | {"to_zone": "here"},
        row(POD, 80, sent_bytes=gib),
    ]
    (edge,) = graph_of(rows, {}).edges
    assert edge.cross_zone_bytes == 2 * gib + 7
    assert (edge.cost, edge.unpriced_bytes) == (0.04, 7), "a cent out and a cent in, both ways"
    dear = Prices(prices=(Price(out=1, zones=("eu-west-1a", "eu-west-1b")),), defaults=False)
    assert graph_of(rows, {}, prices=dear).edges[0].cost == 2


def test_an_edge_stands_as_its_worst_part_does() -> None:
    judged = {80: ("allowed", ("a", "b")), 81: ("unknown", ()), 82: ("unprotected", ()), 83: ("would-deny", ())}
    found = []
    for ports in ([80], [80, 81], [80, 81, 82], [82, 83]):
        (edge,) = graph_of([row(POD, port) for port in ports], {}, judge=lambda told: judged[told.port]).edges
        found.append((edge.standing, edge.rules))
    assert found == [
        ("allowed", ("a", "b")),
        ("unknown", ("a", "b")),
        ("unprotected", ("a", "b")),
        ("would-deny", ()),
    ]
    (edge,) = graph_of([row(POD, 80, denied=1)], {}, judge=lambda told: judged[80]).edges
    assert edge.standing == "denied"


def test_what_is_collapsed_says_for_how_many_it_stands() -> None:
    outside = [row(("external", "", f"192.0.{n}.0/24"), 443, sent_bytes=1) for n in range(3)]
    told = graph_of([TOLD, *outside], {}, collapsed=("shop",), outside_as_one=True)
    assert {node.id: node.members for node in told.nodes} == {"namespace shop": 2, OUTSIDE: 3}
    assert {edge.server: edge.members for edge in told.edges} == {"namespace shop": 1, OUTSIDE: 3}
    assert {node.id for node in told.parts["namespace shop"]} == {
        "pod shop/Deployment/db",
        "pod shop/Deployment/ui",
    }
