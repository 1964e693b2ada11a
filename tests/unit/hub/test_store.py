"""Flows in files: read whole or by time, and refused in words when they are none."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairway.hub.columns import SCHEMA
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.store import read_edges, read_flows, write_flows
from fairway.kit.documents import read_documents
from fairway.kit.errors import UsageError
from fairway.policy.read import read_cluster
from fairway.wire.words import Initiator
from support.reports import DB, ORDERS, SECOND, T0, report, write_cluster


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Names:
    names = Names()
    cluster = write_cluster(tmp_path_factory.mktemp("names") / "cluster")
    names.observe(read_cluster(read_documents([cluster])).cluster, T0)
    return names


def flow(names: Names, number: int) -> pa.Table:
    """One row, reported `number` seconds after T0."""
    at = T0 + number * SECOND
    return named([report(DB, ORDERS, 5432, Initiator.REMOTE, connections=1, tx_bytes=number, at=at)], names)


def filled(folder: Path, names: Names, count: int) -> None:
    """`count` files of one row each."""
    for number in range(1, count + 1):
        write_flows(folder / f"{number}.parquet", flow(names, number))


def bytes_told(folder: Path) -> list[int]:
    return sorted(read_flows(folder)["received_bytes"].to_pylist())


def test_a_folder_is_all_of_its_files(tmp_path: Path, names: Names) -> None:
    filled(tmp_path, names, 3)
    table = read_flows(tmp_path)
    assert (table.schema.names, bytes_told(tmp_path)) == (SCHEMA.names, [1, 2, 3])


@pytest.mark.parametrize(
    ("since", "until", "seen"),
    [(None, None, [1, 2, 3]), (2, None, [2, 3]), (None, 2, [1]), (2, 3, [2]), (9, None, [])],
)
def test_time_range(tmp_path: Path, names: Names, since: int | None, until: int | None, seen: list[int]) -> None:
    filled(tmp_path, names, 3)
    # Agents report a second after the row's time.
    moments = [None if n is None else dt.datetime.fromtimestamp(T0 / 1e6 + n + 1, dt.UTC) for n in (since, until)]
    assert sorted(read_flows(tmp_path, *moments)["received_bytes"].to_pylist()) == seen


def test_a_folder_and_a_single_file_are_read_alike(tmp_path: Path, names: Names) -> None:
    filled(tmp_path / "kept", names, 2)
    one = tmp_path / "recorded.parquet"
    write_flows(one, read_flows(tmp_path / "kept"))
    assert read_edges(one) == read_edges(tmp_path / "kept")


def foreign(path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), path)


def damaged(path: Path) -> None:
    write_flows(path, SCHEMA.empty_table())
    path.write_bytes(path.read_bytes()[:-9])


def bogus_kind(path: Path) -> None:
    row = {field.name: "" if pa.types.is_dictionary(field.type) else 0 for field in SCHEMA}
    odd = {"kind": "flow", "protocol": "TCP", "client_kind": "ufo", "initiator_known": True}
    write_flows(path, pa.Table.from_pylist([row | odd], schema=SCHEMA))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (foreign, "is no file of flows: column `time_start` is missing"),
        (damaged, "is no Parquet file"),
        (lambda path: path.write_text("x"), "is no Parquet file"),
        (bogus_kind, "holds a malformed flow: column `client_kind`: `ufo` cannot be read"),
    ],
)
def test_other_files_are_refused_in_words(tmp_path: Path, make: object, said: str) -> None:
    make(tmp_path / "x.parquet")
    for path in (tmp_path, tmp_path / "x.parquet"):
        with pytest.raises(UsageError, match=said):
            read_edges(path)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_edges(tmp_path / "none")
    with pytest.raises(UsageError, match="holds no flows"):
        read_edges(tmp_path)
