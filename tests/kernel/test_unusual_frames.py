"""Tags before the IP header, protocols without sockets here: judged and counted like any other packet."""

import struct
import sys
import time

import pytest

from fairway.agent.kernel import Kernel
from fairway.wire.rules import ANY, FIRST_POLICY, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode
from support import frames as f
from support.pod import PodUnderTest, allow
from support.watched import Watched, watch

PEER, PEER6 = "10.0.2.131", "2001:db8:0:2::101"
Q, AD = 0x8100, 0x88A8  # IEEE 802.1Q, 802.1ad


def tagged(frame: bytes, *tags: int) -> bytes:
    """The frame with VLAN tags, the outermost first."""
    return frame[:12] + b"".join(struct.pack("!HH", tag, 5) for tag in tags) + frame[12:]


@pytest.mark.parametrize("tags", [(Q,), (AD,), (AD, Q), (Q, Q)])
@pytest.mark.parametrize("peer", [PEER, PEER6])
def test_tagged_packets_are_judged_by_what_they_carry(pod: PodUnderTest, peer: str, tags: tuple[int, ...]) -> None:
    own = pod.address6 if ":" in peer else pod.address
    pod.rules(allow(Direction.EGRESS, 80))
    frame = f.ip(own, peer, f.TCP, f.tcp(40000, 80))
    assert pod.sends(tagged(frame, *tags))
    assert not pod.sends(tagged(f.ip(own, peer, f.TCP, f.tcp(40000, 81)), *tags))
    flow = pod.flow(remote_port=80)
    assert flow["tx_bytes"] == len(frame) - 14, "IP bytes: tags are the link's"


def test_tags_do_not_hide_extension_headers_or_fragments(pod: PodUnderTest) -> None:
    pod.rules(allow(Direction.EGRESS, 80))
    inside = f.extension(f.TCP) + f.tcp(40000, 80)
    assert pod.sends(tagged(f.ipv6(pod.address6, PEER6, 0, inside), AD, Q))
    assert not pod.sends(tagged(f.ipv6(pod.address6, PEER6, 0, f.extension(f.TCP) + f.tcp(40000, 81)), AD, Q))
    later = f.ipv4(pod.address, PEER, f.TCP, bytes(64), fragment=100)
    assert not pod.sends(tagged(later, Q)), "its first one was not seen"


@pytest.mark.parametrize("content", [(Q, Q, Q), (AD, Q, 0x88CC)])
def test_more_than_two_tags_are_no_ip(pod: PodUnderTest, content: tuple[int, ...]) -> None:
    pod.rules(allow(Direction.EGRESS, 80))
    assert not pod.sends(tagged(f.ip(pod.address, PEER, f.TCP, f.tcp(40000, 80)), *content))
    assert pod.kernel.counters()["packets_not_ip"] == 1


SEND = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind(("eth0", 0))
    for frame in sys.argv[1:]:
        s.send(bytes.fromhex(frame))
"""


def send(watched: Watched, *frames: bytes) -> None:
    watched.client.run(sys.executable, "-c", SEND, *(frame.hex() for frame in frames))


def enforced(watched: Watched, protocol: int) -> None:
    """The first pod may open port 80 of one protocol."""
    rules = PodRules("uid-0", active=(0, FIRST_POLICY), mode=(Mode.OFF, Mode.ENFORCE))
    row = Row(FIRST_POLICY, ANY, Direction.EGRESS, protocol, 80, 80, 0)
    watched.obey(RuleTable(1, rows=(row,), pods=(rules,)))


def seen(watched: Watched, table: str, protocol: int) -> set[tuple[str, int]]:
    """Interfaces and server ports of what a table has."""
    keys, _ = watched.kernel.tables[table].read()
    names = {number: name for name, number in watched.interfaces.items()}
    return {
        (names[int(k["ifindex"])], min(int(k["local_port"]), int(k["remote_port"])))
        for k in keys
        if k["protocol"] == protocol
    }


@pytest.mark.parametrize("tags", [(), (Q,), (AD, Q)])
@pytest.mark.parametrize("protocol", [f.SCTP, f.UDP])
def test_on_a_real_interface(kernel: Kernel, protocol: int, tags: tuple[int, ...]) -> None:
    """The stack takes the outer tag off before our program runs; it delivers no tagged packet to the other pod."""
    with watch(kernel) as watched:
        enforced(watched, protocol)
        node = "020000000001"
        frames = []
        for port in (80, 81):
            header = struct.pack("!HHII", 40000, port, 1, 0) if protocol == f.SCTP else f.udp(40000, port)
            frame = bytearray(f.ipv4(watched.client.v4, watched.server.v4, protocol, header))
            frame[:6] = bytes.fromhex(node)
            frame[24:26] = checksum(bytes(frame[14:34]))
            frames.append(tagged(bytes(frame), *tags))
        send(watched, *frames)
        expected = {("pod0", 80)} | ({("pod1", 80)} if not tags else set())
        deadline = time.monotonic() + 5
        while seen(watched, "flows", protocol) != expected and time.monotonic() < deadline:
            time.sleep(0.02)
        assert seen(watched, "flows", protocol) == expected
        assert seen(watched, "denials", protocol) == {("pod0", 81)}


def checksum(header: bytes) -> bytes:
    """RFC 1071, over an IPv4 header whose own checksum is zero."""
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
