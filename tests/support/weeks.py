"""Weeks of named flows, an hour each row: what a hub has seen before something happens."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from fairway.hub.columns import END, SCHEMA

HOUR_US = 3_600_000_000
NOW = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
"""A Monday; the hour that runs began at 14:00."""
RUNNING = int(NOW.timestamp()) // 3600


def pod(namespace: str, name: str, number: int = 1) -> dict[str, str]:
    """An end that is a pod of `Deployment/name`."""
    told = {"kind": "pod", "namespace": namespace, "workload": f"Deployment/{name}", "name": f"{name}-{number}"}
    address = f"10.0.{sum(map(ord, namespace + name)) % 250}.{number}"
    return told | {"address": address, "node": f"node-{number}", "zone": f"1{'abc'[number % 3]}"}


def outside(address: str) -> dict[str, str]:
    return {"kind": "external", "address": address}


def hour(number: int, client: dict[str, str], server: dict[str, str], port: int, **counters: Any) -> dict[str, Any]:
    """One flow, told by the client's agent in the middle of an hour since 1970."""
    at = number * HOUR_US + HOUR_US // 2
    row: dict[str, Any] = {
        **dict.fromkeys(("time_start", "first_seen"), at - 10_000_000),
        **dict.fromkeys(("time_end", "last_seen"), at),
        "kind": "flow",
        "reporter": "client",
        "initiator_known": True,
        "protocol": "TCP",
        "family": 4,
        "port": port,
        "verdict": "unjudged",
        "staged": "unjudged",
        "category": "intra-zone",
    }
    for side, end in (("client", client), ("server", server)):
        told = {**dict.fromkeys(END, ""), "labels": "{}", "ports": "[]", **end}
        row |= {f"{side}_{name}": value for name, value in told.items()}
    for field in SCHEMA:
        row.setdefault(field.name, "" if pa.types.is_dictionary(field.type) else 0)
    return row | counters


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)
