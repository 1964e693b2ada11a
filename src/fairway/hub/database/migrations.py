"""From any older schema to this one, step by step; each step may be repeated after a crash."""

from collections.abc import Callable
from typing import Final, NamedTuple

from fairway.hub.database.interface import Database
from fairway.hub.database.layout import Layout
from fairway.hub.database.schema import (
    EDGES_1H,
    EDGES_1M,
    ENDPOINTS,
    FLOWS,
    HUBS,
    LIMITS,
    MERGED_AT_ONCE,
    NAMES_ASKED,
    SEEN,
    SOON_ONE,
    TABLES,
    VERSIONS,
    WORKLOADS_1M,
    Table,
)
from fairway.kit.errors import UsageError


class Hourly(NamedTuple):
    """A statement about the rows of one `{hour}`, carried out for each one that the `source` has on a node: of all
    at once no server says anything for so long that whoever asked gives up."""

    statement: str
    source: str


Statement = str | Hourly


def _first(layout: Layout) -> tuple[str, ...]:
    """Version 1: all tables. A table comes before the view that fills it."""
    return (*tables(layout), *(layout.fill(table) for table in TABLES if table.select))


def tables(layout: Layout) -> tuple[str, ...]:
    """All tables of this version, without the views that fill them."""
    return tuple(statement for table in TABLES for statement in layout.create(table))


def _second(layout: Layout) -> tuple[str, ...]:
    """Version 2: which hub is at work; minutes and edges seen are filled without adding up first."""
    here = f"{layout.local(HUBS.name)}{layout.everywhere}"
    lasting = f"ALTER TABLE {here} MODIFY TTL toDateTime(at) + toIntervalDay(1)"
    return (*layout.create(HUBS), lasting, *_filled_anew(layout, EDGES_1M, SEEN))


def _third(layout: Layout) -> tuple[Statement, ...]:
    """Version 3: minutes of workloads, made of those of pods; hours are made of them. Endpoints have no view. The
    largest tables merge more parts at once; where questions read most of the rows, few rows count for more."""
    here, pods = layout.local(WORKLOADS_1M.name), layout.local(EDGES_1M.name)
    columns = ", ".join(name for name, _ in WORKLOADS_1M.columns)
    unbounded = "insert_deduplicate = 0, max_partitions_per_insert_block = 0"
    return (
        *layout.create(WORKLOADS_1M),
        *(f"DROP VIEW IF EXISTS {table.name}_fill{layout.everywhere}" for table in (EDGES_1H, ENDPOINTS)),
        # A step that was cut off left some, and nothing else puts any in before this one is done.
        f"TRUNCATE TABLE {here}{layout.everywhere}",
        Hourly(
            f"INSERT INTO {here} ({columns}) SELECT {columns} FROM {pods} "
            f"WHERE toStartOfHour(time) = toDateTime({{hour}}, 'UTC') SETTINGS {unbounded}",
            pods,
        ),
        *_filled_anew(layout, WORKLOADS_1M, EDGES_1H),
        *(
            f"ALTER TABLE {layout.local(table.name)}{layout.everywhere} "
            f"MODIFY SETTING merge_selector_base = {MERGED_AT_ONCE}"
            for table in (FLOWS, EDGES_1M)
        ),
    )


def _fourth(layout: Layout) -> tuple[Statement, ...]:
    """Version 4: edges seen without the hours they were seen in, which nothing read and merges made; they are soon
    in one part."""
    here = f"{layout.local(SEEN.name)}{layout.everywhere}"
    names = [here, *([f"{SEEN.name}{layout.everywhere}"] if layout.cluster else [])]
    return (
        f"DROP VIEW IF EXISTS {SEEN.name}_fill{layout.everywhere}",
        *(f"ALTER TABLE {name} DROP COLUMN IF EXISTS hours" for name in names),
        layout.fill(SEEN),
        f"ALTER TABLE {here} MODIFY SETTING min_age_to_force_merge_seconds = {SOON_ONE}",
    )


def _filled_anew(layout: Layout, *filled: Table) -> tuple[str, ...]:
    """The views that fill these, made anew."""
    return tuple(
        statement
        for table in filled
        for statement in (f"DROP VIEW IF EXISTS {table.name}_fill{layout.everywhere}", layout.fill(table))
    )


def _fifth(layout: Layout) -> tuple[Statement, ...]:
    """Version 5: what pods asked DNS for, and nodes' limits."""
    return (*layout.create(NAMES_ASKED), *layout.create(LIMITS))


MIGRATIONS: Final[tuple[Callable[[Layout], tuple[Statement, ...]], ...]] = (
    *(_first, _second, _third),
    *(_fourth, _fifth),
)
"""Step i makes version i + 1 out of version i."""


def carry_out(database: Database, statement: Statement) -> None:
    """One statement of a step."""
    if isinstance(statement, str):
        database.execute(statement)
        return
    asked = f"SELECT DISTINCT toUnixTimestamp(toStartOfHour(time)) AS hour FROM {statement.source}"
    hours = {int(hour) for answer in database.each(asked) if len(answer) for hour in answer["hour"].to_pylist()}
    for hour in sorted(hours):
        database.execute(statement.statement.replace("{hour}", str(hour)))


def version_of(database: Database) -> int:
    """The version of the tables there, on the node that is behind; 0 for an empty database."""
    here = database.layout.local(VERSIONS.name)
    for statement in database.layout.create(VERSIONS):
        database.execute(statement)
    told = database.each(f"SELECT max(version) AS version FROM {here}")
    return min(int(answer["version"][0].as_py() or 0) for answer in told)


def migrate(database: Database) -> int:
    """Bring the tables to this version; how many steps that took. UsageError when they are of a newer one."""
    version = version_of(database)
    if version > len(MIGRATIONS):
        raise UsageError(
            f"the database has schema {version}, this fairway knows up to {len(MIGRATIONS)}; "
            "use the fairway that made it, or a newer one"
        )
    here = database.layout.local(VERSIONS.name)
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in step(database.layout):
            carry_out(database, statement)
        database.execute(f"INSERT INTO {here} (version) VALUES ({number})")  # a number
    return len(MIGRATIONS) - version
