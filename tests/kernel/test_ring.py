"""The kernel's ring of events: around it many times, nothing lost, nothing doubled; what did not fit is counted."""

from collections.abc import Iterator

import pytest

from fairway.agent.kernel import Kernel
from fairway.agent.ring import Ring
from support import frames as f
from support.pod import PodUnderTest

SMALL = 1 << 14


@pytest.fixture
def kernel(kernel: Kernel) -> Iterator[Kernel]:
    """With a ring of 16 KiB, which a few hundred events fill."""
    small = Kernel(sizes={"events": SMALL})
    yield small
    small.close()


@pytest.fixture
def ring(kernel: Kernel) -> Iterator[Ring]:
    made = Ring(kernel.fds["events"], kernel.ring_bytes, kernel.event)
    yield made
    made.close()


def connect(pod: PodUnderTest, number: int) -> None:
    """Connection `number`, which is told once: its port and its peer's last bytes tell which one it was."""
    assert pod.opens(f"10.1.{number >> 8}.{number & 255}", f.UDP, 53, 1024 + number)


def ports(ring: Ring) -> list[int]:
    return [int(port) - 1024 for port in ring.read()["key"]["local_port"]]


def test_every_event_comes_once_however_often_the_ring_goes_around(
    kernel: Kernel, pod: PodUnderTest, ring: Ring
) -> None:
    assert kernel.ring_bytes == SMALL
    sent, got = 0, []
    for burst in [100, 1, 37, 150, 3] * 6:
        for _ in range(burst):
            connect(pod, sent)
            sent += 1
        got += ports(ring)
    assert sent * kernel.event.itemsize > 4 * SMALL
    assert got == list(range(sent))
    assert kernel.counters()["events_lost"] == 0


def test_a_full_ring_keeps_the_oldest_and_counts_the_rest(kernel: Kernel, pod: PodUnderTest, ring: Ring) -> None:
    for number in range(400):
        connect(pod, number)
    got = ports(ring)
    assert got == list(range(len(got)))
    assert 0 < len(got) < 400
    assert kernel.counters()["events_lost"] == 400 - len(got)
    connect(pod, 400)
    assert ports(ring) == [400], "and goes on when there is room again"
