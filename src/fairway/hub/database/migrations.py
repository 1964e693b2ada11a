"""From any older schema to this one, step by step; each step may be repeated after a crash."""

from collections.abc import Callable
from typing import Final

from fairway.hub.database.interface import Database
from fairway.hub.database.layout import Layout
from fairway.hub.database.schema import EDGES_1M, HUBS, SEEN, TABLES, VERSIONS
from fairway.kit.errors import UsageError


def _first(layout: Layout) -> tuple[str, ...]:
    """Version 1: all tables. A table comes before the view that fills it."""
    return (*tables(layout), *(layout.fill(table) for table in TABLES if table.select))


def tables(layout: Layout) -> tuple[str, ...]:
    """All tables of this version, without the views that fill them."""
    return tuple(statement for table in TABLES for statement in layout.create(table))


def _second(layout: Layout) -> tuple[str, ...]:
    """Version 2: which hub is at work; minutes and edges seen are filled without adding up first."""
    filled = [
        statement
        for table in (EDGES_1M, SEEN)
        for statement in (f"DROP VIEW IF EXISTS {table.name}_fill{layout.everywhere}", layout.fill(table))
    ]
    here = f"{layout.local(HUBS.name)}{layout.everywhere}"
    return (*layout.create(HUBS), f"ALTER TABLE {here} MODIFY TTL toDateTime(at) + toIntervalDay(1)", *filled)


MIGRATIONS: Final[tuple[Callable[[Layout], tuple[str, ...]], ...]] = (_first, _second)
"""Step i makes version i + 1 out of version i."""


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
            database.execute(statement)
        database.execute(f"INSERT INTO {here} (version) VALUES ({number})")  # a number
    return len(MIGRATIONS) - version
