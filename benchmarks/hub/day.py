"""A day of flows in the embedded store: bytes per row, and how long questions take."""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from world import JITTER_US, SECOND, Size, World

from fairway.hub.database import catalogue, pages, seen
from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.flows import counted_once
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from fairway.views.filter import parse_filter

INTERVAL: Final = 30
SEGMENT: Final = 50_000
END: Final = datetime(2026, 11, 1, tzinfo=UTC)
MOMENT: Final = pa.timestamp("us", "UTC")
SIZES: Final = """
SELECT table, sum(rows) AS rows, sum(data_compressed_bytes) AS bytes, count() AS parts FROM system.parts
WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC
"""
BEHIND: Final = """
SELECT (SELECT count() FROM system.merges) AS merges,
  (SELECT count() FROM system.parts WHERE active AND table = 'edges_seen') AS parts
"""
QUIET: Final = 5
"""Looks at which nothing was being merged."""
MOST_SECONDS: Final = 600
QUESTIONS: Final = {
    "map_24h": catalogue.map_edges(parse_filter("since=24h", END), END),
    "map_15m": catalogue.map_edges(parse_filter("since=15m", END), END),
    "zones_24h": catalogue.zones(parse_filter("since=24h", END), END),
    "flows_1h_top100": pages.flow_rows(parse_filter("since=1h", END), END, limit=100),
    "series_24h": catalogue.series(parse_filter("since=24h", END), END, timedelta(hours=1)),
    "seen_edges": seen.seen_edges(),
}
COLUMNS: Final = """
SELECT name, data_compressed_bytes AS bytes FROM system.columns
WHERE table = 'flows' AND database = currentDatabase() ORDER BY bytes DESC LIMIT 15
"""


def main() -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--hours", type=float, help="how long they take (default: as for 20 million in 24 hours)")
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--pods", type=int, default=1500)
    parser.add_argument("--workloads", type=int, default=300)
    parser.add_argument("--memory", type=int, default=2048, help="MiB for the database")
    parser.add_argument("--columns", action="store_true", help="bytes of each column of `flows`, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        json.dump(measure(Path(folder), options), sys.stdout, indent=2)
    return 0


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Fill a store with a day of flows, and ask."""
    hours = options.hours or 24 * options.rows / 20_000_000
    world = World(Size(options.nodes, options.pods, options.workloads))
    template, counted = interval(world, folder / "cluster")
    with Embedded(folder / "database", options.memory << 20) as database:
        base = FlowBase(database)
        base.open()
        started, busy, rows = time.perf_counter(), time.process_time(), 0
        for number, (flows, told) in enumerate(day(template, counted, options.rows, hours)):
            base.append(flows, told, f"bench-{number}")
            rows += len(flows)
        filled = {
            "seconds": time.perf_counter() - started,
            "cpu_us_per_row": (time.process_time() - busy) / rows * 1e6,
        }
        told = {
            "questions_at_once_ms": asked(base),
            "settled_after_seconds": settled(database),
            "questions_ms": asked(base),
        }
        tables = {row.pop("table"): row for row in database.query(SIZES).to_pylist()}
        figures: dict[str, Any] = {
            "rows": rows,
            "hours": hours,
            "fill": filled,
            **told,
            "bytes_per_row": {name: table["bytes"] / rows for name, table in tables.items() if table["rows"]},
            "tables": tables,
            "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "memory_mib": options.memory,
        }
        if options.columns:
            columns = database.query(COLUMNS).to_pylist()
            figures["columns"] = {row["name"]: round(row["bytes"] / rows, 2) for row in columns}
        return figures


def interval(world: World, folder: Path) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    """All that all agents tell in one interval, named as the hub does it, and what counts of it."""
    world.write(folder)
    names = Names(None)
    end = int(END.timestamp()) * SECOND
    names.observe(read_cluster(read_documents([folder])).cluster, end - 3600 * SECOND)
    nodes = range(world.size.nodes)
    parts = [named([world.batch(node, 0, end, INTERVAL, 1 << 16)], names) for node in nodes]
    flows = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    return flows, counted_once(flows, {f"node-{node}" for node in nodes}, names.nodes())


def day(
    template: pa.Table, counted: np.ndarray[Any, Any], rows: int, hours: float
) -> Iterator[tuple[pa.Table, np.ndarray[Any, Any]]]:
    """Hours of it with fresh counters and times, in segments."""
    intervals = max(1, int(hours * 3600 / INTERVAL))
    per = max(1, rows // intervals)
    rng = np.random.default_rng(3)
    first = int(END.timestamp()) - intervals * INTERVAL
    tables, told, held = [], [], 0
    node = template["client_node"].combine_chunks().indices.to_numpy()
    for number in range(intervals):
        chosen = np.sort(rng.choice(len(template), min(per, len(template)), replace=False))
        ends = (first + (number + 1) * INTERVAL) * SECOND + rng.normal(0, JITTER_US, node.max() + 1).astype(
            np.int64
        )
        tables.append(fresh(template.take(pa.array(chosen)), ends[node[chosen]], rng))
        told.append(counted[chosen])
        held += len(chosen)
        if held >= SEGMENT or number == intervals - 1:
            yield pa.concat_tables(tables), np.concatenate(told)
            tables, told, held = [], [], 0


def fresh(flows: pa.Table, end: np.ndarray[Any, Any], rng: np.random.Generator) -> pa.Table:
    """The same conversations at another time."""
    quarter = INTERVAL * SECOND // 4
    columns: dict[str, Any] = {
        "time_end": end,
        "time_start": end - INTERVAL * SECOND + rng.normal(0, JITTER_US, len(end)).astype(np.int64),
        "first_seen": end - INTERVAL * SECOND + rng.integers(0, quarter, len(end)),
        "last_seen": end - rng.integers(0, quarter, len(end)),
        "srtt_us": (flows["srtt_us"].to_numpy() * rng.lognormal(0, 0.2, len(end))).astype(np.uint32),
        "retransmissions": (rng.random(len(end)) < 0.02).astype(np.uint32),
    }
    for way in ("sent", "received"):
        moved = (flows[f"{way}_bytes"].to_numpy() * rng.lognormal(0, 0.5, len(end))).astype(np.uint64)
        columns[f"{way}_bytes"], columns[f"{way}_packets"] = moved, moved // 700 + 2
    columns["connections"] = (columns["sent_packets"] // 9 + 1).astype(np.uint32)
    for name, values in columns.items():
        position = flows.schema.get_field_index(name)
        array = pa.array(values).cast(flows.schema.field(name).type)
        flows = flows.set_column(position, flows.schema.field(name), array)
    return flows


def settled(database: Embedded) -> float:
    """Seconds until what came at last is merged, as the rows of a day that took a day are."""
    started, quiet = time.monotonic(), 0
    while quiet < QUIET and time.monotonic() < started + MOST_SECONDS:
        time.sleep(2)
        told = database.query(BEHIND).to_pylist()[0]
        quiet = 0 if told["merges"] or told["parts"] > 1 else quiet + 1
    return time.monotonic() - started


def asked(base: FlowBase) -> dict[str, dict[str, float]]:
    """Milliseconds of wall time and CPU time, the best of five."""
    told = {}
    for name, question in QUESTIONS.items():
        times = []
        for _ in range(5):
            wall, cpu = time.perf_counter(), time.process_time()
            rows = len(base.ask(question))
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
        told[name] = {
            "wall": round(min(wall for wall, _ in times) * 1e3, 1),
            "cpu": round(min(cpu for _, cpu in times) * 1e3, 1),
            "rows": rows,
        }
    return told


if __name__ == "__main__":
    sys.exit(main())
