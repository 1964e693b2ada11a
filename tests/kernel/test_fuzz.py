"""Random frames into the real programs: where everything is denied, only what must pass does, and nothing is left
of the rest. FAIRWAY_FUZZ_FRAMES=1000000 (make fuzz) tries a million."""

import os
import random
import struct

import pytest

from fairway.agent.kernel import Kernel
from fairway.agent.obey import Enforcement
from fairway.wire.rules import CLOSED, PodRules, RuleTable
from fairway.wire.words import Mode, Posture
from support import frames as f
from support.pod import DROP, LOOPBACK, PASS, UID

FRAMES = int(os.environ.get("FAIRWAY_FUZZ_FRAMES", "50000"))
SHORTEST = {0x0800: 34, 0x86DD: 54}  # of what BPF_PROG_TEST_RUN takes; shorter ones are sent raw in test_agent
ETHERTYPES = (0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847, 0x88CC)
EXTENSIONS = (0, 43, 44, 51, 60)
DISCOVERY = range(133, 138)


def frame(rng: random.Random) -> bytes:
    while True:
        whole = any_frame(rng)
        if len(whole) >= SHORTEST.get(struct.unpack_from("!H", whole, 12)[0], 15):
            return whole


def any_frame(rng: random.Random) -> bytes:
    """Noise, noise behind an honest Ethernet header, or an honest packet with something done to it."""
    kind = rng.random()
    if kind < 0.1:
        return rng.randbytes(rng.randrange(15, 200))
    if kind < 0.3:
        return f.ethernet(rng.randbytes(rng.randrange(1, 200)), rng.choice(ETHERTYPES))
    return damaged(rng, packet(rng))


def packet(rng: random.Random) -> bytes:
    protocol = rng.choice((f.TCP, f.UDP, f.ICMP, f.ICMPV6, f.SCTP, rng.randrange(256)))
    if rng.random() < 0.5:
        fragment = rng.choice((0, 0, 0x2000, 0x4000, rng.randrange(1 << 16)))
        return f.ipv4(address(rng, 4), address(rng, 16, 4), protocol, inside(rng, protocol), fragment=fragment)
    chain, following = b"", protocol
    for _ in range(rng.choice((0, 0, 0, 1, 2, 4, 5, 8))):
        header = rng.choice(EXTENSIONS)
        if header == 44:
            part = f.fragment_header(following, rng.choice((0, 0, 1, 100)), rng.random() < 0.5)
        else:
            part = f.extension(following, rng.choice((0, 0, 0, 1, 3)))
        chain, following = part + chain, header
    hops = rng.choice((255, 255, 64, 1))
    return f.ipv6(address(rng, 6), address(rng, 6), following, chain + inside(rng, protocol), hops=hops)


def inside(rng: random.Random, protocol: int) -> bytes:
    if protocol == f.TCP:
        return f.tcp(rng.randrange(1 << 16), rng.randrange(1 << 16), rng.randrange(256))
    if protocol in (f.ICMP, f.ICMPV6):
        # An error has a packet inside: here one of a flow that nobody knows.
        error = packet(rng)[14:] if rng.random() < 0.3 else b""
        return f.icmp(rng.choice((*range(6), 11, 128, 129, *DISCOVERY)), rest=error + rng.randbytes(16))
    return f.udp(rng.randrange(1 << 16), rng.randrange(1 << 16), rng.randbytes(8))


def address(rng: random.Random, *versions: int) -> str:
    if versions[-1] == 6:
        return rng.choice(("2001:db8::1", "fe80::1", "ff02::1", "::1", "::ffff:10.0.0.1", "fe7f::1", "fec0::1"))
    return rng.choice(("10.0.1.130", "10.0.2.131", "255.255.255.255", "127.0.0.1", "0.0.0.0"))


def damaged(rng: random.Random, whole: bytes) -> bytes:
    """The packet, cut or with some bytes changed in half of all cases."""
    kind = rng.random()
    if kind < 0.2:
        return whole[: rng.randrange(15, len(whole) + 1)]
    if kind < 0.5:
        changed = bytearray(whole)
        for _ in range(rng.randrange(1, 5)):
            changed[rng.randrange(12, len(changed))] = rng.randrange(256)
        return bytes(changed)
    return whole


def must_pass(whole: bytes, *, to_pod: bool) -> bool:
    """ARP, and IPv6 neighbour discovery from the link: read here by hand, as the RFCs have it."""
    kind = struct.unpack_from("!H", whole, 12)[0]
    if kind == 0x0806:
        return True
    if kind != 0x86DD or len(whole) < 54 or whole[14] >> 4 != 6:
        return False
    remote = whole[22:38] if to_pod else whole[38:54]
    following, place, steps = whole[20], 54, 0
    while following in EXTENSIONS:
        if steps == 4 or len(whole) < place + 8:
            return False
        header, length = whole[place], whole[place + 1]
        if following == 44:
            if struct.unpack_from("!H", whole, place + 2)[0] & 0xFFF8:
                return False
            place += 8
        else:
            place += (length + 2) * 4 if following == 51 else (length + 1) * 8
        following, steps = header, steps + 1
    if following != f.ICMPV6 or len(whole) < place + 8:
        return False
    on_link = remote[0] == 0xFF or (remote[0] == 0xFE and remote[1] & 0xC0 == 0x80)
    return whole[place] in DISCOVERY and whole[21] == 255 and (to_pod or on_link)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("known", [True, False], ids=["a closed pod", "an unknown pod where the posture denies"])
def test_only_what_must_pass_does(kernel: Kernel, known: bool) -> None:
    rng, enforcement = random.Random(7), Enforcement(kernel)
    closed = PodRules(UID, active=(CLOSED, CLOSED), mode=(Mode.ENFORCE, Mode.ENFORCE))
    enforcement.obey(RuleTable(1, posture=Posture.DENY, pods=(closed,)))
    if known:
        enforcement.add(LOOPBACK, UID)
    passed = 0
    for number in range(FRAMES):
        whole, to_pod = frame(rng), number % 2 == 0
        verdict = kernel.run("fairway_to_pod" if to_pod else "fairway_from_pod", whole)
        expected = must_pass(whole, to_pod=to_pod)
        assert verdict == (PASS if expected else DROP), f"frame {number} to_pod={to_pod}: {whole.hex()}"
        passed += expected
        if to_pod and expected:  # perhaps a neighbour's question, which may be answered
            kernel.tables["askers"].remove(kernel.tables["askers"].read()[0])
    assert FRAMES / 200 < passed < FRAMES / 4, "both kinds were tried"
    assert len(kernel.tables["flows"].read()[0]) == 0
    assert kernel.counters()["denied"] == FRAMES - passed


@pytest.mark.timeout(1800)
def test_where_nothing_is_enforced_everything_passes(kernel: Kernel) -> None:
    rng, enforcement = random.Random(8), Enforcement(kernel)
    enforcement.obey(RuleTable(1))
    enforcement.add(LOOPBACK, UID)
    for number in range(FRAMES):
        whole = frame(rng)
        assert kernel.run("fairway_to_pod" if number % 2 else "fairway_from_pod", whole) == PASS, whole.hex()
    assert kernel.counters()["denied"] == 0
