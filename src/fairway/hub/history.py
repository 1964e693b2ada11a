"""History: the cluster's changes of address owners on disk, so that a restart forgets none.

A file of JSON lines, appended to and now and then written anew without what is too old. What a crash cut short is
left out; the cluster as it is then tells it again.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from fairway.kit.files import append_durably, write_atomically
from fairway.wire.endpoint import Endpoint

_GROWTH: Final = 4 << 20
"""Bytes that the file may grow by before it is written anew."""


class Held(msgspec.Struct, frozen=True, tag="held", omit_defaults=True):
    """From `since` on these endpoints had their addresses; `until` is set where that is over already."""

    since: int
    endpoints: tuple[Endpoint, ...]
    until: int | None = None


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """From `at` on nobody, or somebody else, had these addresses."""

    at: int
    addresses: tuple[str, ...]


class Looked(msgspec.Struct, frozen=True, tag="looked"):
    """The cluster was seen like this at a time."""

    at: int


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """DNS said that a name stands for an address, from `at` until `until`."""

    address: str
    name: str
    at: int
    until: int


Change = Held | Gone | Looked | Answered
_DECODER: Final = msgspec.json.Decoder(Change)


class History:
    """The file; one writer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._most = 0

    def read(self) -> Iterator[Change]:
        """All changes; a line that a crash cut short is none."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines[:-1]:
            try:
                yield _DECODER.decode(line)
            except msgspec.MsgspecError:
                continue

    def append(self, changes: Iterable[Change]) -> None:
        """Put changes on disk. OSError when the disk refuses: then nothing of them counts as written."""
        append_durably(self._path, _lines(changes))

    def rewrite(self, changes: Iterable[Change]) -> None:
        """Put these in the place of all others."""
        content = _lines(changes)
        write_atomically(self._path, content)
        self._most = len(content) * 2 + _GROWTH

    @property
    def overgrown(self) -> bool:
        """Whether it is time to write it anew."""
        try:
            return self._path.stat().st_size > self._most
        except OSError:
            return False


def _lines(changes: Iterable[Change]) -> bytes:
    return b"".join(msgspec.json.encode(change) + b"\n" for change in changes)
