"""The table `batches`: which reports of which agents are in."""

from collections.abc import Sequence
from typing import Final

import msgspec
import pyarrow as pa

from fairway.hub.agents import Agent, Agents, Totals
from fairway.hub.ledger import Ledger, entry
from fairway.wire.batch import Header
from fairway.wire.protocol import BatchId

RUNS: Final = """
SELECT node, boot, part, min(sequence) AS first, max(sequence) AS last
FROM (SELECT node, boot, part, sequence,
             sequence - row_number() OVER (PARTITION BY node, boot, part ORDER BY sequence) AS run
      FROM (SELECT DISTINCT node, boot, part, sequence FROM batches))
GROUP BY node, boot, part, run
"""
"""Sequences without gaps, as first and last."""

AGENTS: Final = """
WITH latest AS (SELECT * FROM batches ORDER BY node, time_end DESC, sequence DESC LIMIT 1 BY node),
boots AS (SELECT node, boot, max(sequence) - min(sequence) + 1 - uniqExact(sequence) AS gaps
          FROM batches GROUP BY node, boot),
sums AS (SELECT node, uniqExact(boot, sequence, part) AS batches, sum(rows) AS rows FROM batches GROUP BY node),
missing AS (SELECT node, sum(gaps) AS missing FROM boots GROUP BY node)
SELECT latest.node AS node, boot, sequence, revision, toUnixTimestamp64Micro(time_end) AS last_seen_us, packets,
       losses, sums.batches AS batches, sums.rows AS rows, missing.missing AS missing
FROM latest JOIN sums ON latest.node = sums.node JOIN missing ON latest.node = missing.node ORDER BY node
"""


def table_of(batches: Sequence[tuple[BatchId, Header, int]]) -> pa.Table:
    """Rows for reports and their numbers of flows."""
    return pa.table(
        {
            "node": pa.array([identity.node for identity, _, _ in batches], pa.string()),
            "boot": pa.array([identity.boot for identity, _, _ in batches], pa.string()),
            "sequence": pa.array([identity.sequence for identity, _, _ in batches], pa.uint64()),
            "part": pa.array([identity.part for identity, _, _ in batches], pa.uint32()),
            "rows": pa.array([rows for _, _, rows in batches], pa.uint32()),
            "time_end": pa.array([header.end_us for _, header, _ in batches], pa.timestamp("us", "UTC")),
            "revision": pa.array([header.revision for _, header, _ in batches], pa.uint64()),
            "packets": pa.array([header.packets for _, header, _ in batches], pa.uint64()),
            "losses": pa.array([msgspec.json.encode(header.losses).decode() for _, header, _ in batches]),
        }
    )


def ledger_of(runs: pa.Table) -> Ledger:
    """The answer to RUNS as a ledger."""
    ledger = Ledger()
    for row in runs.to_pylist():
        node, boot, _ = entry(BatchId(row["node"], row["boot"], 0, row["part"]))
        ledger.add_run(node, boot, row["first"], row["last"])
    return ledger


def agents_of(latest: pa.Table) -> Agents:
    """The answer to AGENTS."""
    agents = {
        row["node"]: Agent(**{**row, "losses": msgspec.json.decode(row["losses"], type=dict[str, int])})
        for row in latest.to_pylist()
    }
    batches, rows = (sum(getattr(agent, name) for agent in agents.values()) for name in ("batches", "rows"))
    return Agents(agents=agents, totals=Totals(batches=batches, rows=rows))
