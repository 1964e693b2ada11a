"""Who is told of how often: each connection once, whoever reports it and whatever address was dialled."""

from pathlib import Path

import pyarrow as pa
import pytest

from fairway.hub.edges import edges_of
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from fairway.wire import batch as wire
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Kind
from fairway.wire.words import Initiator, Verdict
from support.reports import DB, NODE_C, ORDERS, ORDERS_SERVICE, SECOND, T0, UI, UI2, report, write_cluster

POD, REMOTE, UNKNOWN = Initiator.POD, Initiator.REMOTE, Initiator.UNKNOWN


@pytest.fixture
def names(tmp_path: Path) -> Names:
    names = Names()
    names.observe(read_cluster(read_documents([write_cluster(tmp_path / "cluster")])).cluster, T0)
    return names


def edges(names: Names, *batches: wire.Batch) -> list[Edge]:
    return edges_of(pa.concat_tables([named([batch], names) for batch in batches]))


def told(edge: Edge) -> tuple[str, str, int, str]:
    return edge.client.name, edge.server.name, edge.port, edge.service


def test_both_reports_are_one_edge_with_the_servers_counters(names: Names) -> None:
    client = report(ORDERS, DB, 5432, POD, connections=3, tx_bytes=90, rx_bytes=9, retransmissions=2, tx_packets=4)
    server = report(
        DB, ORDERS, 5432, REMOTE, connections=3, tx_bytes=9, rx_bytes=80, retransmissions=1, rx_packets=3
    )
    [edge] = edges(names, client, server)
    assert told(edge) == ("orders-1", "orders-postgresql-0", 5432, "")
    assert (edge.connections, edge.sent_bytes, edge.received_bytes, edge.sent_packets) == (3, 80, 9, 3)
    assert edge.retransmissions == 3
    assert edge.category == "inter-zone"


def test_what_tcp_tells_is_of_the_side_that_knows(names: Names) -> None:
    """Each side counts its own sending; both may see a connection end; the client is the one who waits."""
    mine = {"retransmissions": 2, "timeouts": 1, "handshake_retransmissions": 1, "failed": 3, "resets": 1}
    times = {"connect_count": 3, "connect_sum_us": 900, "srtt_count": 1, "srtt_sum_us": 400}
    theirs = {
        "retransmissions": 1,
        "timeouts": 1,
        "failed": 1,
        "resets": 1,
        "connect_count": 3,
        "connect_sum_us": 60,
    }
    client = report(ORDERS, DB, 5432, POD, **mine, **times)
    [edge] = edges(names, client, report(DB, ORDERS, 5432, REMOTE, **theirs))
    assert (edge.retransmissions, edge.timeouts, edge.handshake_retransmissions) == (3, 2, 1)
    assert (edge.failed, edge.resets, edge.severed) == (3, 1, 0)
    assert (edge.connect_count, edge.connect_sum_us, edge.srtt_count, edge.srtt_sum_us) == (3, 900, 1, 400)
    [alone] = edges(names, report(DB, ORDERS, 5432, REMOTE, **theirs))
    assert (alone.connect_count, alone.connect_sum_us) == (3, 60)


def test_intervals_add_up(names: Names) -> None:
    [edge] = edges(names, *(report(DB, ORDERS, 5432, REMOTE, connections=2, at=T0 + n * SECOND) for n in range(3)))
    assert edge.connections == 6
    assert (edge.last_seen - edge.first_seen).total_seconds() == 2


def test_a_dialled_service_annotates_the_backends_edge(names: Names) -> None:
    client = report(UI, ORDERS_SERVICE, 80, POD, connections=5, retransmissions=1)
    server = report(ORDERS, UI, 8080, REMOTE, connections=5)
    [edge] = edges(names, client, server)
    assert told(edge) == ("ui-1", "orders-1", 8080, "orders/orders:80")
    assert (edge.connections, edge.retransmissions) == (5, 1)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(report(ORDERS, UI2, 8080, REMOTE, connections=5), id="another-client"),
        pytest.param(report(ORDERS, UI, 9090, REMOTE, connections=5), id="another-port"),
        pytest.param(report(ORDERS, UI, 8080, REMOTE, protocol="UDP"), id="another-protocol"),
        pytest.param(report(DB, UI, 8080, REMOTE, connections=5), id="no-backend"),
    ],
)
def test_a_service_nobody_served_stays_an_edge(names: Names, other: wire.Batch) -> None:
    found = edges(names, report(UI, ORDERS_SERVICE, 80, POD, connections=5), other)
    [service] = [edge for edge in found if edge.server.kind is Kind.SERVICE]
    assert told(service) == ("ui-1", "orders", 80, "orders/orders:80")
    assert (service.server.address, service.connections, len(found)) == (ORDERS_SERVICE, 5, 2)


def test_a_server_without_an_agent_is_told_by_its_client(names: Names) -> None:
    [edge] = edges(names, report(UI, "192.0.2.20", 443, POD, connections=1, tx_bytes=7, rx_bytes=5))
    assert (edge.server.kind, edge.category, edge.sent_bytes, edge.received_bytes) == (
        Kind.EXTERNAL,
        "not classified",
        7,
        5,
    )


def test_a_nodes_probe_has_the_node_as_client(names: Names) -> None:
    [edge] = edges(names, report(DB, NODE_C, 5432, REMOTE, connections=1))
    assert (edge.client.kind, edge.client.name, edge.category) == (Kind.NODE, "node-c", "node")


def test_first_sights_appear_without_counters(names: Names) -> None:
    [edge] = edges(names, report(UI, "192.0.2.20", 443, POD, kind=wire.EDGE))
    assert (edge.connections, edge.sent_bytes) == (0, 0)


def test_the_rest_of_a_pod_is_no_edge(names: Names) -> None:
    assert edges(names, report(UI, "::", 0, UNKNOWN, kind=wire.REST, tx_bytes=9)) == []


def test_unknown_initiator_alone_is_marked(names: Names) -> None:
    [edge] = edges(names, report(ORDERS, DB, 5432, UNKNOWN, tx_bytes=4))
    assert (told(edge), edge.initiator_known, edge.sent_bytes) == (
        ("orders-1", "orders-postgresql-0", 5432, ""),
        False,
        4,
    )


@pytest.mark.parametrize(
    ("unknown", "sent"),
    [
        pytest.param(report(DB, ORDERS, 5432, UNKNOWN, tx_bytes=3, rx_bytes=40), 44, id="server-turned"),
        pytest.param(report(ORDERS, DB, 5432, UNKNOWN, tx_bytes=40, rx_bytes=3), 4, id="client"),
    ],
)
def test_unknown_initiator_agrees_with_who_knows(names: Names, unknown: wire.Batch, sent: int) -> None:
    [edge] = edges(names, unknown, report(DB, ORDERS, 5432, REMOTE, tx_bytes=2, rx_bytes=4))
    assert (told(edge), edge.initiator_known, edge.sent_bytes) == (
        ("orders-1", "orders-postgresql-0", 5432, ""),
        True,
        sent,
    )


def test_two_guesses_of_one_connection_are_one_edge(names: Names) -> None:
    [edge] = edges(
        names,
        report(DB, ORDERS, 5432, UNKNOWN, tx_bytes=3, rx_bytes=40),
        report(ORDERS, DB, 5432, UNKNOWN, tx_bytes=40, rx_bytes=3),
    )
    assert (edge.initiator_known, edge.sent_bytes + edge.received_bytes) == (False, 43)


def test_who_dials_a_service_is_the_client(names: Names) -> None:
    [edge] = edges(names, report(UI, ORDERS_SERVICE, 80, UNKNOWN))
    assert edge.initiator_known


DENY = Verdict.DENY


@pytest.mark.parametrize(
    ("fields", "connections", "denied", "would_deny"),
    [
        pytest.param({"connections": 2, "tx_packets": 9}, 2, 0, 0, id="allowed"),
        pytest.param({"verdict": DENY, "denied": 4}, 0, 4, 0, id="dropped"),
        pytest.param({"verdict": DENY, "denied": 4, "connections": 4}, 0, 4, 0, id="attempts-are-no-connections"),
        pytest.param({"verdict": DENY, "connections": 2, "tx_packets": 9}, 2, 0, 2, id="audited"),
        pytest.param({"staged": DENY, "connections": 2, "tx_packets": 9}, 2, 0, 2, id="staged"),
        pytest.param({"staged": DENY, "connections": 0, "tx_packets": 9}, 0, 0, 1, id="staged-opened-before"),
        pytest.param({"staged": DENY, "kind": wire.EDGE}, 0, 0, 0, id="first-sight"),
    ],
)
def test_verdicts_are_counted(
    names: Names, fields: dict[str, int], connections: int, denied: int, would_deny: int
) -> None:
    [edge] = edges(names, report(DB, ORDERS, 5432, REMOTE, **fields))
    assert (edge.connections, edge.denied, edge.would_deny) == (connections, denied, would_deny)


def test_a_connection_judged_by_both_sides_is_one(names: Names) -> None:
    [edge] = edges(
        names,
        report(ORDERS, DB, 5432, POD, staged=DENY, connections=3),
        report(DB, ORDERS, 5432, REMOTE, staged=DENY, connections=3),
    )
    assert edge.would_deny == 3
