"""Audit: who changed what, when and why. A file of JSON lines, each on disk before the change is made."""

import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.kit.files import append_durably

_BLOCK: Final = 1 << 16


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `who` is a principal's name, or `uid 0` for one who wrote a file of the hub's; `what` one of
    `intent`, `tokens`; `detail` says it for machines."""

    at: datetime
    who: str
    role: str = ""
    what: str
    done: str
    why: str = ""
    detail: dict[str, Any] = {}


class Audit:
    """The log; entries may come from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.entries = 0

    def record(
        self,
        who: str,
        what: str,
        done: str,
        *,
        role: str = "",
        why: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Put it on disk; OSError when the disk refuses, and then the change must not be made."""
        entry = Entry(
            at=datetime.now(UTC), who=who, role=role, what=what, done=done, why=why, detail=dict(detail or {})
        )
        with self._lock:
            append_durably(self._path, msgspec.json.encode(entry) + b"\n")
            self.entries += 1
        return entry

    def latest(self, limit: int, before: datetime | None = None) -> list[Entry]:
        """The newest entries first; of those before a time if one is given."""
        found = []
        for line in _lines_backwards(self._path):
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except msgspec.MsgspecError:
                continue
            if before is None or entry.at < before:
                found.append(entry)
            if len(found) == limit:
                break
        return found


def _lines_backwards(path: Path) -> Iterator[bytes]:
    """A file's lines from the last to the first, without reading more of it than asked for."""
    try:
        with path.open("rb") as file:
            at, rest = file.seek(0, os.SEEK_END), b""
            while at:
                size = min(_BLOCK, at)
                at -= size
                file.seek(at)
                rest, *lines = (file.read(size) + rest).split(b"\n")
                yield from (line for line in reversed(lines) if line)
            if rest:
                yield rest
    except FileNotFoundError:
        return
