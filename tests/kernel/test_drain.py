"""Intervals are differences: entries written into the kernel's own tables, read again and again."""

import numpy as np
import pytest

from fairway.agent.drain import COUNTED, DenialDrain, FlowDrain
from fairway.agent.kernel import Kernel
from fairway.wire.address import packed

HZ = 250
TCP, UDP, ICMP = 6, 17, 1
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


class Flows:
    """Entries of a kernel's flow table, by local port."""

    def __init__(self, kernel: Kernel) -> None:
        self.table = kernel.tables["flows"]

    def key(self, port: int, protocol: int = TCP) -> np.ndarray:
        key = np.zeros(1, self.table.key)
        key["ifindex"], key["local_port"], key["remote_port"] = 1, port, 443
        key["family"], key["protocol"] = 4, protocol
        key["remote"] = np.frombuffer(packed("10.0.0.1"), "V16")[0]
        return key

    def write(self, port: int, protocol: int = TCP, **fields: int) -> None:
        value = np.zeros(1, self.table.value)
        for name, number in fields.items():
            value[name] = number
        self.table.set(self.key(port, protocol), value)

    def ports(self) -> set[int]:
        return set(self.table.read()[0]["local_port"].tolist())


@pytest.fixture
def flows(kernel: Kernel) -> Flows:
    return Flows(kernel)


@pytest.fixture
def drain(kernel: Kernel) -> FlowDrain:
    return FlowDrain(kernel)


def told(drain: FlowDrain) -> dict[int, dict[str, int]]:
    """What moved, by local port: the counters that are not zero."""
    keys, values, deltas = drain.read()
    assert len(keys) == len(values) == len(deltas)
    return {
        int(key["local_port"]): {name: int(delta[name]) for name in delta.dtype.names if delta[name]}
        for key, delta in zip(keys, deltas, strict=True)
    }


def test_an_interval_is_what_was_added_since(flows: Flows, drain: FlowDrain) -> None:
    assert told(drain) == {}
    flows.write(1, first=5, tx_packets=3, rx_packets=2, tx_bytes=300, rx_bytes=200, connections=1)
    flows.write(2, first=5, tx_packets=1, tx_bytes=60)
    assert told(drain) == {
        1: {"tx_packets": 3, "rx_packets": 2, "tx_bytes": 300, "rx_bytes": 200, "connections": 1},
        2: {"tx_packets": 1, "tx_bytes": 60},
    }
    assert told(drain) == {}, "nothing moved"
    flows.write(1, first=5, tx_packets=4, rx_packets=2, tx_bytes=352, rx_bytes=200, connections=2)
    assert told(drain) == {1: {"tx_packets": 1, "tx_bytes": 52, "connections": 1}}


def test_an_entry_that_was_evicted_starts_again(flows: Flows, drain: FlowDrain) -> None:
    flows.write(1, first=5, tx_packets=10, tx_bytes=1000)
    drain.read()
    flows.table.delete(flows.key(1))
    assert told(drain) == {}
    flows.write(1, first=9, tx_packets=3, tx_bytes=300)
    assert told(drain) == {1: {"tx_packets": 3, "tx_bytes": 300}}


@pytest.mark.parametrize("packets", [3, 10, 12])
def test_and_so_does_one_that_came_again_between_two_readings(flows: Flows, drain: FlowDrain, packets: int) -> None:
    flows.write(1, first=5, tx_packets=10, tx_bytes=1000)
    drain.read()
    flows.write(1, first=6, tx_packets=packets, tx_bytes=packets * 50)
    assert told(drain) == {1: {"tx_packets": packets, "tx_bytes": packets * 50}}


def test_one_that_came_again_within_the_same_jiffy_is_told_by_its_counters(flows: Flows, drain: FlowDrain) -> None:
    flows.write(1, first=5, tx_packets=10, tx_bytes=1000, rx_packets=1, rx_bytes=60)
    drain.read()
    flows.write(1, first=5, tx_packets=2, tx_bytes=120, rx_packets=2, rx_bytes=120)
    assert told(drain) == {1: {"tx_packets": 2, "tx_bytes": 120, "rx_packets": 2, "rx_bytes": 120}}


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ((0, 0), (2, 0), 2),
        ((2, 0), (5, 0), 3),
        ((2, 0), (0, 2), 0),  # the tuple's next connection: what was counted moves over
        ((2, 0), (1, 2), 1),
        ((2, 4), (3, 6), 3),
        ((7, 0), (1, 0), 1),  # another socket on the tuple that nobody saw opened
    ],
)
def test_retransmissions(
    flows: Flows, drain: FlowDrain, before: tuple[int, int], after: tuple[int, int], again: int
) -> None:
    flows.write(1, first=5, tx_packets=1, retransmitted=before[0], retransmitted_before=before[1])
    drain.read()
    flows.write(1, first=5, tx_packets=2, retransmitted=after[0], retransmitted_before=after[1])
    assert told(drain)[1].get("retransmissions", 0) == again


def test_sums_over_many_readings_are_the_counters(flows: Flows, drain: FlowDrain) -> None:
    rng = np.random.default_rng(1)
    counters = np.zeros((50, len(COUNTED)), "u8")
    sums = np.zeros_like(counters)
    for _ in range(10):
        for port in rng.choice(50, 20, replace=False):
            counters[port] += rng.integers(0, 100, len(COUNTED), "u8")
            flows.write(int(port), first=1, **dict(zip(COUNTED, map(int, counters[port]), strict=True)))
        for port, delta in told(drain).items():
            sums[port] += np.array([delta.get(name, 0) for name in COUNTED], "u8")
    assert np.array_equal(sums, counters)


@pytest.mark.parametrize(
    ("protocol", "flags", "seconds"),
    [
        (TCP, SYN | ACK, 4 * 3600),
        (TCP, SYN | ACK | FIN, 30),
        (TCP, SYN | RST, 30),
        (UDP, 0, 300),
        (UDP, FIN, 300),
        (ICMP, 0, 60),
    ],
)
def test_what_nothing_used_for_long_is_forgotten(
    flows: Flows, drain: FlowDrain, protocol: int, flags: int, seconds: int
) -> None:
    now = 100_000_000
    flows.write(1, protocol, last=now - seconds * HZ, tcp_flags=flags)
    flows.write(2, protocol, last=now - seconds * HZ - 1, tcp_flags=flags)
    drain.read()
    assert drain.forget_idle(now, HZ) == 1
    assert flows.ports() == {1}


def test_nothing_is_forgotten_just_after_the_machine_started(flows: Flows, drain: FlowDrain) -> None:
    flows.write(1, ICMP, last=10)
    drain.read()
    for now in (0, 10, 60 * HZ):
        assert drain.forget_idle(now, HZ) == 0
    assert flows.ports() == {1}


def test_denials(kernel: Kernel, flows: Flows) -> None:
    table, drain = kernel.tables["denials"], DenialDrain(kernel.tables["denials"])

    def deny(port: int, packets: int, first: int = 5) -> None:
        value = np.zeros(1, table.value)
        value["packets"], value["first"] = packets, first
        table.set(flows.key(port), value)

    def moved() -> dict[int, int]:
        keys, values, packets = drain.read()
        assert values["packets"].tolist() >= packets.tolist()
        return dict(zip(keys["local_port"].tolist(), packets.tolist(), strict=True))

    assert moved() == {}
    deny(1, 3)
    deny(2, 1)
    assert moved() == {1: 3, 2: 1}
    deny(1, 10)
    assert moved() == {1: 7}
    deny(2, 4, first=8)
    assert moved() == {2: 4}, "evicted and denied again"
    table.delete(flows.key(1))
    assert moved() == {}
    deny(1, 2, first=9)
    assert moved() == {1: 2}
