"""What is too old goes, by a setting that may change; what is not touched is not rewritten."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fairway.hub.columns import SCHEMA
from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.question import Question
from fairway.hub.database.retention import DAYS, Retention, keep_for, parse_retention
from fairway.hub.database.schema import TABLES
from fairway.hub.database.upkeep import compact
from fairway.kit.errors import UsageError
from support.flows import START_US, random_flows

NOW = datetime.now(UTC)


def aged(days: int) -> pa.Table:
    """200 flows of so many days ago."""
    ago = int((NOW - timedelta(days=days)).timestamp() * 1e6) - START_US - 4 * 3600 * 1_000_000
    flows = random_flows(days, 200)
    for name in ("time_start", "time_end", "first_seen", "last_seen"):
        at = SCHEMA.get_field_index(name)
        flows = flows.set_column(at, SCHEMA.field(at), pc.add(flows[name], pa.scalar(ago, pa.duration("us"))))
    return flows


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("old")) as database:
        base = FlowBase(database)
        base.open()
        for days in (0, 10, 40):
            base.append(aged(days), np.ones(200, bool), f"{days}")
        yield database


def rows(database: Embedded, table: str) -> int:
    answer = FlowBase(database).ask(Question(f"SELECT count() AS n FROM {table}"))
    return int(answer["n"][0].as_py())


def parts(database: Embedded) -> set[str]:
    return set(database.query("SELECT name FROM system.parts WHERE active AND table = 'flows'")["name"].to_pylist())


def test_each_table_keeps_its_own_time(database: Embedded) -> None:
    assert rows(database, "flows") == 600
    hours = rows(database, "edges_1h")
    assert set(keep_for(database, Retention())) == set(DAYS)
    compact(database)
    assert rows(database, "flows") == 200
    minutes = database.query("SELECT uniqExact(toDate(time)) AS days FROM edges_1m")["days"][0].as_py()
    assert minutes <= 4  # of today and ten days ago; either may have been around midnight
    assert 0 < rows(database, "edges_1h") <= hours


def test_a_second_start_changes_nothing_and_a_change_rewrites_nothing(database: Embedded) -> None:
    keep_for(database, parse_retention("flows=100d"))
    before = parts(database)
    assert keep_for(database, parse_retention("flows=100d")) == ()
    assert keep_for(database, parse_retention("flows=200d,edges_1h=forever")) == ("flows", "edges_1h")
    assert keep_for(database, parse_retention("flows=forever,edges_1h=forever")) == ("flows",)
    assert parts(database) == before
    compact(database)
    assert rows(database, "flows") == 600


def test_what_is_seen_is_kept_for_ever_unless_told(database: Embedded) -> None:
    keep_for(database, Retention())
    compact(database)
    seen = rows(database, "edges_seen")
    keep_for(database, parse_retention("edges_seen=20d"))
    compact(database)
    assert 0 < rows(database, "edges_seen") < seen


@pytest.mark.parametrize(
    "text", ["flows", "flows=7", "flows=0d", "flow=7d", "flows=7h", "flows=99999d", "x=forever"]
)
def test_what_is_no_retention(text: str) -> None:
    with pytest.raises(UsageError, match="write"):
        parse_retention(text)


def test_every_table_of_moments_has_a_default() -> None:
    assert {table.name for table in TABLES} - set(DAYS) == {"edges_seen", "endpoints"}
