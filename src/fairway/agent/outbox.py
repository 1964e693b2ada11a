"""Where batches leave: numbered files in a folder that the collector empties.

A file appears whole or not at all. If nobody empties the folder, the oldest of this node's files go first, and
each is counted.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fairway.kit.errors import EnvironmentLacksError
from fairway.kit.files import write_atomically
from fairway.wire.batch import Batch, encode


@dataclass(slots=True)
class Outbox:
    """This node's numbered batches in `folder`, together at most `max_bytes`."""

    folder: Path
    node: str
    boot: str
    max_bytes: int = 256 << 20
    dropped: int = 0
    _sequence: int = field(default=0)

    @property
    def next_sequence(self) -> int:
        return self._sequence + 1

    def put(self, batch: Batch, commit: Callable[[], None] = lambda: None) -> None:
        """Write one batch under the next number; a full disk costs this batch and is counted.

        `commit` notes for good that the batch is told, and under which number; should this process die then, the
        next one makes it appear by `settle`. It is not called for a batch that the disk refused.
        """
        self._sequence += 1
        content = encode(batch)
        self._make_room(len(content))
        path = self.folder / f"{self.node}-{self.boot}-{self._sequence:012d}.arrow"
        try:
            write_atomically(path, content, commit)
        except OSError:
            self.dropped += 1

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

    def _make_room(self, size: int) -> None:
        try:
            # By the whole name: node `a` is not `a-b`, whose files may lie here as well.
            mine = (path for path in self.folder.glob("*.arrow") if path.name.rsplit("-", 2)[0] == self.node)
            files = sorted(mine, key=os.path.getmtime)
        except FileNotFoundError:
            return  # the collector took one meanwhile: it is alive, and empties the folder
        used = sum(file.stat().st_size for file in files if file.exists())
        while files and used + size > self.max_bytes:
            oldest = files.pop(0)
            used -= oldest.stat().st_size if oldest.exists() else 0
            oldest.unlink(missing_ok=True)
            self.dropped += 1


def open_folder(folder: Path) -> Path:
    """The folder, made if it is missing; EnvironmentLacksError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentLacksError(f"cannot make the spool {folder}: {error.strerror}") from error
    return folder
