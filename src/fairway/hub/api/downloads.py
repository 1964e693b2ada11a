"""Flows as files, made part by part: a download takes the memory of one part, however long it is."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fairway.hub.api.shapes import Flow
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.flows import flows_of
from fairway.hub.database.pages import flow_rows, place_of
from fairway.hub.rows import rows_of
from fairway.views.filter import Filter

Form = Literal["csv", "jsonl", "parquet"]
FORMS: Final[dict[Form, str]] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}
_PART: Final = 20_000
"""Rows of a part."""


def form_of(asked: str, accept: str) -> Form | None:
    """Which file is wanted, by parameter or by the Accept header; None: a page."""
    for form, kind in FORMS.items():
        if asked == form or (not asked and kind.partition(";")[0] in accept):
            return form
    return None


def written(base: FlowBase, wanted: Filter, now: datetime, sort: str, form: Form) -> Iterator[bytes]:
    """The flows that are wanted, in order, as the parts of one file."""
    writers: dict[Form, Callable[[Iterator[pa.Table]], Iterator[bytes]]] = {
        "csv": _csv,
        "jsonl": _lines,
        "parquet": _parquet,
    }
    until = wanted.until or now
    return writers[form](_parts(base, Filter(wanted.expression, wanted.since, until), now, sort))


def _parts(base: FlowBase, wanted: Filter, now: datetime, sort: str) -> Iterator[pa.Table]:
    place = None
    while True:
        rows = base.ask(flow_rows(wanted, now, limit=_PART, sort=sort, after=place))
        if rows.num_rows:
            yield rows
        if rows.num_rows < _PART:
            return
        # What equals the last row may reach back to the part's beginning, no further.
        place = place_of(list(rows_of(rows)), sort, place)


def _lines(parts: Iterator[pa.Table]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for part in parts:
        yield b"".join(encoder.encode(Flow.of(row)) + b"\n" for row in rows_of(part))


def _csv(parts: Iterator[pa.Table]) -> Iterator[bytes]:
    """The columns of the store, times in ISO 8601; even no flow has a line of names."""
    heads = True
    for part in parts:
        yield _csv_of(flows_of(part), heads)
        heads = False
    if heads:
        yield _csv_of(flows_of(pa.table({})), heads)


def _csv_of(flows: pa.Table, heads: bool) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    if heads:
        writer.writerow(flows.column_names)
    writer.writerows([_cell(value) for value in row.values()] for row in rows_of(flows))
    return sink.getvalue().encode()


def _cell(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value


def _parquet(parts: Iterator[pa.Table]) -> Iterator[bytes]:
    """As `fairway.hub.store` reads them."""
    sink = _Taken()
    schema = flows_of(pa.table({})).schema
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(flows_of(part).unify_dictionaries())
            yield sink.taken()
    yield sink.taken()


class _Taken(io.RawIOBase):
    """A file that is written once and taken away in parts."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._parts.append(bytes(content))
        return len(content)

    def taken(self) -> bytes:
        """What was written since the last time."""
        content = b"".join(self._parts)
        self._parts.clear()
        return content
