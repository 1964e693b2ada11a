"""From any older schema to this one, step by step; each step may be repeated after a crash."""

from collections.abc import Callable
from typing import Final, Protocol

import pyarrow as pa

from fairway.hub.database.schema import TABLES
from fairway.kit.errors import UsageError


class Statements(Protocol):
    """A database to run statements on."""

    def execute(self, statement: str) -> None: ...

    def query(self, statement: str) -> pa.Table: ...


_VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS schema_versions (version UInt32, applied DateTime DEFAULT now()) "
    "ENGINE = MergeTree ORDER BY version"
)


def _first() -> tuple[str, ...]:
    """Version 1: all tables. A table comes before the view that fills it."""
    create = (table.create().replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1) for table in TABLES)
    fill = (
        table.fill().replace("CREATE MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW IF NOT EXISTS", 1)
        for table in TABLES
        if table.select
    )
    return (*create, *fill)


MIGRATIONS: Final[tuple[Callable[[], tuple[str, ...]], ...]] = (_first,)
"""Step i makes version i + 1 out of version i."""


def version_of(database: Statements) -> int:
    """The version of the tables there; 0 for an empty database."""
    database.execute(_VERSIONS)
    return int(database.query("SELECT max(version) AS version FROM schema_versions")["version"][0].as_py() or 0)


def migrate(database: Statements) -> int:
    """Bring the tables to this version; how many steps that took. UsageError when they are of a newer one."""
    version = version_of(database)
    if version > len(MIGRATIONS):
        raise UsageError(
            f"the database has schema {version}, this fairway knows up to {len(MIGRATIONS)}; "
            "use the fairway that made it, or a newer one"
        )
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in step():
            database.execute(statement)
        database.execute(f"INSERT INTO schema_versions (version) VALUES ({number})")  # a number
    return len(MIGRATIONS) - version
