"""What the programs do with single frames: modes, slots, state, and what always passes."""

import pytest

from fairway.wire.rules import CLOSED, OPEN, PodRules, RuleTable
from fairway.wire.words import Direction, Initiator, Mode, Posture, Reason, Verdict
from support import frames as f
from support.pod import UID, PodUnderTest, allow

PEER = "10.0.2.131"
PEER6 = "2001:db8:0:2::101"
INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS


def syn(src: str, dst: str, sport: int, dport: int, flags: int = f.SYN) -> bytes:
    return f.ip(src, dst, f.TCP, f.tcp(sport, dport, flags))


@pytest.mark.every_kernel
@pytest.mark.parametrize("peer", [PEER, PEER6])
@pytest.mark.parametrize(("mode", "passes"), [(Mode.OFF, True), (Mode.AUDIT, True), (Mode.ENFORCE, False)])
def test_a_connection_without_a_rule(pod: PodUnderTest, mode: Mode, passes: bool, peer: str) -> None:
    pod.rules(mode=mode)
    assert pod.opens(peer, f.TCP, 5432, 40000) is passes
    assert pod.accepts(peer, f.TCP, 5432, 40001) is passes


@pytest.mark.every_kernel
def test_an_audited_denial_is_kept_with_its_reason(pod: PodUnderTest) -> None:
    pod.rules(mode=Mode.AUDIT)
    pod.opens(PEER, f.TCP, 5432, 40000)
    flow = pod.flow(remote_port=5432)
    assert (flow["verdict"][0], flow["reason"][0]) == (Verdict.DENY, Reason.NO_RULE)
    assert pod.kernel.counters()["would_deny"] == 1


@pytest.mark.parametrize(
    ("port", "passes"), [(7999, False), (8000, True), (8042, True), (8095, True), (8096, False)]
)
def test_a_range_of_ports(pod: PodUnderTest, port: int, passes: bool) -> None:
    pod.rules(allow(EGRESS, 8000, 8095))
    assert pod.opens(PEER, f.TCP, port, 40000) is passes


@pytest.mark.parametrize("protocol", [f.TCP, f.UDP, f.SCTP, f.ICMP])
@pytest.mark.parametrize("allowed", [f.TCP, f.UDP, f.SCTP, 0])
def test_a_protocol_opens_itself_only(pod: PodUnderTest, protocol: int, allowed: int) -> None:
    pod.rules(allow(EGRESS, 0, 65535, protocol=allowed))
    assert pod.opens(PEER, protocol, 80, 40000) is (allowed in (protocol, 0))


@pytest.mark.every_kernel
def test_identities_by_address_and_by_network(pod: PodUnderTest) -> None:
    pod.rules(
        allow(EGRESS, 80, identity=5),
        allow(EGRESS, 81, identity=6),
        allow(EGRESS, 82, identity=7),
        exact=((PEER, 5),),
        cidrs=(("10.0.0.0/8", 6), ("10.0.3.0/24", 0), ("::/0", 7)),
    )
    assert [pod.opens(PEER, f.TCP, port, 40000) for port in (80, 81)] == [True, False]
    assert [pod.opens("10.9.9.9", f.TCP, port, 40000) for port in (80, 81)] == [False, True]
    assert not pod.opens("10.0.3.1", f.TCP, 81, 40000), "the longer network has another identity"
    assert pod.opens(PEER6, f.TCP, 82, 40000)
    assert not pod.opens("192.0.2.1", f.TCP, 82, 40000), "::/0 holds no IPv4 address"


@pytest.mark.every_kernel
def test_replies_pass_and_are_not_connections(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 80))
    assert pod.opens(PEER, f.TCP, 80, 40000)
    assert pod.gets(syn(PEER, pod.address, 80, 40000, f.SYN | f.ACK))
    assert pod.sends(syn(pod.address, PEER, 40000, 80, f.ACK))
    assert not pod.gets(syn(PEER, pod.address, 81, 40001, f.ACK)), "nobody may open this one"
    flow = pod.flow(remote_port=80)
    assert flow["connections"] == 1
    assert flow["initiator"] == Initiator.POD
    assert (flow["tx_packets"], flow["rx_packets"]) == (2, 1)


def test_np50_a_syn_on_an_old_tuple_is_judged_again(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 80))
    pod.opens(PEER, f.TCP, 80, 40000)
    assert not pod.gets(syn(PEER, pod.address, 80, 40000)), "the server may not open the reverse"
    assert pod.gets(syn(PEER, pod.address, 80, 40000, f.ACK)), "and the connection lives on"


def test_a_syn_retry_is_one_connection_and_reuse_is_the_next(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 80))
    for flags in (f.SYN, f.SYN, f.SYN):
        pod.sends(syn(pod.address, PEER, 40000, 80, flags))
    assert pod.flow(remote_port=80)["connections"] == 1
    pod.gets(syn(PEER, pod.address, 80, 40000, f.SYN | f.ACK))
    pod.sends(syn(pod.address, PEER, 40000, 80, f.RST))
    pod.opens(PEER, f.TCP, 80, 40000)
    assert pod.flow(remote_port=80)["connections"] == 2


def test_a_denial_is_never_kept(pod: PodUnderTest) -> None:
    pod.rules()
    assert not pod.opens(PEER, f.TCP, 80, 40000)
    pod.rules(allow(EGRESS, 80))
    assert pod.opens(PEER, f.TCP, 80, 40000), "the retried SYN finds the new rule"


@pytest.mark.parametrize("protocol", [f.TCP, f.UDP])
def test_np49_a_change_to_deny_cuts_what_is_open(pod: PodUnderTest, protocol: int) -> None:
    later = f.tcp(40000, 80, f.ACK) if protocol == f.TCP else f.udp(40000, 80)
    pod.rules(allow(EGRESS, 80, protocol=protocol))
    pod.opens(PEER, protocol, 80, 40000)
    pod.rules()
    assert not pod.sends(f.ip(pod.address, PEER, protocol, later))
    pod.rules(allow(EGRESS, 80, protocol=protocol))
    assert pod.sends(f.ip(pod.address, PEER, protocol, later)), "and back again, without a new connection"


@pytest.mark.parametrize("direction", [INGRESS, EGRESS])
def test_np49_mid_stream_passes_if_either_direction_allows(pod: PodUnderTest, direction: Direction) -> None:
    port = 40000 if direction is INGRESS else 80
    pod.rules(allow(direction, port))
    assert pod.sends(syn(pod.address, PEER, 40000, 80, f.ACK))
    assert pod.flow(remote_port=80)["initiator"] == Initiator.UNKNOWN
    assert not pod.sends(syn(pod.address, PEER, 40001, 81, f.ACK))


def test_both_slots_are_judged_side_by_side(pod: PodUnderTest) -> None:
    pods = (PodRules(UID, active=(16, 16), staged=(OPEN, CLOSED), mode=(Mode.ENFORCE, Mode.ENFORCE)),)
    pod.obey(RuleTable(revision=1, pods=pods, rows=(allow(EGRESS, 80),)))
    assert pod.opens(PEER, f.TCP, 80, 40000), "on trial means told, not dropped"
    flow = pod.flow(remote_port=80)
    assert list(flow["verdict"]) == [Verdict.ALLOW, Verdict.DENY]
    assert list(flow["reason"]) == [Reason.NONE, Reason.POSTURE]
    assert pod.kernel.counters()["would_deny"] == 1


def test_posture_for_pods_no_policy_selects(pod: PodUnderTest) -> None:
    rules = PodRules(UID, active=(OPEN, CLOSED), mode=(Mode.ENFORCE, Mode.ENFORCE))
    pod.obey(RuleTable(revision=1, pods=(rules,)))
    assert pod.accepts(PEER, f.TCP, 80, 40000)
    assert not pod.opens(PEER, f.TCP, 80, 40001)


@pytest.mark.parametrize(("posture", "passes"), [(Posture.ALLOW, True), (Posture.DENY, False)])
def test_np45_an_interface_without_pod_gets_the_posture(pod: PodUnderTest, posture: Posture, passes: bool) -> None:
    pod.enforcement.obey(RuleTable(revision=1, posture=posture))
    assert pod.opens(PEER, f.TCP, 80, 40000) is passes


@pytest.mark.parametrize("node", ["10.0.1.10", "2001:db8:0:1::10"])
def test_np51_np52_the_pods_own_node_always_reaches_it(pod: PodUnderTest, node: str) -> None:
    pod.rules(local=(node,))
    assert pod.accepts(node, f.TCP, 8080, 40000)
    assert not pod.opens(node, f.TCP, 10250, 40001), "but not the pod its node"


def test_np25_arp_and_neighbour_discovery_always_pass(pod: PodUnderTest) -> None:
    pod.rules()
    assert pod.sends(f.ethernet(bytes(28), 0x0806))
    for kind in range(133, 138):
        message = f.icmp(kind, rest=bytes(16))
        assert pod.gets(f.ipv6("fe80::1", "ff02::1", f.ICMPV6, message, hops=255))
        assert not pod.gets(f.ipv6(PEER6, pod.address6, f.ICMPV6, message, hops=64)), "routed: no neighbour"


@pytest.mark.parametrize(("remote", "passes"), [("ff02::1:ff00:1", True), ("fe80::1", True), (PEER6, False)])
def test_np25_a_pods_neighbour_discovery_stays_on_the_link(pod: PodUnderTest, remote: str, passes: bool) -> None:
    pod.rules()
    assert pod.sends(f.ipv6(pod.address6, remote, f.ICMPV6, f.icmp(135, rest=bytes(16)), hops=255)) is passes


@pytest.mark.every_kernel
def test_np25_a_neighbour_that_asked_is_answered_wherever_it_is(pod: PodUnderTest) -> None:
    """RFC 4861 section 7.2.4: who asks from a global address is answered there."""
    pod.rules()

    def tells(remote: str, kind: int = 136, more: bytes = b"", hops: int = 255) -> bool:
        message = f.icmp(kind, rest=bytes(24) + more)  # its target, and its hardware address
        return pod.sends(f.ipv6(pod.address6, remote, f.ICMPV6, message, hops=hops))

    assert not tells(PEER6), "nobody asked"
    assert pod.gets(f.ipv6(PEER6, pod.address6, f.ICMPV6, f.icmp(135, rest=bytes(24)), hops=255))
    assert tells(PEER6)
    assert not tells("2001:db8:0:9::9"), "who did not ask"
    assert not tells(PEER6, more=bytes(8)), "more than an answer has"
    assert not tells(PEER6, kind=135)
    assert not tells(PEER6, hops=64)


def test_what_is_not_ip_is_dropped_where_anything_is_enforced(pod: PodUnderTest) -> None:
    frame = f.ethernet(bytes(64), 0x88CC)
    pod.rules(mode=Mode.OFF)
    assert pod.sends(frame)
    pod.rules()
    assert not pod.sends(frame)
    assert pod.kernel.counters()["packets_not_ip"] == 2


@pytest.mark.every_kernel
@pytest.mark.parametrize("peer", [PEER, PEER6])
def test_an_icmp_error_passes_if_it_speaks_of_a_known_flow(pod: PodUnderTest, peer: str) -> None:
    v6 = ":" in peer
    own = pod.address6 if v6 else pod.address
    router = "2001:db8:0:9::1" if v6 else "10.0.9.1"
    pod.rules(allow(EGRESS, 80))
    pod.opens(peer, f.TCP, 80, 40000)

    def too_big(sport: int) -> bytes:
        inner = f.ip(own, peer, f.TCP, f.tcp(sport, 80))[14:]
        return f.ip(router, own, f.ICMPV6 if v6 else f.ICMP, f.icmp(2 if v6 else 3, rest=inner))

    assert pod.gets(too_big(40000))
    assert not pod.gets(too_big(40001))


@pytest.mark.parametrize("peer", [PEER, PEER6])
def test_np25_a_pods_icmp_errors_go_to_the_other_end_only(pod: PodUnderTest, peer: str) -> None:
    v6 = ":" in peer
    own, elsewhere = (pod.address6, "2001:db8:0:9::9") if v6 else (pod.address, "10.0.9.9")
    pod.rules(allow(INGRESS, 53, protocol=f.UDP))
    assert pod.accepts(peer, f.UDP, 53, 40000)
    error = f.icmp(1 if v6 else 3, rest=f.ip(peer, own, f.UDP, f.udp(40000, 53))[14:])
    assert pod.sends(f.ip(own, peer, f.ICMPV6 if v6 else f.ICMP, error))
    assert not pod.sends(f.ip(own, elsewhere, f.ICMPV6 if v6 else f.ICMP, error))


def test_echo_replies_belong_to_their_request(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 0, 65535, protocol=0))
    assert pod.sends(f.ipv4(pod.address, PEER, f.ICMP, f.icmp(8, id=77)))
    assert pod.gets(f.ipv4(PEER, pod.address, f.ICMP, f.icmp(0, id=77)))
    assert not pod.gets(f.ipv4(PEER, pod.address, f.ICMP, f.icmp(8, id=78)))


@pytest.mark.parametrize("number", [0, 5])
def test_np60_later_fragments_go_with_their_first_one(pod: PodUnderTest, number: int) -> None:
    pod.rules(allow(EGRESS, 53, protocol=f.UDP))
    first = f.ipv4(pod.address, PEER, f.UDP, f.udp(40000, 53, bytes(1000)), fragment=0x2000, id=number)
    later = f.ipv4(pod.address, PEER, f.UDP, bytes(500), fragment=126, id=number)
    orphan = f.ipv4(pod.address, PEER, f.UDP, bytes(500), fragment=126, id=number + 1)
    assert not pod.sends(later), "before its first one"
    assert pod.sends(first)
    assert pod.sends(later)
    assert not pod.sends(orphan)
    assert pod.flow(remote_port=53)["tx_packets"] == 2
    assert pod.kernel.counters()["fragments_unmatched"] == 2


@pytest.mark.every_kernel
def test_ipv6_fragments_too(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 53, protocol=f.UDP))
    head, tail = f.fragment_header(f.UDP, 0, True), f.fragment_header(f.UDP, 126, False)
    assert pod.sends(f.ipv6(pod.address6, PEER6, 44, head + f.udp(40000, 53, bytes(1000))))
    assert pod.sends(f.ipv6(pod.address6, PEER6, 44, tail + bytes(500)))
    assert pod.flow(remote_port=53)["tx_packets"] == 2


@pytest.mark.parametrize(("headers", "passes"), [(1, True), (3, True), (4, True), (5, False), (9, False)])
def test_np60_extension_headers_are_walked_or_fail_closed(pod: PodUnderTest, headers: int, passes: bool) -> None:
    chain = b"".join(f.extension(60) for _ in range(headers - 1)) + f.extension(f.TCP)
    pod.rules(allow(EGRESS, 80))
    assert pod.sends(f.ipv6(pod.address6, PEER6, 60, chain + f.tcp(40000, 80))) is passes
    assert not pod.sends(f.ipv6(pod.address6, PEER6, 60, chain + f.tcp(40000, 81)))


@pytest.mark.parametrize("cut", [34, 38, 45])
def test_truncated_packets_fail_closed(pod: PodUnderTest, cut: int) -> None:
    pod.rules(allow(EGRESS, 80))
    assert not pod.sends(f.ipv4(pod.address, PEER, f.TCP, f.tcp(40000, 80))[:cut])
    assert pod.kernel.counters()["packets_unparsed"] == 1


def test_a_scan_leaves_no_flows(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 443))
    pod.opens(PEER, f.TCP, 443, 40000)
    for port in range(2000):
        pod.accepts("203.0.113.9", f.TCP, 1000 + port, 50000)
    keys, _ = pod.kernel.tables["flows"].read()
    assert len(keys) == 1
    assert pod.kernel.counters()["denied"] == 2000


@pytest.mark.every_kernel
def test_each_denied_connection_is_told_once_per_change_of_rules(pod: PodUnderTest) -> None:
    from fairway.agent.ring import Ring

    ring = Ring(pod.kernel.fds["events"], pod.kernel.ring_bytes, pod.kernel.event)
    pod.rules()
    for _ in range(3):
        pod.accepts(PEER, f.TCP, 5432, 40000)
    events = ring.read()
    assert len(events) == 1
    assert (events["verdict"][0][0], events["initiator"][0]) == (Verdict.DENY, Initiator.REMOTE)
    pod.rules()
    pod.accepts(PEER, f.TCP, 5432, 40000)
    assert len(ring.read()) == 1
    ring.close()


@pytest.mark.every_kernel
def test_removing_a_pod_leaves_nothing_to_inherit(pod: PodUnderTest) -> None:
    pod.rules(allow(EGRESS, 80))
    pod.opens(PEER, f.TCP, 80, 40000)
    pod.accepts(PEER, f.TCP, 80, 40000)
    pod.enforcement.remove(1)
    for name in ("flows", "denials", "pods"):
        assert len(pod.kernel.tables[name].read()[0]) == 0


@pytest.mark.every_kernel
def test_old_rules_are_gone_after_the_next_table(pod: PodUnderTest) -> None:
    for port in range(5):
        pod.rules(allow(EGRESS, 80 + port), exact=((PEER, 5),), cidrs=(("10.0.0.0/8", 6),))
    assert len(pod.kernel.tables["rules"].keys()) == 2, "this one's and the one before, until the next"
    assert len(pod.kernel.tables["addresses"].keys()) == 2
