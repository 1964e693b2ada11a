"""What is wrong with flows that somebody else wrote. Looked at once, word by word, before anything trusts them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.columns import SCHEMA
from fairway.policy.fields import parse_address, shown
from fairway.wire.endpoint import Kind, NamedPort
from fairway.wire.words import PROTOCOL_NUMBERS

_EARLIEST, _LATEST = (datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 3000))
_PAIRS: Final = msgspec.json.Decoder(list[tuple[str, int]])
_MOST: Final = 1 << 53
"""Of any counter of one conversation in one interval: petabytes. Sums over rows stay far from wrapping."""


def problem(flows: pa.Table) -> str:
    """The first thing that is wrong with flows in the columns of `hub.columns`; empty if nothing is."""
    return next((f"column `{name}`: {what}" for name, what in _problems(flows)), "")


def _problems(flows: pa.Table) -> Iterator[tuple[str, str]]:
    for field in SCHEMA:
        column = flows[field.name]
        if pa.types.is_dictionary(field.type):
            read = _WORDS.get(field.name)
            yield from ((field.name, what) for what in (_unreadable(column, read) if read else ()))
        elif not pa.types.is_boolean(field.type) and len(column):
            bounds = (_EARLIEST, _LATEST) if pa.types.is_timestamp(field.type) else (0, _MOST)
            low, high = (pa.scalar(bound, field.type if bound != _MOST else pa.uint64()) for bound in bounds)
            ends = pc.min_max(column)
            if pc.less(ends["min"], low).as_py() or pc.greater(ends["max"], high).as_py():
                yield field.name, f"a value is not from {low} to {high}"


def _unreadable(column: pa.ChunkedArray, read: Callable[[str], object]) -> Iterator[str]:
    """The words in use that `read` does not take."""
    used = (chunk.dictionary.take(pc.unique(chunk.indices)) for chunk in column.chunks)
    for word in {word for words in used for word in words.to_pylist()}:
        try:
            read(word)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            yield f"{shown(word)} cannot be read"


def _backends(word: str) -> object:
    """Empty where no Service was dialled."""
    return word and _PAIRS.decode(word)


def _protocol(word: str) -> int:
    """A name, or the number of one without."""
    number = PROTOCOL_NUMBERS.get(word)
    if number is None and not (word.isascii() and word.isdecimal() and len(word) < 4 and int(word) < 256):
        raise ValueError(word)
    return int(word) if number is None else number


def _json(kind: Any) -> Callable[[str], object]:
    return msgspec.json.Decoder(kind).decode


_END: Final[Mapping[str, Callable[[str], object]]] = {
    "kind": Kind,
    "address": parse_address,
    "labels": _json(dict[str, str]),
    "ports": _json(list[NamedPort]),
}
_WORDS: Final[Mapping[str, Callable[[str], object]]] = {
    **{f"{end}_{name}": read for end in ("client", "server") for name, read in _END.items()},
    "backends": _backends,
    "protocol": _protocol,
}
