"""Where to look: names of groups as filters that can be read."""

from datetime import UTC, datetime

import pytest

from fairway.signals.pointing import console_of, filter_of
from fairway.views.filter import parse_filter

NOW = datetime(2026, 9, 21, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("shop/ui", "src.namespace=shop src.workload=ui"),
        ("203.0.113.0/24", "src.ip=203.0.113.0/24"),
        ("2001:db8:7::/64", "src.ip=2001:db8:7::/64"),
        ("10.9.0.1", "src.ip=10.9.0.1"),
        ("fd00::1", "src.ip=fd00::1"),
        ("S3", "src.name=S3"),
        ("node-a", "src.name=node-a"),
        ("pay.example.com", "src.name=pay.example.com"),
        ("outside", "src.kind=external,cloud"),
        ("service shop/ui", "src.kind=service src.namespace=shop src.name=ui"),
        ("", ""),
    ],
)
def test_a_group_as_a_filter(name: str, wanted: str) -> None:
    assert filter_of(name) == wanted
    parse_filter(wanted, NOW)


def test_an_edge_as_a_filter_and_as_a_page() -> None:
    wanted = filter_of("shop/ui", "shop/db", 5432, "TCP")
    assert wanted == "src.namespace=shop src.workload=ui dst.namespace=shop dst.workload=db dst.port=5432 proto=TCP"
    page = console_of("src.namespace=shop", NOW, NOW)
    assert page == "/flows?since=2026-09-21T13:00Z&until=2026-09-21T15:00Z&q=src.namespace=shop"
