"""A rule table as records, looked up here as the kernel looks them up: exact, longest prefix, bit by bit."""

from ipaddress import ip_address, ip_network
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairway.agent.kernel import Records
from fairway.agent.program import Program, pod_record, prefixes, translate
from fairway.wire.address import family, packed
from fairway.wire.rules import ANY, CLOSED, FIRST_POLICY, OPEN, UNUSED, WORLD, PodRules, Row, RuleTable
from fairway.wire.words import ANY_PROTOCOL, Direction, Mode, Posture, Slot

TCP, UDP, ICMP = 6, 17, 1
PORTS = st.integers(0, 65535)


def fewest(low: int, high: int) -> int:
    """How many aligned blocks of a power of two cover low..high at least: by trying every block."""
    best = {low: 0}
    for place in range(low, high + 1):
        size = 1
        while place % size == 0 and place + size - 1 <= high:
            best[place + size] = min(best.get(place + size, 1 << 16), best[place] + 1)
            size <<= 1
    return best[high + 1]


@given(PORTS, st.integers(0, 700))
def test_prefixes_cover_an_interval_exactly_by_the_fewest(low: int, width: int) -> None:
    high = min(low + width, 65535)
    found = list(prefixes(low, high))
    covered = [port for start, bits in found for port in range(start, start + (1 << 16 - bits))]
    assert covered == list(range(low, high + 1))
    assert len(found) == fewest(low, high)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 65535, [(0, 0)]),
        (80, 80, [(80, 16)]),
        (0, 1023, [(0, 6)]),
        (65535, 65535, [(65535, 16)]),
        (32768, 65535, [(32768, 1)]),
        (8000, 8095, [(8000, 10), (8064, 11)]),
    ],
)
def test_prefixes_by_example(low: int, high: int, expected: list[tuple[int, int]]) -> None:
    assert list(prefixes(low, high)) == expected


@pytest.mark.parametrize(("low", "high"), [(1, 65534), (1, 65535), (0, 65534)])
def test_prefixes_of_wide_intervals(low: int, high: int) -> None:
    found = list(prefixes(low, high))
    assert sum(1 << 16 - bits for _, bits in found) == high - low + 1
    assert len(found) == fewest(low, high)


def longest(keys: Records, values: Records, asked: bytes) -> np.void | None:
    """The value under the longest prefix of `asked`, as an LPM trie finds it; keys begin with the prefix length."""
    best, found = -1, None
    number = int.from_bytes(asked, "big")
    for key, value in zip(keys, values, strict=True):
        length, shift = int(key["prefix"]), 8 * len(asked) - int(key["prefix"])
        if length > best and int.from_bytes(key.tobytes()[4:], "big") >> shift == number >> shift:
            best, found = length, value
    return found


def rule(program: Program, asked: Row, port: int) -> int | None:
    """The number of the rule that the kernel would find for one port of the row's policy, peer and protocol."""
    keys, values = program.rules
    key = np.zeros(1, keys.dtype)
    policy = asked.policy | program.generation << 16
    key["policy"], key["identity"], key["direction"], key["protocol"] = (
        policy,
        asked.identity,
        asked.direction,
        asked.protocol,
    )
    key["port"] = int.from_bytes(port.to_bytes(2, "big"), "little")
    found = longest(keys, values, key.tobytes()[4:])
    return None if found is None else int(found)


@given(low=PORTS, high=PORTS, port=PORTS, protocol=st.sampled_from([TCP, UDP, ICMP]))
def test_a_row_allows_its_ports_and_no_others(spec: object, low: int, high: int, port: int, protocol: int) -> None:
    low, high = sorted((low, high))
    row = Row(FIRST_POLICY, 9, Direction.EGRESS, protocol, low, high, 7)
    program = translate(RuleTable(1, rows=(row,)), 1, spec)
    for asked in {low, high, port, max(low - 1, 0), min(high + 1, 65535)}:
        assert rule(program, row, asked) == (7 if low <= asked <= high else None)


def test_a_row_differs_from_others_in_every_word(spec: object) -> None:
    row = Row(FIRST_POLICY, 9, Direction.EGRESS, TCP, 80, 80, 7)
    program = translate(RuleTable(1, rows=(row,)), 1, spec)
    others = [("policy", FIRST_POLICY + 1), ("identity", 8), ("identity", ANY), ("direction", 0), ("protocol", UDP)]
    for name, value in others:
        words = {field: getattr(row, field) for field in row.__struct_fields__} | {name: value}
        assert rule(program, Row(**words), 80) is None, name
    assert rule(program, row, 80) == 7


@pytest.mark.parametrize("protocol", [0, 1, TCP, UDP, 58, 132, 255])
@pytest.mark.parametrize("port", [0, 80, 65535])
def test_a_row_for_every_protocol(spec: object, protocol: int, port: int) -> None:
    row = Row(FIRST_POLICY, ANY, Direction.INGRESS, ANY_PROTOCOL, 0, 65535, 3)
    program = translate(RuleTable(1, rows=(row,)), 1, spec)
    assert len(program.rules[0]) == 1
    asked = Row(FIRST_POLICY, ANY, Direction.INGRESS, protocol, 0, 0, 0)
    assert rule(program, asked, port) == 3
    assert rule(program, Row(FIRST_POLICY, 5, Direction.INGRESS, protocol, 0, 0, 0), port) is None


def identity(program: Program, address: str) -> tuple[int, int]:
    """The peer that the kernel takes an address for: the exact entry, then the longest network, then the world."""
    key = np.zeros(1, program.addresses[0].dtype)
    key["generation"], key["family"] = program.generation, family(packed(address))
    key["bytes"] = np.frombuffer(packed(address), "V16")
    exact = np.flatnonzero(program.addresses[0] == key)
    found = program.addresses[1][exact[0]] if len(exact) else longest(*program.networks, key.tobytes())
    return (WORLD, 0) if found is None else (int(found["number"]), int(found["flags"]))


V4 = st.integers(0, 255).map(lambda number: f"10.0.0.{number}")
V6 = st.integers(0, 255).map(lambda number: f"2001:db8::{number:x}")
ADDRESSES = V4 | V6


@st.composite
def networks(draw: st.DrawFn) -> str:
    """A network around addresses of the pool, of any length that splits it; now and then everything."""
    address = ip_address(draw(ADDRESSES))
    bits = draw(st.sampled_from([0, 8, 24, 25, 26, 28, 30, 31, 32]))
    length = 0 if bits == 0 else address.max_prefixlen - 32 + bits
    return str(ip_network(f"{address}/{length}", strict=False))


@given(
    exact=st.dictionaries(ADDRESSES, st.integers(1, 9), max_size=6),
    cidrs=st.dictionaries(networks(), st.integers(0, 9), max_size=6),
    local=st.sets(ADDRESSES, max_size=2),
    asked=st.lists(ADDRESSES, max_size=10),
)
def test_addresses_have_the_identity_of_their_longest_match(
    spec: object, exact: dict[str, int], cidrs: dict[str, int], local: set[str], asked: list[str]
) -> None:
    table = RuleTable(1, exact=tuple(exact.items()), cidrs=tuple(cidrs.items()), local=tuple(sorted(local)))
    program = translate(table, 3, spec)
    for address in {*asked, *exact, *local}:
        holding = [ip_network(c) for c in cidrs if ip_address(address) in ip_network(c)]
        widest_first = sorted(holding, key=lambda network: network.prefixlen)
        expected = exact.get(address, cidrs[str(widest_first[-1])] if widest_first else WORLD)
        assert identity(program, address) == (expected, int(address in local)), address


def test_a_nodes_own_address_keeps_its_networks_identity(spec: object) -> None:
    cidrs = (("10.0.0.0/8", 5), ("10.0.1.0/24", 6), ("::/0", 7))
    table = RuleTable(1, local=("10.0.1.10", "2001:db8::10", "192.0.2.1"), cidrs=cidrs)
    program = translate(table, 1, spec)
    assert [identity(program, a) for a in table.local] == [(6, 1), (7, 1), (WORLD, 1)]
    assert identity(program, "10.0.1.11") == (6, 0)


def test_generations_share_nothing(spec: object) -> None:
    table = RuleTable(
        1,
        exact=(("10.0.0.1", 1),),
        cidrs=(("10.0.0.0/8", 2), ("::/0", 3)),
        rows=(Row(FIRST_POLICY, 1, 0, TCP, 1, 65535, 1), Row(FIRST_POLICY, ANY, 1, ANY_PROTOCOL, 0, 65535, 2)),
    )
    programs = [translate(table, generation, spec) for generation in (1, 2, 3, 255, 256, 65535)]
    for name in ("addresses", "networks", "rules"):
        written = [{key.tobytes() for key in getattr(program, name)[0]} for program in programs]
        assert all(written)
        assert all(a.isdisjoint(b) for a, b in combinations(written, 2)), name


def test_policy_numbers_of_a_large_cluster_stay_clear_of_the_generation(spec: object) -> None:
    large = (70_000, FIRST_POLICY + (1 << 16))
    rows = tuple(Row(number, ANY, 0, TCP, 80, 80, 0) for number in large)
    pods = (PodRules("a", active=(large[0], OPEN), staged=(UNUSED, large[1])),)
    program = translate(RuleTable(1, rows=rows, pods=pods), 3, spec)
    assert program.rules[0]["policy"].tolist() == [3 << 16 | 17, 3 << 16 | 16]
    assert (program.pods["a"].active, program.pods["a"].staged) == ((17, OPEN), (UNUSED, 16))


def test_a_resolver_is_known_by_its_address_and_keeps_its_identity(spec: object) -> None:
    resolvers = ("10.96.0.10", "10.0.1.10")
    table = RuleTable(1, exact=(("10.96.0.10", 5),), local=("10.0.1.10",), resolvers=resolvers)
    program = translate(table, 1, spec)
    assert [identity(program, address) for address in resolvers] == [(5, 2), (WORLD, 3)]


def test_names_are_written_by_their_numbers(spec: object) -> None:
    table = RuleTable(1, names=(("api.example.com", 7), ("*.example.org", 8), ("unnumbered.test", 9)))
    program = translate(table, 3, spec, {"api.example.com": 40, "*.example.org": 41})
    keys, values = program.named
    assert keys.tolist() == [(3, 40), (3, 41)]
    assert values.tolist() == [7, 8]


@pytest.mark.parametrize("behind", [False, True])
def test_rows_that_need_a_look_behind_are_left_out_without_one(spec: object, behind: bool) -> None:
    front = Row(FIRST_POLICY, 9, Direction.EGRESS, TCP, 80, 80, 0)
    pods = (PodRules("a", active=(UNUSED, FIRST_POLICY)),)
    program = translate(RuleTable(1, pods=pods, behind=(front,)), 1, spec, behind=behind)
    assert (rule(program, front, 80) is not None) is behind
    assert program.behind is behind
    assert translate(RuleTable(1, pods=pods), 1, spec, behind=behind).behind is False


def test_an_empty_table_writes_nothing(spec: object) -> None:
    program = translate(RuleTable(1, posture=Posture.DENY), 1, spec)
    assert [
        len(records) for name in ("addresses", "networks", "rules", "named") for records in getattr(program, name)
    ] == [0] * 8
    assert program.deny_unknown


KNOWN = PodRules("u", active=(16, OPEN), staged=(17, CLOSED), mode=(Mode.AUDIT, Mode.AUDIT))


@pytest.mark.parametrize(
    ("rules", "deny", "active", "staged", "mode"),
    [
        (None, False, (OPEN, OPEN), (UNUSED, UNUSED), Mode.OFF),
        (None, True, (CLOSED, CLOSED), (UNUSED, UNUSED), Mode.ENFORCE),
        (
            PodRules("u", (16, OPEN), (17, CLOSED), (Mode.AUDIT,) * 2),
            True,
            (5 << 16 | 16, OPEN),
            (5 << 16 | 17, CLOSED),
            Mode.AUDIT,
        ),
    ],
    ids=["unknown, posture allow", "unknown, posture deny", "known"],
)
def test_a_pods_record(
    spec: object, rules: PodRules | None, deny: bool, active: tuple[int, int], staged: tuple[int, int], mode: Mode
) -> None:
    (value,) = pod_record(spec, rules, generation=5, totals=7, deny=deny)
    assert (value["totals"], value["generation"]) == (7, 5)
    assert value["policy"].tolist() == [list(active), list(staged)]
    assert [Slot.ACTIVE, Slot.STAGED] == [0, 1]
    assert value["mode"].tolist() == [mode, mode]
