"""A watch told by workload: which bins, which kinds, which pods started."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from fairway.policy.watch import History, Sighting, Watch, histories
from fairway.wire.edge import Edge
from support.objects import START, edge
from support.shop import shop

SHOP = shop()
UI, UI2, ORDERS, ORDERS2, DB = "10.0.1.131", "10.0.2.131", "10.0.1.141", "10.0.2.141", "10.0.1.160"
ORDERS_WORKLOAD = ("orders", "Deployment/orders")


def watch(*seen: tuple[Edge, tuple[int, ...]], bins: int = 10, lost: Mapping[str, int] | None = None) -> Watch:
    hour = timedelta(hours=1)
    return Watch(START, hour, bins * hour, tuple(range(bins)), tuple(Sighting(*one) for one in seen), lost)


def orders(*seen: tuple[Edge, tuple[int, ...]], lost: Mapping[str, int] | None = None) -> History:
    return histories(watch(*seen, lost=lost), SHOP)[ORDERS_WORKLOAD]


def test_replicas_and_families_add_up_to_one_kind() -> None:
    found = orders(
        (edge(SHOP, UI, ORDERS, 8080), (2, 3)),
        (edge(SHOP, UI2, ORDERS2, 8080), (3, 7)),
        (edge(SHOP, "2001:db8:1::131", "2001:db8:2::141", 8080), (9,)),
        (edge(SHOP, ORDERS, DB, 5432), (4,)),
    )
    assert sorted(found.kinds.values()) == [(2, 3, 7, 9), (4,)]
    assert found.watched == tuple(range(2, 10))
    assert (found.replicas, found.replicas_seen) == (2, 2)


def test_outside_addresses_count_by_network() -> None:
    found = orders(*((edge(SHOP, ORDERS, f"192.0.2.{i}", 443), (i,)) for i in range(5)))
    assert list(found.kinds.values()) == [(0, 1, 2, 3, 4)]


def test_what_makes_no_rule_is_no_kind() -> None:
    base = edge(SHOP, ORDERS, DB, 5432)
    refused = msgspec.structs.replace(base, connections=0, denied=2)
    silent = msgspec.structs.replace(base, received_packets=0)
    probe = edge(SHOP, "10.0.1.10", ORDERS, 8080)
    assert [orders((one, (1,))).kinds for one in (refused, silent, probe)] == [{}, {}, {}]
    assert histories(watch((base, (1,))), SHOP, unwanted=[base])[ORDERS_WORKLOAD].kinds == {}


def test_a_pod_first_seen_later_has_started() -> None:
    first, later = (edge(SHOP, UI, ORDERS, 8080), (0, 1)), (edge(SHOP, UI, ORDERS2, 8080), (5,))
    assert orders(first).starts == 0
    assert orders(first, later).starts == 1
    moved = msgspec.structs.replace(first[0], server=msgspec.structs.replace(first[0].server, address="10.0.1.77"))
    assert orders(first, (moved, (6,))).starts == 1
    other_family = (edge(SHOP, "2001:db8:1::131", "2001:db8:1::141", 8080), (6,))
    assert orders(first, other_family).starts == 0


def test_losses_are_those_of_its_nodes() -> None:
    seen = (edge(SHOP, UI, ORDERS, 8080), (0,))
    assert [orders(seen, lost=lost).lost for lost in (None, {}, {"n1": 3, "n2": 4})] == [None, 0, 3]
