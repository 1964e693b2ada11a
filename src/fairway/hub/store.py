"""Flows in files: Parquet, and whatever a hub on this machine has. Anyone reads.

A folder of files may be written to meanwhile. `fairway.replaces` in a file's metadata names files that it was
merged from: these count for nothing.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fairway.hub import malformed
from fairway.hub.client import Client, read_door
from fairway.hub.columns import SCHEMA, TCP_HEALTH, UNKNOWN_FIELDS
from fairway.hub.edges import edges_of
from fairway.hub.state import State
from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically
from fairway.wire.edge import Edge

_REPLACES: Final = b"fairway.replaces"


def write_flows(path: Path, table: pa.Table) -> None:
    """Write flows as one Parquet file, at one stroke; the table's schema metadata goes with it."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.unify_dictionaries(), sink, compression="zstd")
    write_atomically(path, sink.getvalue().to_pybytes())


def read_flows(
    path: Path, since: datetime | None = None, until: datetime | None = None, columns: pa.Schema = SCHEMA
) -> pa.Table:
    """Flows whose interval ended in since <= time_end < until, in the columns of `hub.columns`: of SCHEMA, or of
    IMPORTED, which a hub has not.

    `path` is a Parquet file, a folder of them, or a hub's state folder: then the hub is asked. UsageError when it
    is none of these.
    """
    if path.is_dir() and (door := read_door(State(path))) is not None:
        return Client(door).flows(since, until)
    bounds = [("time_end", ">=", since), ("time_end", "<", until)]
    filters = [bound for bound in bounds if bound[2] is not None] or None
    for _ in range(_ATTEMPTS):
        files = _in_force(path)
        try:
            tables = [_columns(file, pq.read_table(file, filters=filters), columns) for file in files]
        except FileNotFoundError:
            continue
        except (pa.ArrowException, OSError) as error:
            raise UsageError(f"{path}: cannot be read as flows: {str(error).splitlines()[0]}") from error
        return pa.concat_tables([columns.empty_table(), *tables])
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
    files = sorted(path.glob("*.parquet"))
    if not files:
        raise UsageError(f"`{path}` holds no flows: no *.parquet, and it is no hub's state folder")
    found = {}
    for file in files:
        try:
            found[file] = _metadata(file)
        except FileNotFoundError:
            continue
    replaced = _replaced(found.values())
    return [file for file in found if file.name not in replaced]


def _columns(file: Path, table: pa.Table, columns: pa.Schema) -> pa.Table:
    for name in TCP_HEALTH:
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat(pa.scalar(0, SCHEMA.field(name).type), len(table)))
    if UNKNOWN_FIELDS not in table.column_names:
        table = table.append_column(UNKNOWN_FIELDS, pa.repeat("", len(table)))
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise UsageError(f"{file}: is no file of flows: column `{missing[0]}` is missing")
    flows = table.select(columns.names).cast(columns)
    if what := malformed.problem(flows.select(SCHEMA.names)):
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
