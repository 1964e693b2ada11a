"""Flows of a made-up cluster: so many workloads in so many namespaces, so many edges between them."""

import random
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.columns import END, SCHEMA

ZONES: Final = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
PORTS: Final = (80, 443, 5432, 6379, 8080, 9090)
NODES: Final = 30
SECONDS: Final = 50 * 60
"""How long before the end they were told at most."""


def flows(workloads: int, edges: int, namespaces: int, until: datetime, seed: int = 3) -> pa.Table:
    """One flow for each edge, in the columns of `hub.columns`. Callers have lower ranks than whom they call, and
    half of the edges stay within a namespace, as they mostly do."""
    rng = random.Random(seed)
    ranks = [rng.random() for _ in range(workloads)]
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < edges:
        client = rng.randrange(workloads)
        near = (client + namespaces * rng.randrange(1, 6)) % workloads
        server = near if rng.random() < 0.5 else rng.randrange(workloads)
        if client != server and ranks[client] < ranks[server] + 0.15:
            pairs.add((client, server))
    rows = [_flow(client, server, namespaces, until, rng) for client, server in sorted(pairs)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def many(rows: int, until: datetime) -> pa.Table:
    """So many flows: those of 20,000 edges, again and again, each time some milliseconds earlier."""
    few = flows(500, 20_000, 37, until)
    return pa.concat_tables(
        _earlier(few, timedelta(milliseconds=7 * turn)) for turn in range(-(-rows // len(few)))
    ).slice(0, rows)


def _earlier(table: pa.Table, by: timedelta) -> pa.Table:
    for name in ("time_start", "time_end", "first_seen", "last_seen"):
        index = table.schema.get_field_index(name)
        moved = pc.subtract(table[name], pa.scalar(by, pa.duration("us"))).cast(table.schema.field(index).type)
        table = table.set_column(index, table.schema.field(index), moved)
    return table


def _flow(client: int, server: int, namespaces: int, until: datetime, rng: random.Random) -> dict[str, Any]:
    ended = until - timedelta(seconds=rng.uniform(30, SECONDS))
    sent = int(10 ** rng.uniform(3, 8))
    ends = {**_end("client", client, namespaces), **_end("server", server, namespaces)}
    told = {
        **ends,
        "time_start": ended - timedelta(seconds=30),
        "time_end": ended,
        "first_seen": ended - timedelta(seconds=29),
        "last_seen": ended - timedelta(seconds=1),
        "kind": "flow",
        "port": rng.choice(PORTS),
        "protocol": "TCP",
        "family": 4,
        "reporter": "server",
        "category": "intra-zone" if ends["client_zone"] == ends["server_zone"] else "inter-zone",
        "connections": rng.randrange(1, 400),
        "sent_bytes": sent,
        "received_bytes": int(sent * rng.uniform(0.1, 5)),
        "sent_packets": sent // 700 + 2,
        "received_packets": sent // 500 + 2,
        "retransmissions": sent // 70_000 if rng.random() < 0.05 else 0,
        "failed": rng.randrange(40) if rng.random() < 0.03 else 0,
        "denied": rng.randrange(1, 30) if rng.random() < 0.01 else 0,
        "verdict": "unjudged",
        "staged": "unjudged",
    }
    return {field.name: told.get(field.name, _nothing(field.type)) for field in SCHEMA}


def _end(side: str, number: int, namespaces: int) -> dict[str, str]:
    name = f"w{number:04d}"
    told = {
        "kind": "pod",
        "address": f"10.{number // 62500 + 1}.{number // 250 % 250}.{number % 250 + 1}",
        "namespace": f"team-{number % namespaces:03d}",
        "name": f"{name}-7d9f8-x2k4{number % 7}",
        "workload": f"Deployment/{name}",
        "labels": "{}",
        "ports": "[]",
        "node": f"node-{number % NODES}",
        "zone": ZONES[number % len(ZONES)],
    }
    return {f"{side}_{field}": told[field] for field in END}


def _nothing(kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return True
    return 0 if pa.types.is_integer(kind) else ""
