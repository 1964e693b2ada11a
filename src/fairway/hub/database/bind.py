"""Values and rows as ClickHouse reads them, embedded or on servers."""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


def escaped(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Text as the engine reads parameters: in the escapes of its TSV."""
    return {
        name: value.translate(_ESCAPES) if isinstance(value, str) else value for name, value in parameters.items()
    }


def stream_of(rows: pa.Table) -> bytes:
    """Rows as one Arrow record batch: one block, with one token."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows.unify_dictionaries().combine_chunks())
    content: bytes = sink.getvalue().to_pybytes()
    return content
