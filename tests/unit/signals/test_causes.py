"""Causes ranked over observations as hubs of labs made them: each fault's own cause comes first."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from fairway.signals.causes import causes
from fairway.signals.observed import Asked, Changed, Counts, Dropped, Limit, Observed, Row

SINCE = datetime(2026, 9, 21, 14, tzinfo=UTC)
NODES = ("node-a", "node-b", "node-c")
SERVERS = {"catalog-1": "node-a", "catalog-2": "node-b"}


def counts(**more: float) -> Counts:
    usual = {
        "connections": 40,
        "sent_packets": 400,
        "received_packets": 400,
        "sent_bytes": 4e4,
        "received_bytes": 1e5,
    }
    return Counts(**{**usual, "srtt_count": 40, "srtt_sum_us": 40 * 100, **more})


def edge(**by_server: Counts) -> tuple[Row, ...]:
    """Both clients call both servers; `catalog_1=...` is what one of these has in place of the usual."""
    return tuple(
        Row(
            reporter="server",
            client=f"ui-{number}",
            server=server,
            client_node="node-c",
            server_node=node,
            counts=by_server.get(server.replace("-", "_"), counts()),
        )
        for number in (1, 2)
        for server, node in SERVERS.items()
    )


def nodes(touching: str = "", **more: float) -> tuple[Row, ...]:
    """What moves between nodes; those pairs that touch one node have something else."""
    return tuple(
        Row(
            reporter="server", client=a, server=b, client_node=a, server_node=b,
            counts=counts(**more) if touching in (a, b) else counts(),
        )
        for a, b in permutations(NODES, 2)
    )  # fmt: skip


WELL = Observed(
    client="ui/ui",
    server="catalog/catalog",
    since=SINCE,
    until=SINCE + timedelta(minutes=10),
    begin=SINCE - timedelta(minutes=10),
    now=edge(),
    before=edge(),
    nodes=nodes(),
    nodes_before=nodes(),
    dns=(Asked(client="ui-1", node="node-c", asked=100, answered=98),),
    dns_before=(Asked(client="ui-1", node="node-c", asked=100, answered=100),),
)
DENIED = Dropped(edge="ui/ui -> catalog/catalog:80", packets=90, why="no rule allows it", first=SINCE, last=SINCE)
POLICY = Changed(at=SINCE - timedelta(minutes=1), kind="policy", what="policies in force", who="ada")
NEW_POD = Changed(at=SINCE - timedelta(minutes=5), kind="deploy", what="catalog-2 of catalog/catalog is new")
LOST = {"retransmissions": 40, "sent_bytes": 1e4, "received_bytes": 3e4, "srtt_sum_us": 40 * 250}
CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("a missing rule", "policy", "ui/ui -> catalog/catalog:80", {"denied": (DENIED,), "changes": (POLICY,)}),
    (
        "a missing rule beside loss",
        "policy",
        "ui/ui -> catalog/catalog:80",
        {"denied": (DENIED,), "nodes": nodes("node-b", **LOST)},
    ),
    ("no DNS", "dns", "ui/ui", {"dns": (Asked(client="ui-1", node="node-c", asked=90, answered=0),)}),
    ("loss on a link", "loss", "node-b", {"nodes": nodes("node-b", **LOST), "changes": (NEW_POD,)}),
    (
        "a narrow link that drops",
        "bandwidth",
        "node-b",
        {"nodes": nodes("node-b", retransmissions=40, srtt_sum_us=40 * 30_000)},
    ),
    ("a narrow link that only waits", "bandwidth", "node-b", {"nodes": nodes("node-b", srtt_sum_us=40 * 30_000)}),
    (
        "a full conntrack, seen by handshakes",
        "conntrack",
        "node-b",
        {"nodes": nodes("node-b", retransmissions=40, handshake_retransmissions=40)},
    ),
    (
        "a full conntrack, told by its node",
        "conntrack",
        "node-b",
        {
            "nodes": nodes("node-b", retransmissions=40, handshake_retransmissions=30),
            "now": edge(catalog_2=counts(failed=20)),
            "limits": (Limit(node="node-b", name="conntrack entries", used=4090, most=4096),),
        },
    ),
    (
        "a full conntrack where a client is, which asks DNS in vain and then says nothing",
        "conntrack",
        "node-b",
        {
            "now": edge()[:1],
            "before": (*edge(), msgspec.structs.replace(edge()[0], client_node="node-b")),
            "dns": (
                Asked(client="ui-1", node="node-b", asked=40, answered=0, worst="catalog.catalog"),
                Asked(client="ui-2", node="node-c", asked=50, answered=33),
            ),
            "limits": (Limit(node="node-b", name="conntrack drop", used=70),),
        },
    ),
    (
        "a full conntrack of a node that is not in the way",
        "dns",
        "ui/ui",
        {
            "dns": (Asked(client="ui-1", node="node-c", asked=90, answered=40, failed=50),),
            "limits": (Limit(node="node-x", name="conntrack drop", used=70),),
        },
    ),
    ("a slow replica", "replica", "catalog-2", {"now": edge(catalog_2=counts(srtt_sum_us=40 * 70_000))}),
    ("a replica that hangs", "replica", "catalog-2", {"now": edge(catalog_2=counts(received_bytes=900))}),
    (
        "a replica that refuses after its deploy",
        "replica",
        "catalog-2",
        {"now": edge(catalog_2=counts(failed=35)), "changes": (NEW_POD,)},
    ),
    (
        "a server that refuses",
        "server",
        "catalog/catalog",
        {"now": edge(catalog_1=counts(severed=30), catalog_2=counts(severed=30)), "changes": (NEW_POD,)},
    ),
    ("only a deploy", "deploy", NEW_POD.what, {"changes": (NEW_POD,)}),
]


@pytest.mark.parametrize(("kind", "where", "seen"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_first_cause_is_the_fault(kind: str, where: str, seen: dict[str, Any]) -> None:
    found = causes(msgspec.structs.replace(WELL, **seen))
    assert [(one.kind, one.where) for one in found][:1] == [(kind, where)], found
    assert all(0 <= one.score <= 1 and one.why for one in found)


def test_nothing_speaks_for_any_cause_where_all_is_well() -> None:
    assert causes(WELL) == []
    assert causes(Observed(client="a/b", server="", since=SINCE, until=SINCE, begin=SINCE)) == []


def test_servers_of_different_workloads_are_no_siblings() -> None:
    far = edge(catalog_2=counts(srtt_sum_us=40 * 70_000))
    rows = tuple(msgspec.structs.replace(row, server_group=row.server) for row in far)
    assert causes(msgspec.structs.replace(WELL, now=rows)) == []
    assert causes(msgspec.structs.replace(WELL, now=far)) != []


def test_trouble_that_was_there_before_is_no_news() -> None:
    long_ago = msgspec.structs.replace(DENIED, first=WELL.begin - timedelta(minutes=30))
    [old] = causes(msgspec.structs.replace(WELL, denied=(long_ago,)))
    [new] = causes(msgspec.structs.replace(WELL, denied=(DENIED,)))
    assert old.score < new.score
    lossy = nodes("node-b", **LOST)
    assert causes(msgspec.structs.replace(WELL, nodes=lossy, nodes_before=lossy)) == []
    assert (
        causes(
            msgspec.structs.replace(
                WELL, changes=(msgspec.structs.replace(NEW_POD, at=WELL.begin - timedelta(hours=3)),)
            )
        )
        == []
    )


def test_a_replica_is_compared_with_those_of_its_own_workload() -> None:
    slow = edge(catalog_2=counts(srtt_sum_us=40 * 70_000))
    apart = tuple(msgspec.structs.replace(row, server_group=f"shop/{row.server}") for row in slow)
    for rows, found in ((slow, ["catalog-2"]), (apart, [])):
        seen = Observed(client="shop/ui", server="", since=SINCE, until=SINCE, begin=SINCE, now=rows)
        assert [one.where for one in causes(seen) if one.kind == "replica"] == found
