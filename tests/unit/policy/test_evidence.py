"""Evidence in one line."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from fairway.policy.evidence import Evidence
from fairway.policy.sift import Seen
from support.objects import START, edge
from support.shop import shop

SHOP = shop()
UI, UI2, ORDERS = "10.0.1.131", "10.0.2.131", "10.0.1.141"


def seen(client: str = UI, service: str = "", **more: object) -> Seen:
    one = edge(SHOP, client, ORDERS, 8080, **more)
    return Seen(one.client, one.server, one.port, one.protocol, service, one)


def line(*found: Seen, replicas: int = 2) -> str:
    evidence = Evidence()
    for one in found:
        evidence.add(one, one.client)
    return evidence.line(replicas)


def test_added_up_over_replicas() -> None:
    text = line(seen(service="a/b:80"), seen(UI2, service="a/a:80", connections=39))
    assert text == (
        "42 connections, 3.9 KiB, 2026-11-22 20:10 to 20:14 UTC, 2 of 2 replicas, dialled a/a:80, a/b:80"
    )


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (START, START, "2026-11-22 20:10 UTC"),
        (START, START + timedelta(days=1), "2026-11-22 20:10 to 2026-11-23 20:10 UTC"),
        (START.astimezone(timezone(timedelta(hours=5))), START, "2026-11-22 20:10 UTC"),
        (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01 00:00 UTC"),
    ],
)
def test_times_are_utc_minutes(first: datetime, last: datetime, text: str) -> None:
    assert f", {text}, " in line(seen(first_seen=first, last_seen=last))


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1 B"), (1023, "1023 B"), (1 << 20, "1.0 MiB"), (1 << 50, "1024.0 TiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert f" {text}," in line(seen(sent_bytes=count, received_bytes=0))


def test_replicas_that_are_gone_still_count() -> None:
    assert "1 connection," in line(seen(connections=1), replicas=0)
    assert "1 of 1 replicas" in line(seen(), replicas=0)


def test_who_is_outside_is_told_as_it_was_looked_up() -> None:
    to = edge(SHOP, UI, "192.0.2.1", 443)
    named = msgspec.structs.replace(to, server=msgspec.structs.replace(to.server, name="api.example.com"))
    found = (Seen(one.client, one.server, one.port, one.protocol, "", one) for one in (to, named))
    assert line(*found).endswith("1 of 2 replicas, looked up as api.example.com")
