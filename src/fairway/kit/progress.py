"""Progress: how far something is that takes long, for whoever waits at a terminal."""

import sys
import time
from types import TracebackType
from typing import Final, Self

PATIENCE: Final = 2.0
"""Seconds that a person waits without being told anything."""
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """Tells of steps on standard error: on a terminal in one line, written over and gone at the end, else a line
    for each. Nothing at all of what takes less than `patience` seconds."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._from = time.monotonic() + patience
        self._last = ""
        self._terminal = sys.stderr.isatty()

    def tell(self, step: str, done: float | None = None) -> None:
        """What is being done, and the part of all that is behind, 0 to 1, if that is known."""
        line = step if done is None else f"{step}, {done:.0%}"
        if line == self._last or time.monotonic() < self._from:
            return
        self._last = line
        sys.stderr.write(f"{_CLEAR}{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal and self._last:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
