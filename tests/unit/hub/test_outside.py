"""Who is outside: by the names that pods looked addresses up by, and by lists of ranges that are refreshed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairway.cloud.ranges import read_ranges
from fairway.hub.store import read_edges
from fairway.kit.files import write_atomically
from fairway.wire import batch as wire
from fairway.wire.words import Initiator
from support.askers import ask
from support.hubs import Serving, serving, until
from support.reports import UI, UI2, report

PAYMENTS, PAYMENTS6 = "203.0.113.9", "2001:db8:9::9"


def published(path: Path, prefix: str, date: str) -> Path:
    """As AWS publishes them."""
    content = {"syncToken": "1", "createDate": date, "prefixes": [], "ipv6_prefixes": []}
    content["prefixes"] = [{"ip_prefix": prefix, "region": "GLOBAL", "service": "S3", "network_border_group": "x"}]
    write_atomically(path, json.dumps(content).encode())
    return path


@pytest.fixture
def ranges(tmp_path: Path) -> Path:
    return published(tmp_path / "aws.json", "192.0.2.0/24", "2026-01-01-00-00-00")


@pytest.fixture
def hub(tmp_path: Path, ranges: Path) -> Iterator[Serving]:
    with serving(tmp_path, ranges=read_ranges(ranges)) as running:
        yield running


def servers(hub: Serving) -> dict[int, tuple[str, str]]:
    """By port, the server's name and the category."""
    return {edge.port: (edge.server.name, edge.category) for edge in read_edges(hub.state.folder)}


def flow(remote: str, port: int, pod: str = UI) -> wire.Batch:
    at = time.time_ns() // 1000
    return report(pod, remote, port, Initiator.POD, connections=1, tx_bytes=7, at=at, sequence=port)


def with_answers(batch: wire.Batch, *answers: wire.Answer) -> wire.Batch:
    return wire.Batch(msgspec.structs.replace(batch.header, answers=answers), batch.rows)


def test_flows_are_named_as_a_pod_looked_the_address_up(hub: Serving) -> None:
    ago = time.time_ns() // 1000 - 5_000_000
    hub.put(flow("203.0.113.77", 1))
    told = [
        wire.Answer(address, "payments.example", ago, 30) for address in (PAYMENTS, PAYMENTS6, UI2, "192.0.2.1")
    ]
    hub.put(with_answers(flow(PAYMENTS, 2), *told))
    hub.put(flow(PAYMENTS6, 3), flow(PAYMENTS, 4, UI2), flow(UI2, 5), flow("192.0.2.1", 6))
    assert servers(hub) == {
        1: ("", "external"),
        2: ("payments.example", "external"),
        3: ("payments.example", "external"),
        4: ("payments.example", "external"),
        5: ("ui-2", "inter-zone"),
        6: ("S3", "cloud service"),
    }
    nodes = ask(hub, "/api/v1/map").json()["nodes"]
    assert {node["name"] for node in nodes if node["kind"] == "external"} == {"payments.example", "203.0.113.0/24"}


def test_a_list_that_is_refreshed_counts_at_once_and_a_bad_one_does_not(hub: Serving, ranges: Path) -> None:
    until(lambda: hub.told("AWS, 1 networks, 2026-01-01-00-00-00"))
    hub.put(flow(PAYMENTS, 1))
    published(ranges, "203.0.113.0/24", "2026-02-02-00-00-00")
    until(lambda: hub.told("AWS, 1 networks, 2026-02-02-00-00-00"))
    hub.put(flow(PAYMENTS, 2))
    ranges.write_text("{")
    until(lambda: hub.told("ranges: "))
    until(lambda: hub.answers.hub.troubles.get("ranges"))
    hub.put(flow(PAYMENTS, 3))
    assert [servers(hub)[port] for port in (1, 2, 3)] == [
        ("", "external"),
        ("S3", "cloud service"),
        ("S3", "cloud service"),
    ]
    metrics = ask(hub, "/metrics").text
    assert 'fairway_hub_ranges_networks{date="2026-02-02-00-00-00",provider="AWS"} 1' in metrics or (
        'fairway_hub_ranges_networks{provider="AWS",date="2026-02-02-00-00-00"} 1' in metrics
    )
    published(ranges, "192.0.2.0/24", "2026-03-03-00-00-00")
    until(lambda: hub.told("ranges: fine again"))


def test_without_lists_nobody_is_classified(tmp_path: Path) -> None:
    with serving(tmp_path) as hub:
        hub.put(flow(PAYMENTS, 1))
        assert servers(hub) == {1: ("", "not classified")}
        named = 'fairway_hub_named_rows_total{category="not classified"} 1'
        assert named in ask(hub, "/metrics").text
