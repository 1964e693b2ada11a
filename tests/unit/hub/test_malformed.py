"""Flows that nobody of ours wrote are told apart by column and value."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fairway.hub.columns import SCHEMA
from fairway.hub.malformed import problem
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from fairway.wire.words import Initiator
from support.reports import DB, ORDERS, T0, report, write_cluster


@pytest.fixture
def row(tmp_path: Path) -> dict[str, Any]:
    names = Names()
    names.observe(read_cluster(read_documents([write_cluster(tmp_path / "cluster")])).cluster, T0)
    return named([report(DB, ORDERS, 5432, Initiator.REMOTE, connections=1)], names).to_pylist()[0]


def told(*rows: dict[str, Any]) -> str:
    return problem(pa.Table.from_pylist(list(rows), schema=SCHEMA))


def test_flows_as_they_should_be(row: dict[str, Any]) -> None:
    assert told(row) == told() == told({**row, "backends": '[["10.0.0.1", 80]]'}) == ""


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("client_kind", "", "`` cannot be read"),
        ("client_kind", "ufo", "`ufo` cannot be read"),
        ("server_address", "", "`` cannot be read"),
        ("server_address", "10.0.0.1/8", "`10.0.0.1/8` cannot be read"),
        ("client_address", "fe80::1%eth0", "`fe80::1%eth0` cannot be read"),
        ("client_labels", "[]", "`[]` cannot be read"),
        ("server_ports", '[["http", "TCP"]]', "cannot be read"),
        ("backends", "[" * 2000, "cannot be read"),
        ("time_end", datetime(3000, 1, 2, tzinfo=UTC), "a value is not from 1970-01-01"),
        ("first_seen", datetime(1969, 12, 31, tzinfo=UTC), "a value is not from 1970-01-01"),
        ("sent_bytes", 2**63, "a value is not from 0 to 9007199254740992"),
    ],
)
def test_what_is_wrong_is_named(row: dict[str, Any], column: str, value: object, what: str) -> None:
    found = told(row, {**row, column: value})
    assert found.startswith(f"column `{column}`: ")
    assert what in found
