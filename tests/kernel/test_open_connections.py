"""Connections that are open while something changes: rules, time, the path; what a tuple's next one inherits."""

import sys

import pytest

from fairway.agent.drain import FlowDrain
from fairway.agent.kernel import Kernel
from fairway.wire.rules import ANY, FIRST_POLICY, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Initiator, Mode, Verdict
from support import frames as f
from support.pod import PodUnderTest, allow
from support.watched import PORT, Watched, echo, running, watch

PEER = "10.0.2.131"
INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
HZ = 1000


def segment(pod: PodUnderTest, flags: int = f.ACK, *, reply: bool = False, port: int = 80) -> bytes:
    if reply:
        return f.ip(PEER, pod.address, f.TCP, f.tcp(port, 40000, flags))
    return f.ip(pod.address, PEER, f.TCP, f.tcp(40000, port, flags))


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("protocol", [f.TCP, f.UDP])
def test_a_change_of_rules_cuts_or_keeps_what_is_open(pod: PodUnderTest, protocol: int, keep: bool) -> None:
    pod.enforcement.keep_open = keep
    pod.rules(allow(EGRESS, 80, protocol=protocol))
    pod.opens(PEER, protocol, 80, 40000)
    pod.rules()
    later = f.tcp(40000, 80, f.ACK) if protocol == f.TCP else f.udp(40000, 80)
    assert pod.sends(f.ip(pod.address, PEER, protocol, later)) is keep
    back = f.tcp(80, 40000, f.ACK) if protocol == f.TCP else f.udp(80, 40000)
    assert pod.gets(f.ip(PEER, pod.address, protocol, back)) is keep
    assert not pod.opens(PEER, protocol, 80, 40001), "the next connection is judged by the new rules"


def test_what_is_kept_ends_with_the_connection(pod: PodUnderTest) -> None:
    pod.enforcement.keep_open = True
    pod.rules(allow(EGRESS, 80))
    pod.opens(PEER, f.TCP, 80, 40000)
    pod.gets(segment(pod, f.SYN | f.ACK, reply=True))
    for _ in range(3):
        pod.rules()
        assert pod.sends(segment(pod)), "kept through one change after the other"
    assert not pod.sends(segment(pod, f.SYN)), "a new SYN on the tuple is a new connection"


def test_what_is_kept_is_still_judged_on_trial(pod: PodUnderTest) -> None:
    pod.enforcement.keep_open = True
    pod.rules(allow(EGRESS, 80))
    pod.opens(PEER, f.TCP, 80, 40000)
    pods = (PodRules("pod", active=(16, 16), staged=(16, 16), mode=(Mode.ENFORCE, Mode.ENFORCE)),)
    pod.obey(RuleTable(revision=9, pods=pods))
    assert pod.sends(segment(pod))
    assert pod.flow(remote_port=80)["verdict"].tolist() == [Verdict.ALLOW, Verdict.DENY]


def test_a_syn_is_retried_until_a_rule_arrives(pod: PodUnderTest) -> None:
    pod.rules()
    for _ in range(3):
        assert not pod.sends(segment(pod, f.SYN))
    pod.rules(allow(EGRESS, 80))
    assert pod.sends(segment(pod, f.SYN))
    assert pod.gets(segment(pod, f.SYN | f.ACK, reply=True))
    flow = pod.flow(remote_port=80)
    assert (flow["connections"], flow["established"], flow["handshake_retransmitted"]) == (1, 1, 0)


@pytest.mark.parametrize("end", [f.RST, f.FIN | f.ACK])
def test_a_tuples_next_connection_inherits_nothing(pod: PodUnderTest, end: int) -> None:
    pod.rules(allow(EGRESS, 80), allow(INGRESS, 40000))
    pod.opens(PEER, f.TCP, 80, 40000)
    pod.gets(segment(pod, f.SYN | f.ACK, reply=True))
    pod.sends(segment(pod, end))
    assert pod.gets(segment(pod, f.SYN, reply=True)), "the other side opens one on the same tuple"
    flow = pod.flow(remote_port=80)
    assert (flow["connections"], flow["initiator"]) == (2, Initiator.REMOTE)
    pod.rules(allow(EGRESS, 80))
    assert not pod.sends(segment(pod)), "judged by who opened it now"


def test_a_syn_with_explicit_congestion_notification_is_a_syn(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 80))
    for _ in range(2):
        assert pod.sends(segment(pod, f.SYN | 0xC0))  # ECE and CWR: RFC 3168 section 6.1.1
    flow = pod.flow(remote_port=80)
    assert (flow["connections"], flow["handshake_retransmitted"]) == (1, 1)


def idle(pod: PodUnderTest, hours: float) -> None:
    """Let that time go by for every flow."""
    drain = FlowDrain(pod.kernel)
    _, values, _ = drain.read()
    drain.forget_idle(int(values["last"].max()) + int(hours * 3600 * HZ), HZ)


@pytest.mark.parametrize("hours", [3.9, 4.1])
def test_tcp_that_was_idle_for_hours_goes_on(pod: PodUnderTest, hours: float) -> None:
    """Past the time an entry is kept, it is found in mid-stream: it goes on if either direction allows it."""
    pod.rules(allow(EGRESS, 80))
    pod.opens(PEER, f.TCP, 80, 40000)
    pod.gets(segment(pod, f.SYN | f.ACK, reply=True))
    idle(pod, hours)
    assert pod.gets(segment(pod, reply=True)), "the server speaks first"
    assert pod.sends(segment(pod))
    assert pod.flow(remote_port=80)["initiator"] == (Initiator.POD if hours < 4 else Initiator.UNKNOWN)
    pod.rules()
    assert not pod.sends(segment(pod))


@pytest.mark.parametrize(("minutes", "passes"), [(4.9, True), (5.1, False)])
def test_udp_that_was_idle_is_a_new_question(pod: PodUnderTest, minutes: float, passes: bool) -> None:
    pod.rules(allow(EGRESS, 53, protocol=f.UDP))
    pod.opens(PEER, f.UDP, 53, 40000)
    idle(pod, minutes / 60)
    assert pod.gets(f.ip(PEER, pod.address, f.UDP, f.udp(53, 40000))) is passes, "an answer that late is nobody's"
    assert pod.opens(PEER, f.UDP, 53, 40000)


def enforced(watched: Watched, *ports: int, revision: int = 1) -> None:
    rows = tuple(Row(FIRST_POLICY, ANY, EGRESS, f.TCP, port, port, 0) for port in ports)
    rules = PodRules("uid-0", active=(FIRST_POLICY, FIRST_POLICY), mode=(Mode.ENFORCE, Mode.ENFORCE))
    watched.obey(RuleTable(revision, rows=rows, pods=(rules,)))


def test_a_narrow_path_is_found_under_enforcement(kernel: Kernel) -> None:
    """The node says that packets are too big; without its word the connection would hang."""
    send = "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5); s.settimeout(5);"
    send += "s.sendall(bytes(100_000)); s.shutdown(1)\nwhile s.recv(65536): pass\nprint(s.getsockopt(6, 2))"
    with watch(kernel) as watched:
        for address, narrow in ((watched.server.v4, "1280"), (watched.server.v6, "1380")):
            watched.net.node.run("ip", "link", "set", "pod1", "mtu", narrow)
            enforced(watched, PORT)
            server = "import socket;s=socket.create_server(('',8080),family=socket.AF_INET6,dualstack_ipv6=True);"
            server += "print('up',flush=True);c,_=s.accept()\nwhile c.recv(65536): pass"
            with running(watched.server, sys.executable, "-c", server, ready="up"):
                size = int(watched.client.run(sys.executable, "-c", send, address, str(PORT)).stdout)
            assert size < int(narrow)


@pytest.mark.parametrize("keep", [False, True])
def test_a_real_connection_through_a_change_of_rules(kernel: Kernel, keep: bool) -> None:
    talk = (
        "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5); s.settimeout(0.5)\n"
    )
    talk += "s.send(b'x'); print(s.recv(1), flush=True); sys.stdin.readline(); s.send(b'y'); print(s.recv(1))"
    with watch(kernel) as watched, echo(watched.server):
        watched.enforcement.keep_open = keep
        enforced(watched, PORT)
        command = (sys.executable, "-c", talk, watched.server.v4, str(PORT))
        with running(watched.client, *command, ready="b'x'") as process:
            enforced(watched, revision=2)
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout
            assert ("b'y'" in process.stdout.read()) is keep
