"""A rule table becomes the kernel's records. Pure: what is written can be computed without a kernel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

import numpy as np
from msgspec.structs import replace

from fairway.agent.kernel import Kernel, Records, records
from fairway.agent.names import named_records
from fairway.wire.address import family, packed
from fairway.wire.rules import CLOSED, FIRST_POLICY, OPEN, PodRules, Row, RuleTable
from fairway.wire.words import ANY_PROTOCOL, Mode, Posture, Slot

_PORTS: Final = 1 << 16
_PROTOCOL_BITS: Final = 32 + 32 + 8  # policy, identity and direction: what a row for every protocol compares
_PORT_BITS: Final = _PROTOCOL_BITS + 8
_LOCAL, _RESOLVER = 1, 2  # bpf/fairway.h: ADDRESS_LOCAL, ADDRESS_RESOLVER
_JUDGED, _TOLD = 1, 2  # bpf/fairway.h: NAMES_JUDGED, NAMES_TOLD
_NETWORK_BITS: Final = 64  # generation and family come before an address's own bits


@dataclass(frozen=True, slots=True)
class Program:
    """Records of one generation, by table, and the policies of pods by uid."""

    generation: int
    addresses: tuple[Records, Records]
    networks: tuple[Records, Records]
    rules: tuple[Records, Records]
    named: tuple[Records, Records]
    pods: dict[str, PodRules]
    deny_unknown: bool
    behind: bool
    names: int
    """What DNS answers are read for."""


def translate(
    table: RuleTable,
    generation: int,
    kernel: Kernel,
    numbers: Mapping[str, int] | None = None,
    *,
    behind: bool = False,
) -> Program:
    """The records that make the kernel judge by `table`; nothing in them is shared with another generation.

    `numbers` are those of the table's names. `behind`: whether Services' backends are judged one by one.
    """
    layout = kernel.tables
    exact = _exact(table)
    numbers = numbers or {}
    networks = [(ip_network(cidr), identity) for cidr, identity in table.cidrs]
    policies = _numbered(table)
    rules = [
        (bits, _policy(policies[row.policy], generation), row.identity, row.direction, row.protocol, port, row.rule)
        for row in (*table.rows, *(table.behind if behind else ()))
        for bits, port in _prefixes(row)
    ]
    return Program(
        generation=generation,
        addresses=(
            records(layout["addresses"].key, [(generation, family(address), address) for address in exact]),
            records(layout["addresses"].value, list(exact.values())),
        ),
        networks=(
            records(
                layout["networks"].key,
                [
                    (
                        _NETWORK_BITS + network.prefixlen + (96 if network.version == 4 else 0),
                        (generation, network.version, packed(str(network.network_address))),
                    )
                    for network, _ in networks
                ],
            ),
            records(layout["networks"].value, [(identity, 0) for _, identity in networks]),
        ),
        rules=(
            records(layout["rules"].key, [row[:6] for row in rules]),
            np.array([row[6] for row in rules], layout["rules"].value),
        ),
        named=named_records(
            kernel, generation, {numbers[name]: identity for name, identity in table.names if name in numbers}
        ),
        pods={pod.uid: _renumbered(pod, policies) for pod in table.pods},
        deny_unknown=table.posture is Posture.DENY,
        behind=behind and bool(table.behind),
        names=_JUDGED * any(name in numbers for name, _ in table.names) | _TOLD * bool(table.resolvers),
    )


def pod_record(kernel: Kernel, rules: PodRules | None, generation: int, totals: int, *, deny: bool) -> Records:
    """The pod's entry; a pod without rules yet is held to the posture."""
    if rules is None:
        policy, mode = (CLOSED, Mode.ENFORCE) if deny else (OPEN, Mode.OFF)
        rules = PodRules("", active=(policy, policy), mode=(mode, mode))
    slots = {Slot.ACTIVE: rules.active, Slot.STAGED: rules.staged}
    policies = tuple(tuple(_policy(number, generation) for number in slots[slot]) for slot in Slot)
    return records(kernel.tables["pods"].value, [(totals, generation, policies, tuple(rules.mode), 0)])


def prefixes(low: int, high: int) -> Iterator[tuple[int, int]]:
    """The fewest (port, prefix length) pairs that cover low..high, both included."""
    while low <= high:
        size = low & -low or _PORTS
        while size > high - low + 1:
            size >>= 1
        yield low, 17 - size.bit_length()
        low += size


def _prefixes(row: Row) -> Iterator[tuple[int, int]]:
    if row.protocol == ANY_PROTOCOL:
        yield _PROTOCOL_BITS, 0
        return
    for port, length in prefixes(row.low, row.high):
        yield _PORT_BITS + length, int.from_bytes(port.to_bytes(2, "big"), "little")


def _numbered(table: RuleTable) -> dict[int, int]:
    """The table's policy numbers, counted anew: a cluster's may be beyond the 16 bits that a generation leaves."""
    used = {row.policy for row in (*table.rows, *table.behind)}
    used |= {number for pod in table.pods for number in (*pod.active, *pod.staged)}
    real = sorted(number for number in used if number >= FIRST_POLICY)
    return {number: number for number in range(FIRST_POLICY)} | {n: FIRST_POLICY + i for i, n in enumerate(real)}


def _renumbered(pod: PodRules, policies: dict[int, int]) -> PodRules:
    active, staged = ((policies[pair[0]], policies[pair[1]]) for pair in (pod.active, pod.staged))
    return replace(pod, active=active, staged=staged)


def _exact(table: RuleTable) -> dict[bytes, tuple[int, int]]:
    """Identity and flags by address. A node's own address or a resolver's may be in a listed network as well: it
    keeps that identity."""
    exact = {packed(address): (identity, 0) for address, identity in table.exact}
    for addresses, flag in ((table.local, _LOCAL), (table.resolvers, _RESOLVER)):
        for address in addresses:
            identity, flags = exact.get(packed(address)) or (_covering(table, address), 0)
            exact[packed(address)] = (identity, flags | flag)
    return exact


def _policy(number: int, generation: int) -> int:
    """Numbers with a meaning stay; real ones are never shared between generations."""
    return number if number < FIRST_POLICY else (generation & 0xFFFF) << 16 | number


def _covering(table: RuleTable, address: str) -> int:
    """Identity of an address by the longest network that holds it; 0 is the world."""
    best, identity = -1, 0
    for cidr, number in table.cidrs:
        network = ip_network(cidr)
        one = ip_network(address)
        if network.version == one.version and network.prefixlen > best and one.subnet_of(network):  # type: ignore[arg-type]  # same version
            best, identity = network.prefixlen, number
    return identity
