"""More flows than the table holds: what moved much is told, also when it is pushed out before anybody looks."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from fairway.agent.drain import FlowDrain
from fairway.agent.kernel import Kernel
from fairway.agent.ring import Ring
from support import frames as f
from support.pod import PodUnderTest

PEER, SPILL, PART = "10.0.2.131", 12 << 10, 256
SIZE = 1400
EACH = SPILL // (SIZE + 28) + 1
"""Packets of a record."""


@pytest.fixture(autouse=True)
def one_cpu() -> Iterator[None]:
    """Each CPU keeps some entries for itself, which a flood on another one does not push out."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture
def kernel(kernel: Kernel) -> Iterator[Kernel]:
    """With a table of 512 flows and a ring of 64 KiB."""
    small = Kernel(sizes={"flows": 512, "spills": 1 << 16})
    yield small
    small.close()


@pytest.fixture
def drain(kernel: Kernel) -> Iterator[FlowDrain]:
    ring = Ring(kernel.fds["spills"], 1 << 16, kernel.spill)
    yield FlowDrain(kernel, ring)
    ring.close()


def move(pod: PodUnderTest, port: int, packets: int) -> int:
    """The IP bytes that went."""
    frame = f.ip(pod.address, PEER, f.UDP, f.udp(port, 9000, bytes(SIZE)))
    for _ in range(packets):
        pod.sends(frame)
    return packets * (len(frame) - 14)


def flood(pod: PodUnderTest, flows: int = 3000) -> None:
    for port in range(flows):
        pod.sends(f.ip(pod.address, "10.0.3.1", f.UDP, f.udp(20000 + port, 9000)))


def told(drain: FlowDrain) -> dict[int, int]:
    """Bytes by local port, of the heavy ones."""
    keys, values, deltas = drain.read()
    assert len(keys) == len(values) == len(deltas)
    found: dict[int, int] = {}
    for key, delta in zip(keys, deltas, strict=True):
        if key["remote_port"] == 9000 and key["local_port"] < 20000:
            found[int(key["local_port"])] = found.get(int(key["local_port"]), 0) + int(delta["tx_bytes"])
    return found


def test_what_was_pushed_out_is_told_but_for_its_last_bytes(pod: PodUnderTest, drain: FlowDrain) -> None:
    sent = {port: move(pod, port, 250) for port in range(1, 11)}
    flood(pod)
    found = told(drain)
    keys, _ = pod.kernel.tables["flows"].read()
    assert not np.isin(keys["local_port"], list(sent)).any(), "the flood pushed them out"
    assert found.keys() == sent.keys()
    assert all(0 <= sent[port] - found[port] < SPILL for port in sent)
    assert told(drain) == {}, "told once"


def test_a_flow_that_comes_again_is_told_in_both_its_lives(pod: PodUnderTest, drain: FlowDrain) -> None:
    first = move(pod, 1, 250)
    told(drain)
    more = move(pod, 1, 100)
    flood(pod)
    again = move(pod, 1, 10)
    found = told(drain)[1]
    assert 0 <= more + again - found < SPILL
    assert first > found


def test_what_stays_in_the_table_is_told_by_the_table(pod: PodUnderTest, drain: FlowDrain) -> None:
    sent = move(pod, 1, 500)
    assert told(drain) == {1: sent}
    more = move(pod, 1, 100)
    assert told(drain) == {1: more}


def test_records_are_taken_in_time_and_told_in_the_interval(pod: PodUnderTest, drain: FlowDrain) -> None:
    """More of them than the ring holds, and the last one of each flow counts."""
    sent = {1: 0, 2: 0}
    for _ in range(8):
        for port in sent:
            sent[port] += move(pod, port, 40 * EACH)
        drain.listen()
    flood(pod)
    found = told(drain)
    assert pod.kernel.counters()["spills_lost"] == 0
    assert found.keys() == sent.keys()
    assert all(0 <= sent[port] - found[port] <= sent[port] / PART for port in sent)
    assert told(drain) == {}


def test_records_that_find_no_room_are_counted(pod: PodUnderTest, drain: FlowDrain) -> None:
    records = (1 << 16) // 160
    sent = {port: move(pod, port, records // 2 * EACH) for port in (1, 2, 3)}
    assert pod.kernel.counters()["spills_lost"] > 0
    assert told(drain) == sent
