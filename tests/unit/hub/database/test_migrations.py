"""From every older version to this one, also when a start was cut off; never back from a newer one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.migrations import MIGRATIONS, migrate, version_of
from fairway.hub.database.schema import EDGES_1M, SEEN, TABLES
from fairway.hub.database.upkeep import held
from fairway.kit.errors import UsageError
from support.flows import random_flows


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Embedded]:
    with Embedded(tmp_path / "store") as database:
        yield database


def made(database: Embedded) -> set[str]:
    answer = database.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    return set(answer["name"].to_pylist())


def everything(database: Embedded) -> None:
    """All tables of this version are there, and take flows."""
    names = {table.name for table in TABLES}
    assert made(database) == {*names, "schema_versions", "hubs", *(f"{t.name}_fill" for t in TABLES if t.select)}
    FlowBase(database).append(random_flows(41, 300), np.ones(300, bool), "one")
    assert {one.table for one in held(database) if one.rows} == names - {"batches"}


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_from_each_version(database: Embedded, version: int) -> None:
    """As a hub of that version left its tables."""
    assert version_of(database) == 0
    for number, step in enumerate(MIGRATIONS[:version], start=1):
        for statement in step(database.layout):
            database.execute(statement)
        database.execute(f"INSERT INTO schema_versions (version) VALUES ({number})")
    assert migrate(database) == len(MIGRATIONS) - version
    assert version_of(database) == len(MIGRATIONS)
    assert migrate(database) == 0
    everything(database)


def test_views_of_version_1_are_made_anew(database: Embedded) -> None:
    """They added rows up before they went in."""
    for statement in MIGRATIONS[0](database.layout):
        database.execute(statement)
    for table in (EDGES_1M, SEEN):
        database.execute(f"DROP VIEW {table.name}_fill")
        database.execute(
            f"CREATE MATERIALIZED VIEW {table.name}_fill TO {table.name} AS SELECT port FROM flows GROUP BY port"
        )
    version_of(database)
    database.execute("INSERT INTO schema_versions (version) VALUES (1)")
    assert migrate(database) == 1
    told = database.query(
        "SELECT create_table_query AS made FROM system.tables WHERE name LIKE '%_fill' ORDER BY name"
    )
    grouped = ["GROUP BY" in made for made in told["made"].to_pylist()]
    assert grouped == [True, False, False, True, True]  # edges_1h, edges_1m, edges_seen, endpoints, verdicts
    everything(database)


def test_a_start_that_was_cut_off_anywhere(database: Embedded) -> None:
    statements = MIGRATIONS[0](database.layout)
    for statement in statements[: len(statements) // 2]:
        database.execute(statement)
    assert migrate(database) == len(MIGRATIONS)
    everything(database)


def test_a_newer_store_is_left_alone(database: Embedded) -> None:
    migrate(database)
    database.execute(f"INSERT INTO schema_versions (version) VALUES ({len(MIGRATIONS) + 1})")
    with pytest.raises(UsageError, match="or a newer one"):
        migrate(database)
