"""Who opened a flow, which port is the server's, and what many flows of one conversation add up to."""

from ipaddress import ip_address

import numpy as np
import pytest
from numpy.typing import NDArray

from fairway.agent.conversations import (
    conversation_hashes,
    fold,
    group_addresses,
    rows_of_denials,
    rows_of_events,
    rows_of_flows,
    settle_initiators,
)
from fairway.agent.drain import COUNTED, WRAPPING
from fairway.agent.rulenames import RuleNames
from fairway.wire.address import packed
from fairway.wire.batch import EDGE, FLOW, RECORD
from fairway.wire.words import Initiator, Reason, Verdict

TCP, UDP, ICMP, ICMPV6, SCTP = 6, 17, 1, 58, 132
UNKNOWN, POD, REMOTE = Initiator
PEER = np.frombuffer(packed("10.0.2.131"), "V16")[0]


def keys(spec: object, *flows: tuple[int, int, int]) -> NDArray[np.void]:
    """Flow keys of (protocol, local port, remote port)."""
    made = np.zeros(len(flows), spec.tables["flows"].key)
    made["ifindex"], made["family"], made["remote"] = 7, 4, PEER
    for index, (protocol, local, remote) in enumerate(flows):
        made[index]["protocol"], made[index]["local_port"], made[index]["remote_port"] = protocol, local, remote
    return made


@pytest.mark.parametrize(
    ("protocol", "seen", "local", "remote", "listens", "settled"),
    [
        # What the kernel saw opened stays as it was seen.
        (TCP, POD, 40000, 80, {40000}, POD),
        (TCP, REMOTE, 80, 40000, set(), REMOTE),
        (TCP, REMOTE, 40000, 80, set(), REMOTE),
        # Found in mid-stream: who listens is the server.
        (TCP, UNKNOWN, 8080, 40000, {8080}, REMOTE),
        (TCP, UNKNOWN, 8080, 80, {8080}, REMOTE),
        (TCP, UNKNOWN, 40000, 40001, {40000}, REMOTE),
        (TCP, UNKNOWN, 40000, 80, {40000}, REMOTE),
        # Nobody listens: an ephemeral port that faces one that is none is a client's.
        (TCP, UNKNOWN, 40000, 80, {8080}, POD),
        (TCP, UNKNOWN, 32768, 32767, set(), POD),
        (TCP, UNKNOWN, 32767, 80, set(), UNKNOWN),
        (TCP, UNKNOWN, 32768, 32768, set(), UNKNOWN),
        (TCP, UNKNOWN, 80, 40000, set(), UNKNOWN),
        # Nobody can tell who listens: nothing is concluded.
        (TCP, UNKNOWN, 40000, 80, None, UNKNOWN),
        (TCP, UNKNOWN, 8080, 40000, None, UNKNOWN),
        # UDP: a first packet from a service's port to an ephemeral one is an answer, whoever sent it.
        (UDP, REMOTE, 40000, 53, set(), UNKNOWN),
        (UDP, POD, 53, 40000, set(), UNKNOWN),
        (UDP, REMOTE, 32768, 32767, set(), UNKNOWN),
        (UDP, POD, 40000, 53, set(), POD),
        (UDP, REMOTE, 53, 40000, set(), REMOTE),
        (UDP, POD, 40000, 41000, set(), POD),
        (UDP, REMOTE, 40000, 41000, set(), REMOTE),
        (UDP, POD, 123, 123, set(), POD),
        (UDP, UNKNOWN, 40000, 53, {40000}, UNKNOWN),
        (ICMP, REMOTE, 40000, 0, set(), REMOTE),
        (SCTP, REMOTE, 40000, 53, set(), REMOTE),
        (SCTP, UNKNOWN, 40000, 53, {40000}, UNKNOWN),
    ],
)
def test_who_opened_it(
    spec: object, protocol: int, seen: int, local: int, remote: int, listens: set[int] | None, settled: int
) -> None:
    asked = keys(spec, (protocol, local, remote))
    before = np.array([seen], "u1")
    listening = {7: None if listens is None else frozenset(listens)}
    assert settle_initiators(asked, before, listening.__getitem__).tolist() == [settled]
    assert before.tolist() == [seen], "what the kernel told is not changed"


def test_each_flow_is_settled_by_its_own_pod(spec: object) -> None:
    asked = keys(spec, (TCP, 8080, 40000), (TCP, 8080, 40000), (TCP, 40000, 80))
    asked["ifindex"] = [7, 8, 8]
    listening = {7: frozenset({8080}), 8: frozenset()}
    found = settle_initiators(asked, np.zeros(3, "u1"), listening.__getitem__)
    assert found.tolist() == [REMOTE, UNKNOWN, POD]


@pytest.mark.parametrize(
    ("protocol", "initiator", "port"),
    [
        (TCP, POD, 80),
        (TCP, REMOTE, 40000),
        (TCP, UNKNOWN, 80),
        (UDP, POD, 80),
        (SCTP, REMOTE, 40000),
        (ICMP, POD, 0),
        (ICMPV6, REMOTE, 0),
        (47, POD, 0),
    ],
)
def test_the_servers_port(spec: object, protocol: int, initiator: int, port: int) -> None:
    values = np.zeros(1, spec.tables["denials"].value)
    values["initiator"] = initiator
    (row,) = rows_of_denials(keys(spec, (protocol, 40000, 80)), values, np.array([1], "u8"), microseconds)
    assert (row["port"], row["initiator"], row["protocol"]) == (port, initiator, protocol)


def microseconds(jiffies: NDArray[np.uint64]) -> NDArray[np.int64]:
    return jiffies.astype("i8") * 4000


@pytest.mark.parametrize(
    ("verdicts", "reasons"),
    [
        ((Verdict.DENY, Verdict.ALLOW), (Reason.NO_RULE, Reason.NONE)),
        ((Verdict.ALLOW, Verdict.DENY), (Reason.NONE, Reason.POSTURE)),
        ((Verdict.DENY, Verdict.DENY), (Reason.NO_RULE, Reason.POSTURE)),
        ((Verdict.UNJUDGED, Verdict.ALLOW), (Reason.NONE, Reason.NONE)),
    ],
)
def test_only_a_denial_has_a_reason(spec: object, verdicts: tuple[int, int], reasons: tuple[int, int]) -> None:
    values = np.zeros(1, spec.tables["denials"].value)
    values["verdict"], values["reason"] = verdicts, (Reason.NO_RULE, Reason.POSTURE)
    values["first"], values["last"] = 10, 25
    (row,) = rows_of_denials(keys(spec, (TCP, 1, 2)), values, np.array([1 << 40], "u8"), microseconds)
    assert (row["verdict"], row["staged"]) == verdicts
    assert (row["reason"], row["staged_reason"]) == reasons
    assert (row["kind"], row["first_us"], row["last_us"]) == (FLOW, 40_000, 100_000)
    assert row["denied"] == (1 << 32) - 1, "more than the column holds is the most it holds"


def test_a_flow_tells_its_interval_not_its_life(spec: object) -> None:
    values = np.zeros(1, spec.tables["flows"].value)
    for name in COUNTED:
        values[name] = 1000
    values["srtt_us"], values["first"], values["last"] = 80, 10, 25
    values["generation"], values["rule"], values["verdict"] = 3, [[2, 1]], [[Verdict.ALLOW, Verdict.ALLOW]]
    told = (*COUNTED, *WRAPPING, "retransmissions")
    deltas = np.array([tuple(range(1, len(told) + 1))], [(name, "u8") for name in told])
    deltas["established"], deltas["connect_us"] = 4, 1000
    names = RuleNames()
    names.remember(3, ("", "ui/ui egress[0]", "orders/db ingress[0]"))
    (row,) = rows_of_flows(keys(spec, (TCP, 40000, 80)), values, deltas, np.array([POD], "u1"), microseconds, names)
    same = (*COUNTED, "failed", "resets", "severed", "timeouts", "handshake_timeouts", "retransmissions")
    assert [int(row[name]) for name in same] == [int(deltas[0][name]) for name in same]
    assert row["handshake_retransmissions"] == deltas[0]["handshake_retransmitted"]
    assert [int(row[f"connect_{what}"]) for what in ("count", "min_us", "max_us", "sum_us")] == [4, 250, 250, 1000]
    assert [int(row[name]) for name in ("srtt_count", "srtt_min_us", "srtt_us", "srtt_sum_us")] == [1, 80, 80, 80]
    assert (row["kind"], row["srtt_us"], row["first_us"], row["last_us"]) == (FLOW, 80, 40_000, 100_000)
    assert names.words[row["verdict_rule"]] == "orders/db ingress[0]"
    assert names.words[row["staged_rule"]] == "ui/ui egress[0]"


def test_an_event_tells_who_and_counts_nothing(spec: object) -> None:
    events = np.zeros(1, spec.event)
    events["key"], events["verdict"], events["at"] = keys(spec, (TCP, 8080, 40000)), [[1, 2]], 25
    (row,) = rows_of_events(events, np.array([REMOTE], "u1"), microseconds)
    assert (row["kind"], row["port"], row["initiator"], row["family"]) == (EDGE, 8080, REMOTE, 4)
    assert (row["verdict"], row["staged"], row["first_us"], row["last_us"]) == (1, 2, 100_000, 100_000)
    assert bytes(row["remote_address"]) == packed("10.0.2.131")
    counters = ("connections", "denied", "retransmissions", "tx_packets", "rx_packets", "tx_bytes", "rx_bytes")
    assert sum(int(row[name]) for name in counters) == 0


WHO = ("family", "protocol", "initiator", "verdict", "staged", "reason", "staged_reason", "pod", "port")
RULES = ("verdict_rule", "staged_rule")
HEALTH = ("failed", "resets", "severed", "handshake_retransmissions", "timeouts", "handshake_timeouts")
TIMES = ("connect_count", "connect_sum_us", "srtt_count", "srtt_sum_us")
SUMS = (
    *("connections", "retransmissions", "denied", "tx_packets", "rx_packets", "tx_bytes", "rx_bytes"),
    *(*HEALTH, *TIMES),
)
MOST = ("last_us", "srtt_us", "connect_max_us")
LEAST = ("first_us", "connect_min_us", "srtt_min_us")


def random_rows(count: int, seed: int = 1) -> NDArray[np.void]:
    """Rows whose words are 0 or 1, so that many are of one conversation."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, RECORD)
    for name in (*WHO, *RULES):
        rows[name] = rng.integers(0, 2, count) if name in ("initiator", "pod", "port", "verdict") else 1
    rows["remote_address"] = np.array([packed("10.0.0.1"), packed("2001:db8::1")], "V16")[rng.integers(0, 2, count)]
    for name in SUMS:
        rows[name] = rng.integers(0, 1000, count)
    rows["first_us"], rows["last_us"] = rng.integers(0, 100, count), rng.integers(100, 200, count)
    for name in (*MOST[1:], *LEAST[1:]):
        rows[name] = rng.integers(0, 1000, count)
    rows["connect_count"] += 1
    rows["srtt_count"] += 1
    return rows


def test_folding_adds_counters_widens_times_and_loses_nobody() -> None:
    rows = random_rows(3000)
    expected: dict[tuple[object, ...], list[int]] = {}
    for row in rows:
        who = (*(int(row[name]) for name in (*WHO, *RULES)), bytes(row["remote_address"]))
        told = [int(row[name]) for name in (*SUMS, *MOST, *LEAST)]
        known = expected.get(who)
        expected[who] = told if known is None else merge(known, told)
    folded = fold(rows)
    found = {
        (*(int(row[name]) for name in (*WHO, *RULES)), bytes(row["remote_address"])): [
            int(row[name]) for name in (*SUMS, *MOST, *LEAST)
        ]
        for row in folded
    }
    assert len(folded) == len(found) == 32
    assert found == expected


def merge(one: list[int], other: list[int]) -> list[int]:
    sums, most = len(SUMS), len(SUMS) + len(MOST)
    return [
        *(a + b for a, b in zip(one[:sums], other[:sums], strict=True)),
        *(max(a, b) for a, b in zip(one[sums:most], other[sums:most], strict=True)),
        *(min(a, b) for a, b in zip(one[most:], other[most:], strict=True)),
    ]


@pytest.mark.parametrize(("what", "least", "most"), [("connect", "min_us", "max_us"), ("srtt", "min_us", "us")])
def test_the_least_of_nothing_does_not_count(what: str, least: str, most: str) -> None:
    rows = np.zeros(3, RECORD)
    for index, time in ((1, 500), (2, 300)):
        rows[index][f"{what}_count"] = 1
        for name in (least, most, "sum_us"):
            rows[index][f"{what}_{name}"] = time
    (row,) = fold(rows)
    found = [int(row[f"{what}_{name}"]) for name in ("count", least, most, "sum_us")]
    assert found == [2, 300, 500, 800]


def test_folding_stops_at_what_a_column_holds() -> None:
    rows = np.zeros(2, RECORD)
    rows["denied"] = rows["connections"] = (1 << 32) - 1
    rows["tx_bytes"] = 1 << 62
    (row,) = fold(rows)
    assert (row["denied"], row["connections"], row["tx_bytes"]) == ((1 << 32) - 1, (1 << 32) - 1, 1 << 63)


def test_folding_nothing() -> None:
    assert len(fold(np.zeros(0, RECORD))) == 0


@pytest.mark.parametrize("name", [*WHO, *RULES, "remote_address"])
def test_a_conversation_differs_in_any_of_its_words(name: str) -> None:
    rows = np.zeros(2, RECORD)
    rows[name][1] = np.frombuffer(bytes(15) + b"\1", "V16")[0] if name == "remote_address" else 1
    one, other = conversation_hashes(rows).tolist()
    assert one != other
    assert len(fold(rows)) == 2


@pytest.mark.parametrize(
    "name", [name for name in RECORD.names or () if name not in {*WHO, *RULES, "remote_address"}]
)
def test_and_in_nothing_else(name: str) -> None:
    rows = np.zeros(2, RECORD)
    rows[name][1] = np.frombuffer(bytes(15) + b"\1", "V16")[0] if name == "pod_address" else 1
    one, other = conversation_hashes(rows).tolist()
    assert one == other


@pytest.mark.parametrize(
    ("address", "of_a_group"),
    [
        ("10.0.0.1", False),
        ("223.255.255.255", False),
        ("224.0.0.1", True),
        ("239.255.255.250", True),
        ("255.255.255.255", True),
        ("169.254.169.254", False),
        ("2001:db8::1", False),
        ("fd00::1", False),
        ("fe7f::1", False),
        ("fe80::1", True),
        ("febf::1", True),
        ("fec0::1", False),
        ("ff02::1", True),
        ("::ff:e000:1", False),
        ("::1", False),
    ],
)
def test_addresses_of_groups(address: str, of_a_group: bool) -> None:
    assert group_addresses(np.array([packed(address)], "V16")).tolist() == [of_a_group]
    if ip_address(address).is_multicast:
        assert of_a_group


def test_addresses_of_groups_in_a_column() -> None:
    """As an interval has them: one field of many, neither alone nor in order."""
    rows = np.zeros(3, RECORD)
    rows["remote_address"] = np.array([packed(a) for a in ("ff02::1", "10.0.0.1", "224.0.0.1")], "V16")
    assert group_addresses(rows["remote_address"]).tolist() == [True, False, True]
    assert len(group_addresses(rows[:0]["remote_address"])) == 0
