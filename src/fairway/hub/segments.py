"""Segments: batches on disk before their agents hear that they are kept.

A segment `000000000042.segment` is a row of records, each a length, a checksum and a batch with its identity. It is
closed when it is old enough, goes into the database as one insert under its own name, and is then deleted. While
much comes in, or the database is behind, it stays open longer: fewer and larger inserts cost less. What a crash
left is closed at the next start; a record cut short was never acknowledged.
"""

import os
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import msgspec

from fairway.kit.files import sync_folder
from fairway.wire.batch import MAX_BYTES, Batch
from fairway.wire.protocol import BatchId

SECONDS: Final = 1.0
"""A segment is closed so long after its first batch."""
MANY: Final = 50_000
LONGER: Final = 3.0
"""One that has so many rows by then stays open so long, unless something in it is urgent."""
MOST_ROWS: Final = 200_000
MOST_BYTES: Final = 64 << 20
"""At most so many, also while another one still waits for the database."""
_LOOK: Final = 0.02
"""Seconds between two looks whether it still does."""
URGENT_SECONDS: Final = 0.2
"""So long if a batch in it cannot wait: first sights must be told within a second."""
_FRAME: Final = struct.Struct("<III")
"""Lengths of identity and content, and the checksum of both."""
_SUFFIX: Final = ".segment"
_LONGEST: Final = 1 << 16
"""Bytes of an identity."""


@dataclass(frozen=True, slots=True)
class Record:
    """A batch as it came, and as it was read, by who has done that already."""

    identity: BatchId
    content: bytes
    batch: Batch | None = None


@dataclass(frozen=True, slots=True)
class _Wish:
    record: Record
    rows: int
    urgent: bool
    kept: Future[None]


@dataclass(slots=True)
class _Current:
    """The segment being written."""

    number: int
    file: int
    size: int = 0
    rows: int = 0
    records: list[Record] = field(default_factory=list)
    opened: float = field(default_factory=time.monotonic)
    urgent: bool = False

    @property
    def due(self) -> float:
        """When it is to be closed, if the database is not behind."""
        return self.opened + (URGENT_SECONDS if self.urgent else SECONDS if self.rows < MANY else LONGER)


class Segments:
    """Writes in a thread of its own: batches that come together share one fsync.

    `closed` is called in that thread with each segment that is ready for the database, oldest first, and with what
    is in it, if that is at hand. `busy` says whether the database has another one to take first. `failed` hears of
    what no disk explains; the thread goes on.
    """

    def __init__(
        self,
        folder: Path,
        closed: Callable[[Path, Sequence[Record]], None],
        busy: Callable[[], bool] = lambda: False,
        failed: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._closed = closed
        self._busy = busy
        self._failed = failed
        self._wishes: SimpleQueue[_Wish | None] = SimpleQueue()
        self._current: _Current | None = None
        self._number = 0
        self.trouble = ""
        """Why the disk refused the last write; empty when it did not."""
        self.refused = 0
        """Batches that it refused; their agents send them again."""
        self._thread = threading.Thread(target=self._run, name="segments", daemon=True)

    def start(self) -> None:
        """Give out what an earlier hub left, then take batches. OSError when the folder cannot be used."""
        self._folder.mkdir(parents=True, exist_ok=True)
        waiting = self.waiting()
        self._number = max((int(path.stem) for path in waiting), default=0)
        for path in waiting:
            self._closed(path, ())
        self._thread.start()

    def waiting(self) -> list[Path]:
        """Segments on disk, oldest first."""
        return sorted(path for path in self._folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal())

    def keep(self, record: Record, rows: int, *, urgent: bool = False) -> "Future[None]":
        """Done once the batch is on disk for good; OSError when the disk refuses. An `urgent` one closes its
        segment early."""
        wish = _Wish(record, rows, urgent, Future())
        self._wishes.put(wish)
        return wish.kept

    def close(self) -> None:
        """Finish what was wished for and close the segment."""
        self._wishes.put(None)
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            wishes, ended = self._next()
            try:
                if wishes:
                    self._write(wishes)
                if self._current and (ended or self._full(self._current)):
                    self._hand_over()
            except Exception as error:  # agents that wait for a receipt must hear of it
                self._failed(error)
                for wish in wishes:
                    if not wish.kept.done():
                        wish.kept.set_exception(error)

    def _next(self) -> tuple[list[_Wish], bool]:
        """Everything wished for by now, waiting for the first no longer than the segment stays open."""
        current = self._current
        patience = max(_LOOK, current.due - time.monotonic()) if current else None
        wishes: list[_Wish] = []
        try:
            wish = self._wishes.get(timeout=patience)
            while wish is not None:
                wishes.append(wish)
                if self._wishes.empty():
                    return wishes, False
                wish = self._wishes.get()
        except Empty:
            return wishes, False
        return wishes, True

    def _write(self, wishes: list[_Wish]) -> None:
        """One write and one fsync for all of them, or none of them is kept."""
        try:
            current = self._current or self._open()
            self._current = current
            content = b"".join(_framed(wish.record) for wish in wishes)
            try:
                _write_all(current.file, content)
                os.fsync(current.file)
            except OSError:
                # What the disk did with it is not known: end with what it has acknowledged, and begin anew.
                os.ftruncate(current.file, current.size)
                self._hand_over()
                raise
            current.size += len(content)
            current.rows += sum(wish.rows for wish in wishes)
            current.records += (wish.record for wish in wishes)
            current.urgent |= any(wish.urgent for wish in wishes)
        except OSError as error:
            self.trouble = error.strerror or type(error).__name__
            self.refused += len(wishes)
            for wish in wishes:
                wish.kept.set_exception(error)
            return
        self.trouble = ""
        for wish in wishes:
            wish.kept.set_result(None)

    def _open(self) -> _Current:
        number = self._number + 1
        path = self._path(number)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        sync_folder(self._folder)
        self._number = number
        return _Current(number, descriptor)

    def _full(self, current: _Current) -> bool:
        if current.rows >= MOST_ROWS or current.size >= MOST_BYTES:
            return True
        return time.monotonic() >= current.due and not self._busy()

    def _hand_over(self) -> None:
        assert self._current is not None  # noqa: S101
        os.close(self._current.file)
        path, records, empty = self._path(self._current.number), self._current.records, not self._current.size
        self._current = None
        if empty:
            path.unlink()
        else:
            self._closed(path, records)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{_SUFFIX}"


def read_segment(path: Path, broken: Callable[[str], None] = lambda _: None) -> Iterator[Record]:
    """The batches of a segment; `broken` hears of what cannot be read. One cut short was never acknowledged."""
    content = path.read_bytes()
    at = 0
    while at + _FRAME.size <= len(content):
        identity, length, checksum = _FRAME.unpack_from(content, at)
        if not identity:  # a crash may leave zeros behind the last write
            return
        start, at = at, at + _FRAME.size + identity + length
        if identity > _LONGEST or length > MAX_BYTES:
            broken(f"{path.name}, all from byte {start} on")
            return
        if at > len(content):
            return
        whole = content[start + _FRAME.size : at]
        if zlib.crc32(whole) != checksum:
            broken(f"{path.name}, byte {start}")
            continue
        yield Record(msgspec.json.decode(whole[:identity], type=BatchId), whole[identity:])


def _framed(record: Record) -> bytes:
    identity = msgspec.json.encode(record.identity)
    whole = identity + record.content
    return _FRAME.pack(len(identity), len(record.content), zlib.crc32(whole)) + whole


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
