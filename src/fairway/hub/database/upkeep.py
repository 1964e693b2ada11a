"""What a store holds, whether it is whole, and making it small."""

from dataclasses import dataclass
from typing import Final

from fairway.hub.database.errors import DatabaseError
from fairway.hub.database.interface import Database
from fairway.hub.database.schema import EDGES_1H, EDGES_1M, FLOWS, ONCE, TABLES, WORKLOADS_1M, Table

_SIZES: Final = """
SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts
WHERE active AND database = currentDatabase() GROUP BY table
"""


_ROLLUPS: Final = (EDGES_1M, WORKLOADS_1M, EDGES_1H)


@dataclass(frozen=True, slots=True)
class Held:
    """What all nodes together hold of a table; bytes on disk."""

    table: str
    rows: int
    bytes: int
    parts: int


def held(database: Database) -> list[Held]:
    """Of each table of ours."""
    rows = [row for answer in database.each(_SIZES) for row in answer.to_pylist()]
    found = []
    for table in TABLES:
        mine = [row for row in rows if row["table"] == database.layout.local(table.name)]
        sums = (sum(int(row[name]) for row in mine) for name in ("rows", "bytes", "parts"))
        found.append(Held(table.name, *sums))
    return found


def compact(database: Database) -> None:
    """Merge each table's parts into few and drop what is too old. Takes time, and space meanwhile."""
    for table in TABLES:
        where = f"{database.layout.local(table.name)}{database.layout.everywhere}"
        database.execute(f"OPTIMIZE TABLE {where} FINAL")


def troubles(database: Database) -> list[str]:
    """What is wrong, one line each: parts whose checksums do not hold, sums that do not add up."""
    return _damaged(database) or _unequal(database)


def _damaged(database: Database) -> list[str]:
    found = []
    for table in TABLES:
        try:
            parts = [row for answer in database.each(_check_of(table, database)) for row in answer.to_pylist()]
        except DatabaseError as error:
            found.append(f"{table.name}: {error}")
            continue
        found += [f"{table.name}: part {row['part_path']} is damaged" for row in parts if not row["is_passed"]]
    return found


def _check_of(table: Table, database: Database) -> str:
    return f"CHECK TABLE {database.layout.local(table.name)} SETTINGS check_query_single_value_result = 0"


def _unequal(database: Database) -> list[str]:
    """Minutes and hours must hold what the flows do, from the first day on that all have: retention takes
    whole days."""
    since = max(
        int(
            database.query(f"SELECT toUInt32(toStartOfDay(min({table.keep}))) AS day FROM {table.name}")["day"][
                0
            ].as_py()
        )
        for table in (FLOWS, *_ROLLUPS)
    )
    after = f">= toDateTime({since}, 'UTC')"
    once = ", ".join(f"sumIf(flows.{name}, counted) AS {name}" for name in ONCE)
    raw = database.query(f"SELECT {once} FROM flows WHERE kind = 'flow' AND time_end {after}").to_pylist()[0]
    found = []
    for table in _ROLLUPS:
        sums = ", ".join(f"sum({table.name}.{name}) AS {name}" for name in ONCE)
        told = database.query(f"SELECT {sums} FROM {table.name} WHERE time {after}").to_pylist()[0]
        found += [
            f"{table.name}: {name} adds up to {told[name]}, but to {raw[name]} in flows"
            for name in ONCE
            if told[name] != raw[name]
        ]
    return found
