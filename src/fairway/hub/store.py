"""The store: Parquet files of named flows. One collector appends; anyone reads, also while it writes.

A file `L<level>-<number>.parquet` holds the rows of one or more batches and says in its metadata which
(`fairway.batches`, a Ledger) and which files it was merged from (`fairway.replaces`). A file that another one
replaces counts for nothing, whether it was deleted already or not: so a crash or a reader at any moment sees
each row once.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fairway.hub import malformed
from fairway.hub.columns import SCHEMA
from fairway.hub.edges import edges_of
from fairway.hub.ledger import Ledger
from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically
from fairway.wire.edge import Edge

MERGE: Final = 16
"""So many files of one level become one of the next."""
LARGE_ROWS: Final = 64_000
"""A file of so many rows stays as it is, which bounds a merge to about a million rows (200 MiB)."""
TOP_LEVEL: Final = 4

_BATCHES: Final = b"fairway.batches"
_REPLACES: Final = b"fairway.replaces"
_NAME: Final = re.compile(r"L(?P<level>\d)-(?P<number>\d{12})\.parquet")


class Store:
    """The writing side. `batches` knows all that is stored; opening removes what a crash left behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.batches = Ledger()
        self._small: dict[int, list[Path]] = {}
        self._number = 0

    def open(self) -> None:
        """Take stock of the folder; UsageError names a file in it that is no flow file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._folder.glob(".*.tmp"):
            leftover.unlink()
        metadata = {path: _metadata(path) for path in sorted(self._folder.glob("*.parquet"))}
        replaced = _replaced(metadata.values())
        for path, found in metadata.items():
            if path.name in replaced:
                path.unlink()
                continue
            self.batches.update(_ledger(path, found))
            if name := _NAME.fullmatch(path.name):
                self._number = max(self._number, int(name["number"]))
                self._note(int(name["level"]), path, found.num_rows)

    def append(self, tables: Sequence[pa.Table], batches: Ledger) -> Path:
        """Put rows on disk and remember their batches, both or neither. OSError when the disk refuses."""
        path = self._write(0, pa.concat_tables(tables), batches)
        self.batches.update(batches)
        return path

    def compact(self) -> int:
        """Merge one full level if there is one; the number of files merged."""
        for level, paths in self._small.items():
            if len(paths) >= MERGE:
                self._merge(level, paths[:MERGE])
                return MERGE
        return 0

    def _merge(self, level: int, paths: list[Path]) -> None:
        batches = Ledger()
        for path in paths:
            batches.update(_ledger(path, _metadata(path)))
        table = pa.concat_tables([pq.read_table(path) for path in paths])
        self._write(min(level + 1, TOP_LEVEL), table, batches, tuple(path.name for path in paths))
        for path in paths:
            self._small[level].remove(path)
            path.unlink(missing_ok=True)

    def _write(self, level: int, table: pa.Table, batches: Ledger, replaces: tuple[str, ...] = ()) -> Path:
        self._number += 1
        path = self._folder / f"L{level}-{self._number:012d}.parquet"
        metadata = {_BATCHES: batches.encode(), _REPLACES: msgspec.json.encode(replaces)}
        try:
            write_flows(path, table.replace_schema_metadata(metadata))
        except OSError:
            path.unlink(missing_ok=True)  # it may be in place though not durable; the caller will try again
            raise
        self._note(level, path, len(table))
        return path

    def _note(self, level: int, path: Path, rows: int) -> None:
        if rows < LARGE_ROWS and level < TOP_LEVEL:
            self._small.setdefault(level, []).append(path)


def write_flows(path: Path, table: pa.Table) -> None:
    """Write flows as one Parquet file, at one stroke; the table's schema metadata goes with it."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.unify_dictionaries(), sink, compression="zstd")
    write_atomically(path, sink.getvalue().to_pybytes())


def read_flows(path: Path, since: datetime | None = None, until: datetime | None = None) -> pa.Table:
    """Flows whose interval ended in since <= time_end < until, in the columns of `hub.columns`.

    `path` is a Parquet file, a folder of them, or a collector's state folder. UsageError when it is none.
    """
    bounds = [("time_end", ">=", since), ("time_end", "<", until)]
    filters = [bound for bound in bounds if bound[2] is not None] or None
    for _ in range(_ATTEMPTS):
        files = _in_force(path)
        try:
            tables = [_columns(file, pq.read_table(file, filters=filters)) for file in files]
        except FileNotFoundError:
            continue
        except (pa.ArrowException, OSError) as error:
            raise UsageError(f"{path}: cannot be read as flows: {str(error).splitlines()[0]}") from error
        return pa.concat_tables([SCHEMA.empty_table(), *tables])
    raise UsageError(f"{path}: its files vanish while they are read; is somebody deleting them?")


def read_edges(path: Path, since: datetime | None = None, until: datetime | None = None) -> list[Edge]:
    """The edges of these flows, each flow counted once; `path` and errors as of `read_flows`."""
    flows = read_flows(path, since, until)
    try:
        return edges_of(flows)
    except (ValueError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path}: holds a malformed flow: {error}") from error


_ATTEMPTS: Final = 10
"""A file listed may be merged away before it is opened; the next listing has its successor."""


def _in_force(path: Path) -> list[Path]:
    """The Parquet files at a path, without those that another one replaces."""
    if path.is_file():
        _metadata(path)
        return [path]
    if not path.is_dir():
        raise UsageError(f"`{path}` does not exist; give a Parquet file of flows, or a state folder")
    store = path / "store"
    files = sorted((store if store.is_dir() else path).glob("*.parquet"))
    if not files and not store.is_dir():
        raise UsageError(f"`{path}` holds no flows: neither *.parquet nor a folder `store`")
    found = {}
    for file in files:
        try:
            found[file] = _metadata(file)
        except FileNotFoundError:
            continue
    replaced = _replaced(found.values())
    return [file for file in found if file.name not in replaced]


def _columns(file: Path, table: pa.Table) -> pa.Table:
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise UsageError(f"{file}: is no file of flows: column `{missing[0]}` is missing")
    flows = table.select(SCHEMA.names).cast(SCHEMA)
    if what := malformed.problem(flows):
        raise UsageError(f"{file}: holds a malformed flow: {what}; write it anew, or leave it out")
    return flows


def _metadata(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path}: is no Parquet file: {str(error).splitlines()[0]}; remove it") from error


def _replaced(metadata: Iterable[pq.FileMetaData]) -> set[str]:
    names = (
        msgspec.json.decode((found.metadata or {}).get(_REPLACES, b"[]"), type=list[str]) for found in metadata
    )
    return {name for replaced in names for name in replaced}


def _ledger(path: Path, metadata: pq.FileMetaData) -> Ledger:
    try:
        return Ledger.decode((metadata.metadata or {}).get(_BATCHES, b"[]"))
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: its list of batches is malformed: {error}; remove it") from error
