"""Edges as people read them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairway.hub.summary import port_name, summarise
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

AT = datetime(2026, 11, 22, tzinfo=UTC)
S3 = Endpoint(kind=Kind.CLOUD, address="198.18.0.1", name="S3")
OUTSIDE = Endpoint(kind=Kind.EXTERNAL, address="192.0.2.1")


def pod(name: str, workload: str = "Deployment/ui") -> Endpoint:
    return Endpoint(kind=Kind.POD, address="10.0.0.1", namespace="ui", name=name, workload=workload)


def edge(client: Endpoint, server: Endpoint, second: int = 0, **fields: Any) -> Edge:
    at = AT + timedelta(seconds=second)
    values = {"port": 8080, "protocol": "TCP", "family": 4, "first_seen": at, "last_seen": at} | fields
    return Edge(client=client, server=server, **values)


def test_replicas_are_one_workload() -> None:
    edges = [
        edge(pod("ui-1"), OUTSIDE, 3, sent_bytes=1, connections=2, category="intra-zone"),
        edge(pod("ui-2"), OUTSIDE, 1, sent_bytes=2, connections=1, category="inter-zone", family=6),
    ]
    [line] = summarise(edges)
    record = line.record()
    assert (record["client"], record["server"], record["edges"]) == ("ui/ui", "192.0.2.1", 2)
    assert (record["sent_bytes"], record["connections"]) == (3, 3)
    assert (record["categories"], record["families"]) == (["inter-zone", "intra-zone"], [4, 6])
    assert record["first_seen"] < record["last_seen"]
    assert [line.client for line in summarise(edges, pods=True)] == ["ui/ui-2", "ui/ui-1"]


def test_what_tcp_tells_is_added_up() -> None:
    one = {"failed": 1, "severed": 2, "resets": 3, "timeouts": 4, "connect_count": 2, "connect_sum_us": 500}
    [line] = summarise([edge(pod("ui-1"), OUTSIDE, **one), edge(pod("ui-2"), OUTSIDE, **one)])
    record = line.record()
    assert [record[name] for name in ("failed", "severed", "resets", "timeouts")] == [2, 4, 6, 8]
    assert (record["connect_mean_us"], record["srtt_mean_us"]) == (250, None)
    assert line.cells()["verdicts"] == "2 failed, 4 severed"


def test_the_busiest_come_first() -> None:
    edges = [
        edge(pod("a"), OUTSIDE, port=1, denied=1),
        edge(pod("a"), OUTSIDE, port=2, connections=1),
        edge(pod("a"), OUTSIDE, port=3, received_bytes=1),
        edge(pod("a"), OUTSIDE, port=4),
    ]
    assert [line.port for line in summarise(edges)] == [3, 2, 1, 4]


@pytest.mark.parametrize(
    ("fields", "column", "said"),
    [
        ({"denied": 3}, "verdicts", "denied 3 packets"),
        ({"would_deny": 2}, "verdicts", "would deny 2"),
        ({}, "verdicts", ""),
        ({"initiator_known": False}, "client", "ui/ui ?"),
        ({"sent_bytes": 2048}, "sent", "2.0 KiB"),
    ],
)
def test_cells(fields: dict[str, Any], column: str, said: str) -> None:
    [line] = summarise([edge(pod("ui-1"), S3, **fields)])
    assert line.cells()[column] == said


@pytest.mark.parametrize(
    ("server", "grouped", "single"),
    [
        (S3, "S3", "S3 198.18.0.1"),
        (OUTSIDE, "192.0.2.1", "192.0.2.1"),
        (Endpoint(kind=Kind.NODE, address="10.0.1.10", name="node-a"), "node-a", "node-a"),
        (
            Endpoint(kind=Kind.SERVICE, address="10.96.0.1", namespace="ui", name="ui"),
            "service ui/ui",
            "service ui/ui",
        ),
        (pod("db-0", "StatefulSet/db"), "ui/db", "ui/db-0"),
    ],
)
def test_titles(server: Endpoint, grouped: str, single: str) -> None:
    told = [edge(pod("ui-1"), server)]
    assert [summarise(told, pods=pods)[0].server for pods in (False, True)] == [grouped, single]


@pytest.mark.parametrize(
    ("port", "protocol", "said"),
    [(8080, "TCP", "8080/TCP"), (53, "UDP", "53/UDP dns"), (53, "SCTP", "53/SCTP"), (0, "ICMP", "ICMP")],
)
def test_port_name(port: int, protocol: str, said: str) -> None:
    assert port_name(port, protocol) == said
