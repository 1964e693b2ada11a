"""Lines of a file or of standard input, plain or gzip, in blocks. Nothing is ever held whole but by `whole`."""

import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from fairway.hub.importers.tally import Tally
from fairway.kit.errors import UsageError

BLOCK: Final = 1 << 20
HEAD: Final = 1 << 16
MAX_LINE: Final = 16 << 20
MAX_WHOLE: Final = 256 << 20
"""Of a JSON document that cannot be read line by line."""
MAX_EXPANSION: Final = 250
FREE_EXPANSION: Final = 256 << 20
"""An archive may become so many times larger, and that large in any case: logs shrink by 10 to 50."""

_GZIP: Final = b"\x1f\x8b"

Block = tuple[int, list[bytes]]
"""The number of the first line, from 1 on, and lines."""


class Stream:
    """The bytes of one input, read once. `digest` is of the bytes as they lie in the file, read so far."""

    def __init__(self, file: BinaryIO, tally: Tally) -> None:
        self._tally = tally
        self._hash = sha256()
        raw = self._raw(file)
        first = next(raw, b"")
        raw = chain((first,), raw)
        self._blocks = self._unzipped(raw) if first.startswith(_GZIP) else raw
        self.head = b""
        for block in self._blocks:
            self.head += block
            if len(self.head) >= HEAD:
                break
        self._blocks = chain((self.head,), self._blocks)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    def lines(self) -> Iterator[Block]:
        """Lines without their ends. One that is too long is left out and counted."""
        rest, number, dropped = b"", 1, False
        for block in self._blocks:
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            if lines and dropped:
                lines[0], dropped = b"", False
            if lines:
                yield number, lines
            number += len(lines)
            if len(rest) > MAX_LINE:
                if not dropped:
                    self._tally.skip(f"a line is longer than {MAX_LINE >> 20} MiB", number)
                rest, dropped = b"", True
        if rest and not dropped:
            yield number, [rest]

    def whole(self) -> bytes:
        """All bytes; UsageError when they are too many."""
        parts, size = [], 0
        for block in self._blocks:
            parts.append(block)
            size += len(block)
            if size > MAX_WHOLE:
                raise UsageError(
                    f"{self._tally.path}: one JSON document of over {MAX_WHOLE >> 20} MiB; "
                    "write it as one record per line (`jq -c '.[]'`)"
                )
        return b"".join(parts)

    def _raw(self, file: BinaryIO) -> Iterator[bytes]:
        while block := file.read(BLOCK):
            self._hash.update(block)
            yield block

    def _unzipped(self, raw: Iterator[bytes]) -> Iterator[bytes]:
        consumed = produced = 0
        inflate = zlib.decompressobj(31)
        for packed in raw:
            consumed += len(packed)
            while packed:
                if inflate.eof:
                    inflate = zlib.decompressobj(31)
                try:
                    plain = inflate.decompress(packed, BLOCK)
                except zlib.error as error:
                    self._tally.skip(f"the rest of the archive: {error}", 0)
                    return
                produced += len(plain)
                if produced > max(FREE_EXPANSION, consumed * MAX_EXPANSION):
                    self._tally.skip(f"the rest of the archive: it grows more than {MAX_EXPANSION} times", 0)
                    return
                yield plain
                packed = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
        if not inflate.eof:
            self._tally.skip("the rest of the archive: it ends early", 0)


def opened(path: str) -> AbstractContextManager[BinaryIO]:
    """The file, or standard input for `-`; UsageError when it cannot be read."""
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; give a file of flow records") from error
