"""The ring of events, mapped into memory: records of one size are read as one array, without a copy each.

Layout: kernel/bpf/ringbuf.c. One page with the consumer's position (ours to write), then, read-only, one with
the producer's, then the data. The kernel has the data twice in a row, so that no record is ever split; mapped here,
each would count as memory of this process.
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
        self._theirs = mmap.mmap(fd, page + size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
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
        consumer, parts = int(self._consumer[0]), [np.zeros(0, self._slot["record"])]
        complete = (int(self._producer[0]) - consumer) // self._stride
        while complete and len(slots := self._slots(consumer % self._size, complete)):
            parts.append(slots["record"].copy())
            consumer, complete = consumer + len(slots) * self._stride, complete - len(slots)
        self._consumer[0] = consumer
        return np.concatenate(parts)

    def _slots(self, start: int, count: int) -> NDArray[np.void]:
        """Up to `count` records from `start` on: those before the ring's end, or the one that reaches beyond it;
        none that is being written, nor any after it."""
        place, whole = mmap.PAGESIZE + start, min(count, (self._size - start) // self._stride)
        if whole:
            slots = np.frombuffer(self._theirs, self._slot, whole, place)
            busy = np.flatnonzero(slots["length"] & _BUSY)
            return slots[: busy[0]] if len(busy) else slots
        if np.frombuffer(self._theirs, "u4", 1, place)[0] & _BUSY:
            return np.zeros(0, self._slot)
        split = self._theirs[place:] + self._theirs[mmap.PAGESIZE : place + self._stride - self._size]
        return np.frombuffer(split, self._slot)

    def close(self) -> None:
        """Unmap. The arrays that look into the maps go first."""
        del self._consumer, self._producer
        self._theirs.close()
        self._ours.close()
