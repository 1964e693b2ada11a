"""Flows out of a database into Parquet, and back into another: backups, and pieces to look at elsewhere."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fairway.hub.columns import SCHEMA
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.flows import NAMES, counted_once, flows_of
from fairway.hub.database.question import Question
from fairway.hub.imports import holders_in
from fairway.kit.errors import UsageError

_COUNTED: Final = pa.field("counted", pa.bool_(), nullable=False)
ARCHIVE: Final = pa.schema([*SCHEMA, _COUNTED])
"""A stored flow's columns, and whether it is the one of two reports that counts."""
_BOUNDS: Final = Question(
    "SELECT toUInt32(toDateTime(min(time_end))) AS first, "
    "toUInt32(toDateTime(max(time_end))) AS last, count() AS flows FROM flows"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Which flows: since <= time_end < until, of or to one of the namespaces; empty means all."""

    since: datetime | None = None
    until: datetime | None = None
    namespaces: tuple[str, ...] = ()


def export_flows(base: FlowBase, piece: Piece, file: Path) -> int:
    """Write a piece as one Parquet file, hour by hour; how many flows. The file appears when it is whole."""
    partial = file.with_name(f".{file.name}.partial")
    rows = 0
    try:
        with pq.ParquetWriter(partial, ARCHIVE, compression="zstd") as writer:
            for since, until in _hours(base, piece):
                flows = _told(base, piece.namespaces, since, until)
                if len(flows):
                    writer.write_table(flows.unify_dictionaries())
                rows += len(flows)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def import_flows(base: FlowBase, files: Sequence[Path]) -> int:
    """Put the flows of Parquet files in; how many there are. A file that was had before adds nothing.

    UsageError for a file that holds no flows.
    """
    rows = 0
    for file in files:
        token = _digest(file)
        for number, flows in enumerate(_groups(file)):
            base.append(flows.select(SCHEMA.names), flows["counted"].to_numpy(), f"import-{token}-{number}")
            rows += len(flows)
    return rows


def _hours(base: FlowBase, piece: Piece) -> Iterator[tuple[datetime, datetime]]:
    bounds = base.ask(_BOUNDS).to_pylist()[0]
    if not bounds["flows"]:
        return
    first, last = (datetime.fromtimestamp(bounds[name], UTC) for name in ("first", "last"))
    start = max(filter(None, (first, piece.since)))
    end = min(filter(None, (last + timedelta(seconds=1), piece.until)))
    while start < end:
        step = min(start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1), end)
        yield start, step
        start = step


def _told(base: FlowBase, namespaces: tuple[str, ...], since: datetime, until: datetime) -> pa.Table:
    moment = "{{{}:DateTime64(3, 'UTC')}}"
    condition = f"time_end >= {moment.format('since')} AND time_end < {moment.format('until')}"
    bound: dict[str, object] = {
        name: f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
        for name, value in (("since", since), ("until", until))
    }
    if namespaces:
        bound |= {f"n{number}": namespace for number, namespace in enumerate(namespaces)}
        among = ", ".join(f"{{n{number}:String}}" for number in range(len(namespaces)))
        condition += f" AND (client_namespace IN ({among}) OR server_namespace IN ({among}))"
    rows = base.ask(Question(f"SELECT {', '.join(NAMES)} FROM flows WHERE {condition}", bound))  # noqa: S608
    flows = flows_of(rows)
    counted = rows["counted"].cast(pa.bool_()) if len(rows) else pa.array([], pa.bool_())
    return flows.append_column(_COUNTED, counted)


def _groups(file: Path) -> Iterator[pa.Table]:
    try:
        source = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{file}: is no Parquet file: {str(error).splitlines()[0]}") from error
    with source:
        names = source.schema_arrow.names
        if missing := [name for name in SCHEMA.names if name not in names]:
            raise UsageError(f"{file}: is no file of flows: column `{missing[0]}` is missing")
        if "counted" in names:
            for number in range(source.num_row_groups):
                yield source.read_row_group(number, ARCHIVE.names).cast(ARCHIVE)
            return
        # Whose agents were at work shows in the whole of it only.
        flows = source.read(SCHEMA.names).cast(SCHEMA)
    yield flows.append_column(_COUNTED, pa.array(_counted(flows)))


def _counted(flows: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """What counts in flows that no hub has judged: by the nodes that report in them."""
    reporting = set()
    for end in ("client", "server"):
        told = flows.filter(pa.compute.equal(flows["reporter"].cast(pa.string()), end))
        reporting |= set(told[f"{end}_node"].unique().to_pylist())
    return counted_once(flows, reporting - {""}, holders_in(flows))


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()[:16]
    except FileNotFoundError:
        raise UsageError(f"`{file}` does not exist; give a Parquet file of flows") from None
