"""Backlog: a ring's events, taken out of the kernel also while nobody has time for them.

The ring holds less than a second of a busy node's first sights, and the agent's own thread may wait longer than
that: for a disk, or for its turn on the CPU. When it does, this one moves the events into memory.
"""

import threading
import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairway.agent.ring import Ring

_PATIENCE, _AT_REST = 0.25, 1.0
"""Seconds between two looks while events come, and while hardly any do: each look wakes the CPU."""
_FEW: Final = 100
MOST: Final = 1 << 18
"""Events kept in memory, some 15 MiB; beyond it they stay in the ring, which counts what it cannot hold."""


class Backlog:
    """Reads as a Ring does; closes it, too."""

    def __init__(self, ring: Ring, most: int = MOST) -> None:
        self._ring, self._most = ring, most
        self._kept: list[NDArray[np.void]] = []
        self._lock = threading.Lock()
        self._read_at = time.monotonic()
        self._patience = _PATIENCE
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def read(self) -> NDArray[np.void]:
        """All events since the last time, oldest first."""
        with self._lock:
            parts, self._kept = [*self._kept, self._ring.read()], []
            self._read_at = time.monotonic()
        events = np.concatenate(parts)
        self._patience = _PATIENCE if len(events) > _FEW else _AT_REST
        return events

    def close(self) -> None:
        """Let go of the ring; what was not read stays in it, or is gone."""
        self._closing.set()
        self._thread.join()
        self._ring.close()

    def _run(self) -> None:
        while not self._closing.wait(self._patience):
            with self._lock:
                late = time.monotonic() - self._read_at >= _PATIENCE
                if late and sum(map(len, self._kept)) < self._most and len(events := self._ring.read()):
                    self._kept.append(events)
