"""A quarter of an hour of an edge of which one server replica becomes slow."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from support.weeks import hour, pod, table

CLIENTS = [pod("shop", "ui", number) for number in (1, 2)]
SERVERS = [pod("data", "db", number) for number in (3, 4)]
NEIGHBOURS = [pod("other", "quiet", number) for number in (5, 6)]
EDGE = "shop/ui -> data/db 5432/TCP"


def slow_flows(since: datetime) -> pa.Table:
    """`db-4` is slow from a moment on, for two minutes."""
    minutes = range(-12, 2)
    return table([row for minute in minutes for row in _rows(since + timedelta(minutes=minute), slow=minute >= 0)])


def _rows(moment: datetime, *, slow: bool) -> Iterator[dict[str, Any]]:
    """A minute in which both clients ask both replicas; the second replica takes its time."""
    at = int(moment.timestamp() * 1e6)
    moments = dict.fromkeys(("time_start", "first_seen", "time_end", "last_seen"), at)
    for client in CLIENTS:
        for server in SERVERS:
            took = 900 if server["name"] != "db-4" or not slow else 90_000
            told = {"connections": 9, "sent_packets": 90, "received_packets": 90, "received_bytes": 9000}
            times = {"srtt_count": 9, "srtt_sum_us": 9 * took, "srtt_us": took}
            yield hour(0, client, server, 5432, reporter="server", **told, **times) | moments
    yield hour(0, *NEIGHBOURS, 80, connections=7, sent_packets=9, received_packets=9) | moments
