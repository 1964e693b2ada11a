"""From every older version to this one, also when a start was cut off; never back from a newer one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.migrations import MIGRATIONS, Hourly, carry_out, migrate, version_of
from fairway.hub.database.schema import EDGES_1M, SEEN, SUMS, TABLES, WORKLOADS_1M
from fairway.hub.database.seen import seen_edges
from fairway.hub.database.upkeep import held, troubles
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
    assert {one.table for one in held(database) if one.rows} == names - {"batches", "names_asked", "limits"}


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_from_each_version(database: Embedded, version: int) -> None:
    """As a hub of that version left its tables."""
    assert version_of(database) == 0
    for number, step in enumerate(MIGRATIONS[:version], start=1):
        for statement in step(database.layout):
            carry_out(database, statement)
        database.execute(f"INSERT INTO schema_versions (version) VALUES ({number})")
    assert migrate(database) == len(MIGRATIONS) - version
    assert version_of(database) == len(MIGRATIONS)
    assert migrate(database) == 0
    everything(database)


def test_views_of_version_1_are_made_anew(database: Embedded) -> None:
    """They added rows up before they went in, and endpoints had one."""
    for statement in MIGRATIONS[0](database.layout):
        carry_out(database, statement)
    for table in (EDGES_1M, SEEN):
        database.execute(f"DROP VIEW {table.name}_fill")
        database.execute(
            f"CREATE MATERIALIZED VIEW {table.name}_fill TO {table.name} AS SELECT port FROM flows GROUP BY port"
        )
    database.execute(
        "CREATE MATERIALIZED VIEW endpoints_fill TO endpoints AS SELECT client_name AS name FROM flows"
    )
    version_of(database)
    database.execute("INSERT INTO schema_versions (version) VALUES (1)")
    assert migrate(database) == len(MIGRATIONS) - 1
    told = database.query(
        "SELECT create_table_query AS made FROM system.tables WHERE name LIKE '%_fill' ORDER BY name"
    )
    grouped = ["GROUP BY" in made for made in told["made"].to_pylist()]
    assert grouped == [False, False, False, True, True]  # edges_1h, edges_1m, edges_seen, verdicts, workloads_1m
    everything(database)


def test_minutes_of_workloads_are_made_of_those_of_pods(database: Embedded) -> None:
    """Also when that was cut off in its midst, once: what was there already is not there twice."""
    base, flows = FlowBase(database), random_flows(5, 2000)
    base.open()
    base.append(flows, np.random.default_rng(5).random(2000) < 0.6, "one")
    totals = f"SELECT {', '.join(f'sum({name}) AS {name}' for name in SUMS)} FROM "
    told = {table.name: database.query(totals + table.name).to_pylist() for table in (WORKLOADS_1M, EDGES_1M)}
    assert told["workloads_1m"] == told["edges_1m"]
    database.execute("ALTER TABLE schema_versions DELETE WHERE version >= 3 SETTINGS mutations_sync = 1")
    statements = MIGRATIONS[2](database.layout)
    for statement in statements[: next(n for n, one in enumerate(statements) if isinstance(one, Hourly)) + 1]:
        carry_out(database, statement)
    base.open()
    assert database.query(totals + "workloads_1m").to_pylist() == told["edges_1m"]
    base.append(flows, np.ones(2000, bool), "two")
    assert not troubles(database)


def test_hours_of_edges_seen_are_left_behind(database: Embedded) -> None:
    """With all else that was known of them."""
    base, flows = FlowBase(database), random_flows(6, 500)
    base.open()
    base.append(flows, np.ones(500, bool), "one")
    edges = base.edges()
    for statement in (
        "ALTER TABLE edges_seen ADD COLUMN hours SimpleAggregateFunction(groupUniqArrayArray, Array(UInt32))",
        "DROP VIEW edges_seen_fill",
        "ALTER TABLE schema_versions DELETE WHERE version >= 4 SETTINGS mutations_sync = 1",
    ):
        database.execute(statement)
    base.open()
    assert "hours" not in base.ask(seen_edges()).column_names
    assert base.edges() == edges != []
    everything(database)


def test_a_start_that_was_cut_off_anywhere(database: Embedded) -> None:
    statements = MIGRATIONS[0](database.layout)
    for statement in statements[: len(statements) // 2]:
        carry_out(database, statement)
    assert migrate(database) == len(MIGRATIONS)
    everything(database)


def test_a_newer_store_is_left_alone(database: Embedded) -> None:
    migrate(database)
    database.execute(f"INSERT INTO schema_versions (version) VALUES ({len(MIGRATIONS) + 1})")
    with pytest.raises(UsageError, match="or a newer one"):
        migrate(database)
