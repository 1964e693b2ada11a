"""Batch: what one agent saw in one interval, as an Arrow IPC stream.

A stream carries one record batch with the columns of `RECORD`, all fixed-width, and in its schema's metadata
under `fairway` a JSON header: version, node, boot, sequence, the pods that the `pod` column counts, the rule
revision and names then in force, and the agent's loss counters. Columns a reader does not know are ignored,
columns it misses are zero; a stream of a newer version is refused.
"""

import io
from typing import Annotated, Any, Final

import msgspec
import nanoarrow as na
import numpy as np
from nanoarrow import ipc
from numpy.typing import NDArray

from fairway.wire.rules import NodePod

VERSION: Final = 2
"""2 adds what TCP tells of itself; a batch of version 1 has zeros there."""
MAX_BYTES: Final = 64 << 20
MAX_ROWS: Final = 1 << 20

FLOW: Final = 0  # one conversation over the interval
REST: Final = 1  # per pod: everything not told as a conversation of its own, so that sums stay exact
EDGE: Final = 2  # a conversation's first sight; leaves at once, carries no counters

RECORD: Final = np.dtype(
    [
        ("kind", "u1"),
        ("family", "u1"),  # 4 or 6
        ("protocol", "u1"),  # IP protocol number
        ("initiator", "u1"),  # words.Initiator, from the pod's view
        ("verdict", "u1"),  # words.Verdict of the active slot
        ("staged", "u1"),  # words.Verdict of the staged slot
        ("reason", "u1"),  # words.Reason of the active slot's denial
        ("staged_reason", "u1"),
        ("pod", "u2"),  # index into the header's pods: whose interface saw it
        ("port", "u2"),  # the server's port as this pod sees it; 0 for protocols without ports
        ("verdict_rule", "u4"),  # index into the header's rules; 0 for none
        ("staged_rule", "u4"),
        ("connections", "u4"),  # opened in the interval
        ("failed", "u4"),  # TCP connections refused or given up before they were answered
        ("resets", "u4"),  # TCP connections that a RST ended
        ("severed", "u4"),  # TCP connections given up for want of any answer
        ("retransmissions", "u4"),  # TCP segments sent again by the pod
        ("handshake_retransmissions", "u4"),  # those that were SYNs or SYN-ACKs
        ("timeouts", "u4"),  # expiries of the pod's retransmission timer (RFC 6298)
        ("handshake_timeouts", "u4"),
        ("connect_count", "u4"),  # connections answered; connect times are from SYN to SYN-ACK at this interface
        ("connect_min_us", "u4"),
        ("connect_max_us", "u4"),
        ("srtt_count", "u4"),  # flows whose pod told its smoothed round-trip time with their last packet
        ("srtt_min_us", "u4"),
        ("srtt_us", "u4"),  # the longest of them; 0 if unknown
        ("connect_sum_us", "u8"),
        ("srtt_sum_us", "u8"),
        ("denied", "u4"),  # packets dropped
        ("tx_packets", "u8"),  # pod's view: tx leaves the pod
        ("rx_packets", "u8"),
        ("tx_bytes", "u8"),  # IP bytes, headers included
        ("rx_bytes", "u8"),
        ("first_us", "i8"),  # microseconds since 1970
        ("last_us", "i8"),
        ("pod_address", "V16"),  # as in fairway.wire.address
        ("remote_address", "V16"),
    ]
)


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """A resolver told a pod that `name`, as the pod had asked for it, is at `address`, for `ttl` seconds."""

    address: str
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.-]{1,253}$")]
    at_us: int
    ttl: Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent the batch, which one it is, and the words its rows refer to. Times in microseconds since 1970."""

    node: str
    boot: str
    sequence: int
    start_us: int
    end_us: int
    pods: tuple[NodePod, ...] = ()
    revision: int = 0
    rules: tuple[str, ...] = ("",)
    """What the rows' `verdict_rule` and `staged_rule` point to, whichever table they were judged by."""
    losses: dict[str, int] = {}
    packets: int = 0
    """Packets that all of the node's pods have sent and received since the tables were made, exact."""
    answers: tuple[Answer, ...] = ()
    """By which names its pods looked addresses up, since the batch before. An older reader passes them over."""
    kernel: Annotated[str, msgspec.Meta(max_length=128)] = ""
    """The node's, as `uname -r` says it; empty from older agents."""
    services: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """How the node translates Services' addresses (`agent.translation`); empty from older agents."""
    cpu_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0
    """What the agent's process has taken since its start; 0 from older agents, as are its resident bytes."""
    resident_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    version: int = VERSION


class Batch(msgspec.Struct, frozen=True):
    """A header and rows of dtype RECORD."""

    header: Header
    rows: NDArray[np.void]


class BatchError(ValueError):
    """The bytes are not a batch this version can read; the text says why."""


class NewerBatchError(BatchError):
    """A batch of a program that is newer than this one: it can be read once this one is updated."""


_TYPES: Final = {"u1": na.uint8, "u2": na.uint16, "u4": na.uint32, "u8": na.uint64, "i8": na.int64}
_FORMATS: Final = {"u1": "C", "u2": "S", "u4": "I", "u8": "L", "i8": "l", "V16": "w:16"}
_METADATA: Final = b"fairway"


def encode(batch: Batch) -> bytes:
    """The batch as an Arrow IPC stream."""
    rows = np.ascontiguousarray(batch.rows, dtype=RECORD)
    types, columns = {}, []
    for name in RECORD.names or ():
        code = RECORD[name].str[1:]
        types[name] = _TYPES[code](nullable=False) if code in _TYPES else na.fixed_size_binary(16, nullable=False)
        buffer = np.ascontiguousarray(rows[name])
        buffer = buffer.view("u1") if code == "V16" else buffer
        columns.append(na.c_array_from_buffers(types[name], len(rows), [None, buffer], null_count=0))
    metadata = {_METADATA: msgspec.json.encode(batch.header)}
    schema = na.c_schema(na.struct(types, nullable=False)).modify(metadata=metadata)
    out = io.BytesIO()
    with ipc.StreamWriter.from_writable(out) as writer:
        writer.write_array(na.c_array_from_buffers(schema, len(rows), [None], children=columns, null_count=0))
    return out.getvalue()


def decode(stream: bytes) -> Batch:
    """The batch in an Arrow IPC stream from anyone; BatchError says what is wrong with it."""
    if len(stream) > MAX_BYTES:
        raise BatchError(f"{len(stream)} bytes are over the limit of {MAX_BYTES}")
    try:
        with ipc.InputStream.from_readable(io.BytesIO(stream)) as source:
            arrays = na.c_array_stream(source)
            schema = arrays.get_schema()
            header = _header(schema.metadata)
            parts = [_rows(schema, array) for array in arrays]
    except BatchError:
        raise
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BatchError(f"is not an Arrow stream: {reason}") from error
    rows = np.concatenate(parts) if parts else np.zeros(0, RECORD)
    if len(rows) and int(rows["pod"].max()) >= len(header.pods):
        raise BatchError(f"a row names pod {int(rows['pod'].max())} of {len(header.pods)}")
    return Batch(header, rows)


def _header(metadata: Any) -> Header:
    content = None if metadata is None else dict(metadata.items()).get(_METADATA)
    if content is None:
        raise BatchError("has no `fairway` header in its schema's metadata")
    try:
        version = msgspec.json.decode(content, type=_Version).version
        if version > VERSION:
            raise NewerBatchError(
                f"is of version {version}, this program reads up to {VERSION}; update this program first"
            )
        return msgspec.json.decode(content, type=Header)
    except msgspec.MsgspecError as error:
        raise BatchError(f"has a malformed header: {error}") from error


class _Version(msgspec.Struct):
    version: int


def _rows(schema: Any, array: Any) -> NDArray[np.void]:
    if len(array) > MAX_ROWS:
        raise BatchError(f"{len(array)} rows are over the limit of {MAX_ROWS}")
    rows = np.zeros(len(array), RECORD)
    for index in range(array.n_children):
        field, column = schema.child(index), array.child(index)
        if field.name not in (RECORD.names or ()):
            continue
        code = RECORD[field.name].str[1:]
        if field.format != _FORMATS[code] or column.null_count:
            raise BatchError(
                f"column `{field.name}` has format `{field.format}`, not `{_FORMATS[code]}` without nulls"
            )
        rows[field.name] = np.frombuffer(
            column.view().buffer(1), RECORD[field.name], len(array), _start(column, code)
        )
    return rows


def _start(column: Any, code: str) -> int:
    return int(column.offset) * np.dtype(code).itemsize
