"""Parquet files come and are merged; rows are there once at every moment, whatever is killed when."""

import datetime as dt
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairway.hub.columns import SCHEMA
from fairway.hub.ledger import BatchId, Ledger
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.store import MERGE, Store, read_edges, read_flows, write_flows
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


def ids(*numbers: int) -> Ledger:
    return Ledger(BatchId("node-c", "b1", number) for number in numbers)


def opened(folder: Path) -> Store:
    store = Store(folder)
    store.open()
    return store


def filled(folder: Path, names: Names, count: int) -> Store:
    store = opened(folder)
    for number in range(1, count + 1):
        store.append([flow(names, number)], ids(number))
    return store


def bytes_told(folder: Path) -> list[int]:
    return sorted(read_flows(folder)["received_bytes"].to_pylist())


def test_what_was_appended_is_read_and_remembered(tmp_path: Path, names: Names) -> None:
    filled(tmp_path, names, 3)
    table = read_flows(tmp_path)
    assert (table.schema.names, len(table)) == (SCHEMA.names, 3)
    again = opened(tmp_path)
    assert [BatchId("node-c", "b1", n) in again.batches for n in (0, 1, 3, 4)] == [False, True, True, False]


def test_compaction_changes_files_and_nothing_else(tmp_path: Path, names: Names) -> None:
    count = MERGE * MERGE + 3
    store = filled(tmp_path, names, count)
    before = read_edges(tmp_path)
    while store.compact():
        pass
    assert len(list(tmp_path.glob("*.parquet"))) == 4
    assert bytes_told(tmp_path) == list(range(1, count + 1))
    assert read_edges(tmp_path) == before
    assert opened(tmp_path).batches.encode() == ids(*range(1, count + 1)).encode()


def test_a_crash_between_merging_and_deleting_doubles_nothing(tmp_path: Path, names: Names) -> None:
    store = filled(tmp_path, names, MERGE)
    kept = {path: path.read_bytes() for path in tmp_path.glob("*.parquet")}
    store.compact()
    for path, content in kept.items():
        path.write_bytes(content)
    assert bytes_told(tmp_path) == list(range(1, MERGE + 1))
    opened(tmp_path)
    assert len(list(tmp_path.glob("*.parquet"))) == 1
    assert bytes_told(tmp_path) == list(range(1, MERGE + 1))


def test_a_reader_beside_the_writer_never_sees_a_row_twice_or_not_at_all(tmp_path: Path, names: Names) -> None:
    store = filled(tmp_path, names, 1)
    done = threading.Event()

    def write() -> None:
        for number in range(2, 4 * MERGE):
            store.append([flow(names, number)], ids(number))
            store.compact()
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        last = 0
        while not done.is_set():
            seen = bytes_told(tmp_path)
            assert seen == list(range(1, len(seen) + 1))
            assert len(seen) >= last
            last = len(seen)
    finally:
        writer.join()
    assert last > MERGE


def test_new_files_never_take_an_old_name(tmp_path: Path, names: Names) -> None:
    store = filled(tmp_path, names, MERGE)
    store.compact()
    fresh = opened(tmp_path).append([flow(names, 99)], ids(99))
    assert fresh.name == f"L0-{MERGE + 2:012d}.parquet"


@pytest.mark.parametrize(
    ("since", "until", "seen"),
    [(None, None, [1, 2, 3]), (2, None, [2, 3]), (None, 2, [1]), (2, 3, [2]), (9, None, [])],
)
def test_time_range(tmp_path: Path, names: Names, since: int | None, until: int | None, seen: list[int]) -> None:
    filled(tmp_path, names, 3)
    # Agents report a second after the row's time.
    moments = [None if n is None else dt.datetime.fromtimestamp(T0 / 1e6 + n + 1, dt.UTC) for n in (since, until)]
    assert sorted(read_flows(tmp_path, *moments)["received_bytes"].to_pylist()) == seen


def test_a_state_folder_and_a_single_file_are_read_alike(tmp_path: Path, names: Names) -> None:
    filled(tmp_path / "store", names, 2)
    one = tmp_path / "recorded.parquet"
    write_flows(one, read_flows(tmp_path))
    assert read_edges(one) == read_edges(tmp_path) == read_edges(tmp_path / "store")


def test_a_store_without_files_is_empty(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    assert read_edges(tmp_path) == []


def foreign(path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), path)


def damaged(path: Path) -> None:
    write_flows(path, SCHEMA.empty_table())
    path.write_bytes(path.read_bytes()[:-9])


def bogus_kind(path: Path) -> None:
    row = {field.name: "" if pa.types.is_dictionary(field.type) else 0 for field in SCHEMA}
    odd = {"kind": "flow", "client_kind": "ufo", "initiator_known": True}
    write_flows(path, pa.Table.from_pylist([row | odd], schema=SCHEMA))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (foreign, "is no file of flows: column `time_start` is missing"),
        (damaged, "is no Parquet file"),
        (lambda path: path.write_text("x"), "is no Parquet file"),
        (bogus_kind, "holds a malformed flow: 'ufo'"),
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
