"""The ring's protocol, with a file in the kernel's place: the same pages, written by hand. The kernel's own ring is
in tests/kernel."""

import mmap
import os
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from fairway.agent.ring import Ring

PAGE = mmap.PAGESIZE
SIZE = PAGE
BUSY = 1 << 31
RECORD = np.dtype([("number", "u8"), ("more", "u4")])
STRIDE = 8 + 16


class Writer:
    """Writes as kernel/bpf/ringbuf.c does: a header of 8 bytes, then records of whole words."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("ring")
        os.truncate(self.fd, 2 * PAGE + SIZE)
        self.produced = 0

    def put(self, number: int, busy: bool = False) -> int:
        """One record; its place, by which it may be completed."""
        place = self.produced
        self._write(place, struct.pack("<IIQII", RECORD.itemsize | (BUSY if busy else 0), 0, number, 7, 0))
        self.produced += STRIDE
        os.pwrite(self.fd, struct.pack("<Q", self.produced), PAGE)
        return place

    def complete(self, place: int) -> None:
        self._write(place, struct.pack("<I", RECORD.itemsize))

    @property
    def consumed(self) -> int:
        return struct.unpack("<Q", os.pread(self.fd, 8, 0))[0]

    def _write(self, place: int, content: bytes) -> None:
        for index, byte in enumerate(content):
            os.pwrite(self.fd, bytes([byte]), 2 * PAGE + (place + index) % SIZE)


@pytest.fixture
def writer() -> Iterator[Writer]:
    made = Writer()
    yield made
    os.close(made.fd)


@pytest.fixture
def ring(writer: Writer) -> Iterator[Ring]:
    made = Ring(writer.fd, SIZE, RECORD)
    yield made
    made.close()


def numbers(ring: Ring) -> list[int]:
    return [int(number) for number in ring.read()["number"]]


def test_records_come_once_in_their_order(writer: Writer, ring: Ring) -> None:
    assert numbers(ring) == []
    for number in range(5):
        writer.put(number)
    assert numbers(ring) == [0, 1, 2, 3, 4]
    assert numbers(ring) == []
    assert writer.consumed == writer.produced == 5 * STRIDE


def test_around_the_end_many_times(writer: Writer, ring: Ring) -> None:
    most = SIZE // STRIDE
    sent, got = 0, []
    for burst in [most, 1, most - 1, 3, most] * 8:
        for _ in range(burst):
            writer.put(sent)
            sent += 1
        got += numbers(ring)
    assert sent * STRIDE > 10 * SIZE
    assert SIZE % STRIDE, "records straddle the end"
    assert got == list(range(sent))


def test_a_record_being_written_holds_back_those_after_it(writer: Writer, ring: Ring) -> None:
    writer.put(1)
    slow = writer.put(2, busy=True)
    writer.put(3)
    assert numbers(ring) == [1]
    assert numbers(ring) == []
    writer.complete(slow)
    assert numbers(ring) == [2, 3]


def test_what_was_read_is_not_written_over(writer: Writer, ring: Ring) -> None:
    for number in range(5):
        writer.put(number)
    first = ring.read()
    for _ in range(SIZE // STRIDE):
        writer.put(99)
    assert first["number"].tolist() == [0, 1, 2, 3, 4]
