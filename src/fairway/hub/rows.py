"""Rows of stored flows as Python values."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
import pyarrow as pa

from fairway.hub.columns import CLIENT, SERVER
from fairway.wire.endpoint import Endpoint, Kind, NamedPort


def rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows as mappings, an order of magnitude faster than to_pylist."""
    names, columns = table.column_names, [_values(column.combine_chunks()) for column in table.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _values(column: Any) -> list[Any]:
    if pa.types.is_string(column.type):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type) and not column.null_count:
        words = column.dictionary.to_pylist()
        return [words[index] for index in column.indices.to_numpy().tolist()]
    if pa.types.is_integer(column.type) and not column.null_count:
        return list(column.to_numpy().tolist())
    if pa.types.is_timestamp(column.type):
        return [
            _EPOCH + timedelta(microseconds=us)
            for us in column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
        ]
    return list(column.to_pylist())


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def endpoint_of(row: Mapping[str, Any], end: str) -> Endpoint:
    """The `client` or `server` of a stored flow's row."""
    return _endpoint(*(row[name] for name in (CLIENT if end == "client" else SERVER)))


@lru_cache(maxsize=65536)
def _endpoint(
    kind: str,
    address: str,
    namespace: str,
    name: str,
    workload: str,
    labels: str,
    ports: str,
    node: str,
    zone: str,
) -> Endpoint:
    """In the order of `columns.END`."""
    return Endpoint(
        kind=Kind(kind),
        address=address,
        namespace=namespace,
        name=name,
        workload=workload,
        labels=tuple(sorted(msgspec.json.decode(labels, type=dict[str, str]).items())),
        ports=tuple(msgspec.json.decode(ports, type=list[NamedPort])),
        node=node,
        zone=zone,
    )
