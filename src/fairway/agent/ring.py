"""The ring of events, mapped into memory: records of one size are read as one array, without a copy each.

Layout: kernel/bpf/ringbuf.c. One page with the consumer's position (ours to write), then, read-only, one with
the producer's, then the data twice in a row, so that no record is ever split.
"""

import mmap
from typing import Final

import numpy as np
from numpy.typing import NDArray

_HEADER: Final = 8
_BUSY: Final = 1 << 31


class Ring:
    """Reads a ring buffer map whose records all have one dtype. `size` is the map's max_entries, in bytes."""

    def __init__(self, fd: int, size: int, record: np.dtype[np.void]) -> None:
        page = mmap.PAGESIZE
        self._ours = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        self._theirs = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._consumer = np.frombuffer(self._ours, "u8", 1)
        self._producer = np.frombuffer(self._theirs, "u8", 1)
        self._size = size
        self._stride = _HEADER + (record.itemsize + 7) // 8 * 8
        self._slot = np.dtype(
            {
                "names": ["length", "record"],
                "formats": ["u4", record],
                "offsets": [0, _HEADER],
                "itemsize": self._stride,
            }
        )

    def read(self) -> NDArray[np.void]:
        """All complete records, oldest first; they are taken away from the ring."""
        consumer, producer = int(self._consumer[0]), int(self._producer[0])
        count = (producer - consumer) // self._stride
        if not count:
            return np.zeros(0, self._slot["record"])
        start = mmap.PAGESIZE + consumer % self._size
        slots = np.frombuffer(self._theirs, self._slot, count, start)
        busy = np.flatnonzero(slots["length"] & _BUSY)
        taken = slots[: busy[0]] if len(busy) else slots
        result = taken["record"].copy()
        self._consumer[0] = consumer + len(taken) * self._stride
        return result

    def close(self) -> None:
        """Unmap. The arrays that look into the maps go first."""
        del self._consumer, self._producer
        self._theirs.close()
        self._ours.close()
