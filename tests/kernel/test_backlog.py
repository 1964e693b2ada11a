"""Events come out of the kernel also while their reader is busy, in order, and not without bound."""

import time
from collections.abc import Iterator

import pytest

from fairway.agent.backlog import Backlog
from fairway.agent.kernel import Kernel
from fairway.agent.ring import Ring
from support import frames as f
from support.pod import PodUnderTest


@pytest.fixture
def kernel(kernel: Kernel) -> Iterator[Kernel]:
    """With a ring of 16 KiB, which a few hundred events fill."""
    small = Kernel(sizes={"events": 1 << 14})
    yield small
    small.close()


def connect(pod: PodUnderTest, number: int) -> None:
    assert pod.opens(f"10.1.{number >> 8}.{number & 255}", f.UDP, 53, 1024 + number)


def ring_of(kernel: Kernel) -> Ring:
    return Ring(kernel.fds["events"], kernel.ring_bytes, kernel.event)


def numbers(backlog: Backlog) -> list[int]:
    return [int(port) - 1024 for port in backlog.read()["key"]["local_port"]]


def wait_until_kept(backlog: Backlog, sent: int) -> None:
    deadline = time.monotonic() + 10
    while sum(map(len, backlog._kept)) < sent:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_reader_that_is_busy_misses_nothing(kernel: Kernel, pod: PodUnderTest) -> None:
    backlog, sent = Backlog(ring_of(kernel)), 0
    for _ in range(10):
        for _ in range(150):
            connect(pod, sent)
            sent += 1
        wait_until_kept(backlog, sent)
    connect(pod, sent)
    assert sent * kernel.event.itemsize > 4 * kernel.ring_bytes
    assert numbers(backlog) == list(range(sent + 1))
    assert kernel.counters()["events_lost"] == 0
    assert numbers(backlog) == []
    backlog.close()


def test_memory_is_bounded_and_the_ring_counts_the_rest(kernel: Kernel, pod: PodUnderTest) -> None:
    backlog = Backlog(ring_of(kernel), most=100)
    for number in range(120):
        connect(pod, number)
    wait_until_kept(backlog, 120)
    for number in range(120, 720):
        connect(pod, number)
    got = numbers(backlog)
    assert got == list(range(len(got)))
    assert len(got) + kernel.counters()["events_lost"] == 720
    assert 120 < len(got) < 720
    backlog.close()
