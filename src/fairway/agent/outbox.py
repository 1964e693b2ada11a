"""Where batches wait: numbered files in a folder, which the sender, or whoever else reads the folder, empties.

A file appears whole or not at all. If nobody empties the folder, the oldest of this node's files go first, and
each is counted. What the disk refuses waits in memory, as long as it is little.
"""

import contextlib
import errno
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from fairway.kit.errors import EnvironmentLacksError
from fairway.kit.files import write_atomically
from fairway.wire.batch import Batch, encode

HELD_BYTES: Final = 4 << 20
_NAME: Final = re.compile(r"(?P<node>.+)-(?P<boot>[^-]+)-(?P<sequence>[0-9]{12})\.arrow")
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Waiting(NamedTuple):
    """A batch that nobody took yet."""

    name: str
    boot: str
    sequence: int
    content: bytes


@dataclass(slots=True)
class Outbox:
    """This node's numbered batches in `folder`, together at most `max_bytes`. Safe from several threads.

    `refused`: writes that the disk refused.
    """

    folder: Path
    node: str
    boot: str
    max_bytes: int = 256 << 20
    dropped: int = 0
    refused: int = 0
    _sequence: int = 0
    _files: dict[str, int] = field(default_factory=dict)
    """Sizes of files by name, oldest first; those that a reader took are found missing later."""
    _held: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._look()

    @property
    def next_sequence(self) -> int:
        return self._sequence + 1

    def put(self, batch: Batch, commit: Callable[[], None] = lambda: None) -> None:
        """Keep one batch under the next number; on disk if that can be, else in memory.

        `commit` notes for good that the batch is told, and under which number; should this process die then, the
        next one makes it appear by `settle`.
        """
        self._sequence += 1
        name, content = f"{self.node}-{self.boot}-{self._sequence:012d}.arrow", encode(batch)
        with self._lock:
            self._write_held()
            if not self._held and self._write(name, content, commit):
                return
            self._held[name] = content
            commit()
            while len(self._held) > 1 and sum(map(len, self._held.values())) > HELD_BYTES:
                del self._held[next(iter(self._held))]
                self.dropped += 1

    def oldest(self) -> Waiting | None:
        """The batch that waits longest; None if none does."""
        with self._lock:
            for name in list(self._files):
                try:
                    return _waiting(name, (self.folder / name).read_bytes())
                except FileNotFoundError:
                    del self._files[name]
                except OSError:
                    self.refused += 1
                    self._drop(name)
            return next((_waiting(name, content) for name, content in self._held.items()), None)

    def remove(self, name: str) -> None:
        """It was taken."""
        with self._lock:
            if self._held.pop(name, None) is None:
                self._unlink(name)

    def size(self) -> tuple[int, int]:
        """How many batches wait, and their bytes. Those that a reader took may still be counted."""
        with self._lock:
            sizes = [*self._files.values(), *map(len, self._held.values())]
            return len(sizes), sum(sizes)

    def _write_held(self) -> None:
        for name, content in list(self._held.items()):
            if not self._write(name, content):
                return
            del self._held[name]

    def _write(self, name: str, content: bytes, commit: Callable[[], None] = lambda: None) -> bool:
        """Whether the disk took it. On a full one the oldest make room."""
        self._make_room(len(content))
        while True:
            try:
                write_atomically(self.folder / name, content, commit)
            except OSError as error:
                if error.errno not in _FULL or not self._files:
                    self.refused += 1
                    return False
                self._drop(next(iter(self._files)))
            else:
                self._files[name] = len(content)
                return True

    def settle(self, told: Callable[[str, int], bool]) -> None:
        """Finish what an earlier process left half done: batches that were `told`, by boot and number, appear; the
        others are forgotten, for what they say is still to be told."""
        for path in self.folder.glob(f".{self.node}-*.arrow.*.tmp"):
            name = path.name[1:].rsplit(".", 2)[0]
            node, boot, sequence = name.removesuffix(".arrow").rsplit("-", 2)
            if node == self.node and sequence.isdecimal():
                if told(boot, int(sequence)):
                    path.replace(path.with_name(name))
                else:
                    path.unlink()
        with self._lock:
            self._look()

    def _make_room(self, size: int) -> None:
        if sum(self._files.values()) + size <= self.max_bytes:
            return
        self._look()  # a reader may have taken most of it
        while self._files and sum(self._files.values()) + size > self.max_bytes:
            self._drop(next(iter(self._files)))

    def _drop(self, name: str) -> None:
        self._unlink(name)
        self.dropped += 1

    def _unlink(self, name: str) -> None:
        """Forget a file also where the disk keeps it: who takes batches knows each by its number."""
        with contextlib.suppress(OSError):
            (self.folder / name).unlink(missing_ok=True)
        self._files.pop(name, None)

    def _look(self) -> None:
        """Take stock of the folder: batches of this node, of earlier starts as well."""
        found = []
        for entry in os.scandir(self.folder):
            # By the whole name: node `a` is not `a-b`, whose files may lie here as well.
            named = _NAME.fullmatch(entry.name)
            if named and named["node"] == self.node:
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue  # a reader took it meanwhile
                found.append((status.st_mtime_ns, entry.name, status.st_size))
        self._files = {name: size for _, name, size in sorted(found)}


def open_folder(folder: Path) -> Path:
    """The folder, made if it is missing; EnvironmentLacksError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentLacksError(f"cannot make the spool {folder}: {error.strerror}") from error
    return folder


def _waiting(name: str, content: bytes) -> Waiting:
    _, boot, number = name.removesuffix(".arrow").rsplit("-", 2)
    return Waiting(name, boot, int(number), content)
