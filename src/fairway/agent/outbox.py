"""Where batches leave: numbered files in a folder that the collector empties.

A file appears whole or not at all. If nobody empties the folder, the oldest of this node's files go first, and
each is counted.
"""

import os
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

    def put(self, batch: Batch) -> None:
        """Write one batch under the next number; a full disk costs this batch and is counted."""
        self._sequence += 1
        content = encode(batch)
        self._make_room(len(content))
        path = self.folder / f"{self.node}-{self.boot}-{self._sequence:012d}.arrow"
        try:
            write_atomically(path, content)
        except OSError:
            self.dropped += 1

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
