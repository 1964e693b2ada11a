"""From one database to another, table by table: also sums and seen edges, which outlive their flows.

The views that fill tables are made last, so that each takes what it is given and nothing else. Every slice has a
token of its own: a copy that was interrupted is begun again and adds nothing twice.
"""

from collections.abc import Callable
from typing import Final

from fairway.hub.database.interface import Database
from fairway.hub.database.migrations import migrate, tables, version_of
from fairway.hub.database.schema import TABLES, Table
from fairway.kit.errors import UsageError

_SLICES: Final = 16
_ARROW: Final[dict[str, str | int]] = {"output_format_arrow_low_cardinality_as_dictionary": 1}


def copy(source: Database, target: Database, told: Callable[[str], None]) -> dict[str, int]:
    """Everything into a database that has no hub yet; rows of each table. `told` hears of each table.

    UsageError when a hub has used the target already: its rows and these would mix.
    """
    if version_of(target):
        raise UsageError("the target has a hub's tables already; copy into a database that no hub has used")
    for statement in tables(target.layout):
        target.execute(statement)
    copied = {}
    for table in TABLES:
        copied[table.name] = _copy(table, source, target)
        told(f"{table.name}: {copied[table.name]} rows")
    migrate(target)
    return copied


def slices(table: Table) -> str:
    """What a table's rows are divided by: hours, or by chance what has no time."""
    if table.partition == "tuple()":
        return f"cityHash64({', '.join(table.keys)}) % {_SLICES}"
    return f"toUInt32(toStartOfHour(toDateTime({table.keep})))"


def _copy(table: Table, source: Database, target: Database) -> int:
    each = slices(table)
    columns = ", ".join(name for name, kind in table.columns if " ALIAS " not in kind)
    rows = 0
    found = source.query(f"SELECT DISTINCT {each} AS slice FROM {table.name} ORDER BY slice")
    for number in found["slice"].to_pylist():
        part = source.query(f"SELECT {columns} FROM {table.name} WHERE {each} = {int(number)}", None, _ARROW)
        target.insert(table.name, part, f"copy-{table.name}-{number}")
        rows += len(part)
    return rows
