"""How long each table keeps its rows: a setting, taken up at a start without rewriting what is there.

Tables of moments are cut into days or months, and a part is dropped whole once all of it is too old: nothing is
rewritten, and a row may outlive its time by as much as its partition spans.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from fairway.hub.database.interface import Database
from fairway.hub.database.schema import TABLES, Table
from fairway.kit.errors import UsageError

DAYS: Final[dict[str, int]] = {
    **{"flows": 7, "names_asked": 7, "limits": 7, "batches": 30, "verdicts": 90},
    **{"edges_1m": 14, "workloads_1m": 14, "edges_1h": 400},
}
"""Days by table; what is not named is kept for ever."""
_MOST: Final = 36_500
_ONE: Final = re.compile(r"(?P<table>\w+)=(?:(?P<days>[0-9]{1,5})d|forever)")
_TTL: Final = re.compile(r"\bTTL .*?toIntervalDay\((\d+)\)")


@dataclass(frozen=True, slots=True)
class Retention:
    """Days by table; None keeps for ever."""

    days: dict[str, int | None] = field(default_factory=lambda: dict[str, int | None](DAYS))

    def of(self, table: Table) -> int | None:
        return self.days.get(table.name)


def parse_retention(text: str) -> Retention:
    """From `flows=7d,edges_1h=forever`; the other tables as by default. UsageError if it is none."""
    known = {table.name for table in TABLES}
    days: dict[str, int | None] = dict(DAYS)
    for word in filter(None, text.split(",")):
        found = _ONE.fullmatch(word.strip())
        if found is None or found["table"] not in known:
            raise UsageError(f"`{word}`: write TABLE=DAYSd or TABLE=forever; tables are {', '.join(sorted(known))}")
        number = None if found["days"] is None else int(found["days"])
        if number is not None and not 1 <= number <= _MOST:
            raise UsageError(f"`{word}`: write 1d to {_MOST}d")
        days[found["table"]] = number
    return Retention(days)


def keep_for(database: Database, retention: Retention) -> tuple[str, ...]:
    """Make the tables keep their rows so long; the names of those that changed."""
    changed = []
    for table in TABLES:
        here = database.layout.local(table.name)
        wanted = retention.of(table)
        told = database.each(
            f"SELECT create_table_query AS made FROM system.tables WHERE name = '{here}' "
            "AND database = currentDatabase()"
        )
        kept = {_days(answer["made"][0].as_py()) for answer in told}
        if kept == {wanted}:
            continue
        for statement in _statements(table, f"{here}{database.layout.everywhere}", wanted):
            database.execute(statement)
        changed.append(table.name)
    return tuple(changed)


def _days(made: str) -> int | None:
    found = _TTL.search(made)
    return int(found[1]) if found else None


def _statements(table: Table, here: str, days: int | None) -> tuple[str, ...]:
    if days is None:
        return (f"ALTER TABLE {here} REMOVE TTL",)
    # Only a partition of moments grows too old as a whole.
    whole = int(table.partition != "tuple()")
    return (
        f"ALTER TABLE {here} MODIFY SETTING ttl_only_drop_parts = {whole}, merge_with_ttl_timeout = 3600",
        f"ALTER TABLE {here} MODIFY TTL toDateTime({table.keep}) + toIntervalDay({days}) "
        "SETTINGS materialize_ttl_after_modify = 0",
    )
