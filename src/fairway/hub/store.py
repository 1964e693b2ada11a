"""Flows in files: Parquet, and whatever a hub on this machine has. Anyone reads."""

from datetime import datetime
from pathlib import Path

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
    try:
        tables = [_columns(file, pq.read_table(file, filters=filters), columns) for file in _files(path)]
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path}: cannot be read as flows: {str(error).splitlines()[0]}") from error
    return pa.concat_tables([columns.empty_table(), *tables])


def read_edges(path: Path, since: datetime | None = None, until: datetime | None = None) -> list[Edge]:
    """The edges of these flows, each flow counted once; `path` and errors as of `read_flows`."""
    flows = read_flows(path, since, until)
    try:
        return edges_of(flows)
    except (ValueError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path}: holds a malformed flow: {error}") from error


def _files(path: Path) -> list[Path]:
    """The Parquet files at a path."""
    if path.is_dir():
        files = sorted(path.glob("*.parquet"))
        if not files:
            raise UsageError(f"`{path}` holds no flows: no *.parquet, and it is no hub's state folder")
    elif path.is_file():
        files = [path]
    else:
        raise UsageError(f"`{path}` does not exist; give a Parquet file of flows, or a state folder")
    for file in files:
        _check(file)
    return files


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


def _check(path: Path) -> None:
    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path}: is no Parquet file: {str(error).splitlines()[0]}; remove it") from error
