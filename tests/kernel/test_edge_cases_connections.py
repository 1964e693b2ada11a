"""The lines of the list of edge cases that only packets can show: connections, fragments, pods that come and go.

The number in a test's id is that of the line; `test_verdicts.py` has more of the same numbers. No other evaluator
is asked: they judge the first packet of a connection, and these are about what comes before it and after it.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairway.agent.attach import Attachments
from fairway.agent.bpffs import ROOT
from fairway.agent.drain import FlowDrain
from fairway.agent.kernel import Kernel
from fairway.agent.netlink import Netlink
from fairway.agent.obey import Enforcement
from fairway.agent.pods import Pods
from fairway.wire.rules import CLOSED, FIRST_POLICY, NodePod, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode, Posture
from support import frames as f
from support.net import Net, ip, net, wire
from support.pod import LOOPBACK, UID, PodUnderTest, allow

PEER, PEER6, OTHER = "10.0.2.131", "2001:db8:0:2::101", "10.0.2.132"
INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
HZ = 250  # any: only differences count
both_families = pytest.mark.parametrize("peer", [PEER, PEER6], ids=["v4", "v6"])


def packet(protocol: int, sport: int, dport: int, *, first: bool = True) -> bytes:
    """Of a connection from `sport` to `dport`; not its `first`: of TCP without SYN, of ICMP a reply."""
    if protocol == f.TCP:
        return f.tcp(sport, dport, f.SYN if first else f.ACK)
    if protocol in (f.ICMP, f.ICMPV6):
        kinds = (8, 0) if protocol == f.ICMP else (128, 129)
        return f.icmp(kinds[0 if first else 1], id=40000)
    return f.udp(sport, dport)


@both_families
@pytest.mark.parametrize("opened", [EGRESS, INGRESS])
def test_np47_replies_pass_whatever_the_other_direction_says(
    pod: PodUnderTest, opened: Direction, peer: str
) -> None:
    own = pod.address6 if ":" in peer else pod.address
    ways = (pod.sends, own, peer), (pod.gets, peer, own)
    (there, *forth), (back, *home) = ways if opened is EGRESS else ways[::-1]
    pod.rules(allow(opened, 0, 65535, protocol=0))  # and nothing the other way
    for protocol in (f.TCP, f.UDP, f.SCTP, f.ICMPV6 if ":" in peer else f.ICMP):
        assert there(f.ip(*forth, protocol, packet(protocol, 40000, 80))), protocol
        assert back(f.ip(*home, protocol, packet(protocol, 80, 40000, first=False))), protocol
    assert not back(f.ip(*home, f.UDP, f.udp(80, 40001)))


def dns(pod: PodUnderTest, *, reply: bool = False) -> bool:
    if reply:
        return pod.gets(f.ipv4(PEER, pod.address, f.UDP, f.udp(53, 40000)))
    return pod.sends(f.ipv4(pod.address, PEER, f.UDP, f.udp(40000, 53)))


def age(pod: PodUnderTest, seconds: int) -> int:
    """Let the only flow be that old; the jiffies of now."""
    table = pod.kernel.tables["flows"]
    keys, values = table.read()
    now = int(values["last"][0])
    values["last"] -= seconds * HZ
    table.write(keys, values)
    return now


def test_np48_an_answer_after_its_flow_was_forgotten_is_dropped(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 53, protocol=f.UDP))
    assert dns(pod)
    now, drain = age(pod, 301), FlowDrain(pod.kernel)
    drain.read()
    assert drain.forget_idle(now, HZ) == 1
    assert not dns(pod, reply=True)
    assert dns(pod), "the next question opens it again"
    assert dns(pod, reply=True)


@pytest.mark.parametrize("reply", [False, True], ids=["by-a-question", "by-an-answer"])
def test_np48_traffic_keeps_a_flow(pod: PodUnderTest, reply: bool) -> None:
    pod.rules(allow(EGRESS, 53, protocol=f.UDP))
    assert dns(pod)
    now, drain = age(pod, 301), FlowDrain(pod.kernel)
    assert dns(pod, reply=reply)
    drain.read()
    assert drain.forget_idle(now, HZ) == 0
    assert dns(pod, reply=True)


def test_np48_a_long_quiet_flow_is_not_forgotten_too_soon(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 53, protocol=f.UDP))
    assert dns(pod)
    now, drain = age(pod, 290), FlowDrain(pod.kernel)
    drain.read()
    assert drain.forget_idle(now, HZ) == 0
    assert dns(pod, reply=True)


@both_families
@pytest.mark.parametrize("sender", ["pod", "peer"])
def test_np49_connections_older_than_the_programs_are_cut_and_mended(
    pod: PodUnderTest, sender: str, peer: str
) -> None:
    """The first packet that the programs see is in mid-stream, of either end."""
    own = pod.address6 if ":" in peer else pod.address
    rows = allow(EGRESS, 80)

    def passes() -> bool:
        if sender == "pod":
            return pod.sends(f.ip(own, peer, f.TCP, f.tcp(40000, 80, f.ACK)))
        return pod.gets(f.ip(peer, own, f.TCP, f.tcp(80, 40000, f.ACK)))

    pod.rules(rows)
    before = passes()
    pod.rules()
    during = passes()
    pod.rules(rows)
    assert (before, during, passes()) == (True, False, True)


def test_np49_what_was_denied_opens_with_its_next_packet(pod: PodUnderTest) -> None:
    pod.rules()
    assert not pod.sends(f.ipv4(pod.address, PEER, f.TCP, f.tcp(40000, 80, f.ACK))), "older than the programs"
    assert not dns(pod)
    pod.rules(allow(EGRESS, 0, 65535, protocol=0))
    assert pod.sends(f.ipv4(pod.address, PEER, f.TCP, f.tcp(40000, 80, f.ACK)))
    assert dns(pod)


@pytest.mark.parametrize("protocol", [f.TCP, f.UDP])
def test_np50_an_old_tuple_is_judged_by_who_holds_the_address_now(pod: PodUnderTest, protocol: int) -> None:
    row = allow(EGRESS, 80, protocol=protocol, identity=5)
    pod.rules(row, exact=((PEER, 5), (OTHER, 6)))
    assert pod.opens(PEER, protocol, 80, 40000)
    pod.rules(row, exact=((PEER, 6), (OTHER, 5)))  # the address went to another pod
    assert not pod.opens(PEER, protocol, 80, 40000)
    assert pod.opens(OTHER, protocol, 80, 40000)


def test_np50_a_closed_connection_lends_its_tuple_to_nobody(pod: PodUnderTest) -> None:
    pod.rules(allow(INGRESS, 40000))
    assert pod.accepts(PEER, f.TCP, 40000, 80)
    for flags in (f.ACK, f.FIN | f.ACK):
        assert pod.sends(f.ipv4(pod.address, PEER, f.TCP, f.tcp(40000, 80, flags)))
    assert not pod.opens(PEER, f.TCP, 80, 40000), "the pod may not open what it may accept"
    assert pod.accepts(PEER, f.TCP, 40000, 80)


def fragment(src: str, dst: str, protocol: int, payload: bytes, offset: int, *, more: bool) -> bytes:
    """`offset` in units of eight bytes."""
    if ":" in src:
        return f.ipv6(src, dst, 44, f.fragment_header(protocol, offset, more) + payload)
    return f.ipv4(src, dst, protocol, payload, fragment=(0x2000 if more else 0) | offset, id=9)


@both_families
@pytest.mark.parametrize("ports", [(80, 80), (1, 65535), (0, 65535)], ids=["one", "all-but-0", "all"])
def test_np60_a_later_fragment_without_its_first_is_no_port_0(
    pod: PodUnderTest, ports: tuple[int, int], peer: str
) -> None:
    own = pod.address6 if ":" in peer else pod.address
    protocols = (f.TCP, f.UDP, f.SCTP)
    pod.rules(*(allow(INGRESS, *ports, protocol=protocol) for protocol in protocols))
    for protocol in protocols:
        first = fragment(peer, own, protocol, packet(protocol, 40000, 80) + bytes(64), 0, more=True)
        later = fragment(peer, own, protocol, bytes(64), 10, more=False)
        assert [pod.gets(frame) for frame in (later, first, later)] == [False, True, True], protocol


@both_families
def test_np60_fragments_of_what_is_denied_are_denied(pod: PodUnderTest, peer: str) -> None:
    own = pod.address6 if ":" in peer else pod.address
    pod.rules(allow(INGRESS, 80, protocol=f.UDP))
    first = fragment(peer, own, f.UDP, f.udp(40000, 81, bytes(64)), 0, more=True)
    later = fragment(peer, own, f.UDP, bytes(64), 9, more=False)
    assert [pod.gets(frame) for frame in (first, later)] == [False, False]


@both_families
def test_np60_a_first_fragment_too_short_for_its_ports_fails_closed(pod: PodUnderTest, peer: str) -> None:
    """RFC 1858: the flags of TCP would come with the second one."""
    own = pod.address6 if ":" in peer else pod.address
    pod.rules(allow(INGRESS, 0, 65535))
    assert not pod.gets(fragment(peer, own, f.TCP, f.tcp(40000, 80)[:8], 0, more=True))


@pytest.mark.parametrize("posture", list(Posture))
def test_np45_a_pod_without_rules_yet_gets_the_posture(pod: PodUnderTest, posture: Posture) -> None:
    pod.enforcement.obey(RuleTable(revision=1, posture=posture))
    pod.enforcement.add(LOOPBACK, "of a later table")
    open_for_now = posture is Posture.ALLOW
    assert pod.opens(PEER, f.TCP, 80, 40000) is open_for_now
    isolated = PodRules("of a later table", active=(FIRST_POLICY, CLOSED), mode=(Mode.ENFORCE, Mode.ENFORCE))
    pod.enforcement.obey(RuleTable(revision=2, posture=posture, pods=(isolated,), rows=(allow(INGRESS, 80),)))
    assert not pod.opens(PEER, f.TCP, 80, 40000)
    assert pod.accepts(PEER, f.TCP, 80, 40001)


def test_np45_a_pod_known_before_its_rules_waits_closed(pod: PodUnderTest) -> None:
    """Isolated first, allowed later: while allow rules lag nothing passes."""
    pod.rules()
    assert not pod.accepts(PEER, f.TCP, 80, 40000)
    pod.rules(allow(INGRESS, 80))
    assert pod.accepts(PEER, f.TCP, 80, 40000)


def test_np44_the_next_pod_of_the_name_has_its_own_rules(pod: PodUnderTest) -> None:
    """Pods are told apart by uid: an interface that changes hands keeps neither rules nor connections."""
    modes = {"mode": (Mode.ENFORCE, Mode.ENFORCE)}
    before, after = PodRules(UID, (FIRST_POLICY, 17), **modes), PodRules("next", (FIRST_POLICY, 18), **modes)
    row = Row(17, 0, EGRESS, f.TCP, 80, 80, 1)
    pod.obey(RuleTable(revision=1, pods=(before, after), rows=(row,)))
    assert pod.opens(PEER, f.TCP, 80, 40000)
    pod.enforcement.remove(LOOPBACK)
    pod.enforcement.add(LOOPBACK, "next")
    assert not pod.sends(f.ipv4(pod.address, PEER, f.TCP, f.tcp(40000, 80, f.ACK)))


class Restarts:
    """Pods of one name and address, one after the other. Who is called `isolated` lets nobody in."""

    def __init__(self, made: Net, pods: Pods, pinned: Path) -> None:
        self.made, self.pods, self.pinned, self.host = made, pods, pinned, made.pods[0]
        closed = PodRules("isolated", (FIRST_POLICY, FIRST_POLICY), mode=(Mode.ENFORCE, Mode.ENFORCE))
        pods.enforcement.obey(RuleTable(revision=1, pods=(closed,)))

    def tell(self, uid: str) -> None:
        """Who holds the address."""
        pod = NodePod(uid, "test", "same-name", (self.host.v4, self.host.v6))
        self.made.node.inside(lambda: self.pods.update((pod,)))

    def reached(self) -> bool:
        command = ("sh", "-c", f"ping -c1 -W1 {self.host.v4} >/dev/null && echo yes || echo no")
        return self.made.node.run(*command).stdout == "yes\n"

    def restart(self) -> None:
        ip("link del pod0", namespace=self.made.node.namespace)
        wire(self.made.node, self.host, "pod0")


@pytest.fixture
def restarts(kernel: Kernel) -> Iterator[Restarts]:
    """A node with a pod, and the agent's part that looks after interfaces, with pins."""
    pins = ROOT / f"fairway-edges-{os.getpid()}"
    with net(pods=1) as made:
        programs = {way: kernel.program(f"fairway_{way}") for way in ("from_pod", "to_pod")}
        opened: list[Pods] = []
        made.node.inside(lambda: opened.append(Pods(Netlink(), Attachments(programs, pins), Enforcement(kernel))))
        try:
            yield Restarts(made, opened[0], pins / "links")
        finally:
            opened[0].attachments.close()
            opened[0].close()
            shutil.rmtree(pins, ignore_errors=True)


def test_np44_np45_a_restarted_pod_is_judged_from_its_first_packet(restarts: Restarts) -> None:
    restarts.tell("open")
    assert restarts.reached()
    restarts.restart()
    restarts.tell("isolated")
    assert not restarts.reached()
    pinned = {path.name.partition("-")[0] for path in restarts.pinned.iterdir()}
    assert pinned <= {str(interface) for interface in restarts.pods.by_interface}, "one of before is left"


def test_np44_an_interface_that_changes_hands_is_never_without_programs(restarts: Restarts) -> None:
    restarts.tell("open")
    assert restarts.reached()
    restarts.tell("isolated")
    assert not restarts.reached()
    restarts.tell("open")
    assert restarts.reached()


def test_np44_an_interface_that_was_let_go_can_be_taken_at_once(restarts: Restarts) -> None:
    restarts.tell("isolated")
    (interface,) = restarts.pods.by_interface

    def again() -> None:
        for _ in range(20):
            restarts.pods.attachments.detach(interface)
            restarts.pods.attachments.attach(interface)

    restarts.made.node.inside(again)
    assert not restarts.reached()
