"""Flows become conversations: the client's port is left out, and who is client is settled.

A row of `wire.batch.RECORD` per (pod, who opened it, protocol, remote address, server port, verdicts).
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairway.agent.drain import COUNTED, hash_keys
from fairway.agent.kernel import Records
from fairway.agent.positions import among
from fairway.agent.rulenames import RuleNames
from fairway.wire.batch import EDGE, FLOW, RECORD
from fairway.wire.words import Initiator, Verdict

Listening = Callable[[int], frozenset[int] | None]
"""TCP ports that somebody listens on in the pod behind an interface; None where nobody can tell."""

_EPHEMERAL: Final = 32768
"""Where Linux begins to take clients' ports from (net.ipv4.ip_local_port_range)."""

_SUMS: Final = (
    "connections",
    "failed",
    "resets",
    "severed",
    "retransmissions",
    "handshake_retransmissions",
    "timeouts",
    "handshake_timeouts",
    "connect_count",
    "connect_sum_us",
    "srtt_count",
    "srtt_sum_us",
    "denied",
    "tx_packets",
    "rx_packets",
    "tx_bytes",
    "rx_bytes",
)
_LEAST: Final = (("connect_min_us", "connect_count"), ("srtt_min_us", "srtt_count"))
"""Least figures, each with the count of what it is the least of: none of nothing."""
_MOST: Final = ("last_us", "srtt_us", "connect_max_us")
_WHO: Final = (
    "family",
    "protocol",
    "initiator",
    "verdict",
    "staged",
    "reason",
    "staged_reason",
    "pod",
    "port",
    "verdict_rule",
    "staged_rule",
    "remote_address",
)
_KEY: Final = np.dtype([(name, RECORD[name]) for name in _WHO])
_TCP, _UDP, _SCTP = 6, 17, 132
_WITH_PORTS: Final = (_TCP, _UDP, _SCTP)


def settle_initiators(keys: Records, initiators: NDArray[np.uint8], listening: Listening) -> NDArray[np.uint8]:
    """Who opened each flow. Where the kernel came too late to see it, a listening local port means the remote
    end did; an ephemeral one that nobody listens on, facing a port that is none, means the pod did.

    UDP has no SYN: a first packet from a service's port to an ephemeral one looks like the answer to a question
    that was asked before the agent came. Nobody saw who opened it, so nobody is said to have.
    """
    settled = initiators.copy()
    local_ephemeral, remote_ephemeral = keys["local_port"] >= _EPHEMERAL, keys["remote_port"] >= _EPHEMERAL
    to_ephemeral = np.where(initiators == Initiator.REMOTE, local_ephemeral, remote_ephemeral)
    from_service = np.where(initiators == Initiator.REMOTE, ~remote_ephemeral, ~local_ephemeral)
    settled[(keys["protocol"] == _UDP) & to_ephemeral & from_service] = Initiator.UNKNOWN
    open_questions = np.flatnonzero((initiators == Initiator.UNKNOWN) & (keys["protocol"] == _TCP))
    listeners = {interface: listening(interface) for interface in set(keys["ifindex"][open_questions].tolist())}
    for index in open_questions:
        ports = listeners[int(keys["ifindex"][index])]
        local, remote = int(keys["local_port"][index]), int(keys["remote_port"][index])
        if ports is None:
            continue
        if local in ports:
            settled[index] = Initiator.REMOTE
        elif local >= _EPHEMERAL > remote:
            settled[index] = Initiator.POD
    return settled


def rows_of_flows(
    keys: Records,
    values: Records,
    deltas: NDArray[np.void],
    initiators: NDArray[np.uint8],
    to_us: Callable[[NDArray[np.uint64]], NDArray[np.int64]],
    names: RuleNames,
) -> NDArray[np.void]:
    """One row per flow that moved, not yet folded; whose pod it is, the caller fills in."""
    rows = _rows(keys, values, initiators, to_us)
    for name in (*COUNTED, "failed", "resets", "severed", "retransmissions", "timeouts", "handshake_timeouts"):
        rows[name] = deltas[name]
    rows["handshake_retransmissions"] = deltas["handshake_retransmitted"]
    _add_times(rows, values, deltas)
    for slot, column in enumerate(("verdict_rule", "staged_rule")):
        rows[column] = names.indices(values["generation"], values["rule"][:, slot])
    return rows


def _add_times(rows: NDArray[np.void], values: Records, deltas: NDArray[np.void]) -> None:
    count = deltas["established"]
    rows["connect_count"], rows["connect_sum_us"] = count, deltas["connect_us"]
    # Of a tuple that was used again and again within the interval, the mean stands for each.
    rows["connect_min_us"] = rows["connect_max_us"] = deltas["connect_us"] // np.maximum(count, 1)
    told = (values["srtt_us"] > 0) & (deltas["tx_packets"] > 0)
    rows["srtt_count"] = told
    for name in ("srtt_us", "srtt_min_us", "srtt_sum_us"):
        rows[name] = np.where(told, values["srtt_us"], 0)


def rows_of_denials(
    keys: Records,
    values: Records,
    packets: NDArray[np.uint64],
    to_us: Callable[[NDArray[np.uint64]], NDArray[np.int64]],
) -> NDArray[np.void]:
    """One row per denied tuple that moved."""
    rows = _rows(keys, values, values["initiator"], to_us)
    rows["denied"] = np.minimum(packets, np.iinfo("u4").max)
    return rows


def rows_of_events(
    events: Records,
    initiators: NDArray[np.uint8],
    to_us: Callable[[NDArray[np.uint64]], NDArray[np.int64]],
) -> NDArray[np.void]:
    """One row of kind EDGE per event: somebody was seen, nothing is counted."""
    rows = np.zeros(len(events), RECORD)
    _who(rows, events["key"], events, initiators)
    rows["kind"] = EDGE
    rows["first_us"] = rows["last_us"] = to_us(events["at"])
    return rows


def fold(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Rows of the same conversation become one: counters are added, times widened, and of durations the shortest
    and the longest kept."""
    if not len(rows):
        return rows
    order = np.argsort(conversation_hashes(rows), kind="stable")
    rows = rows[order]
    hashes = conversation_hashes(rows)
    starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    folded = rows[starts].copy()
    for name in _SUMS:
        sums = np.add.reduceat(rows[name].astype("u8"), starts)
        folded[name] = np.minimum(sums, np.iinfo(RECORD[name]).max)
    folded["first_us"] = np.minimum.reduceat(rows["first_us"], starts)
    for name in _MOST:
        folded[name] = np.maximum.reduceat(rows[name], starts)
    for name, count in _LEAST:
        least = np.where(rows[count] > 0, rows[name], np.iinfo("u4").max)
        folded[name] = np.where(folded[count] > 0, np.minimum.reduceat(least, starts), 0)
    return folded


def conversation_hashes(rows: NDArray[np.void]) -> NDArray[np.uint64]:
    """A number per row, equal for rows of the same conversation."""
    keys = np.zeros(len(rows), _KEY)
    for name in _WHO:
        keys[name] = rows[name]
    return hash_keys(keys)


def group_addresses(addresses: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which are multicast, broadcast or IPv6 link-local: of the link's own life, between no two endpoints."""
    octets = np.ascontiguousarray(addresses).view("u1").reshape(len(addresses), 16)
    v4 = (octets[:, :10] == 0).all(axis=1) & (octets[:, 10:12] == 0xFF).all(axis=1)
    link_local = (octets[:, 0] == 0xFE) & (octets[:, 1] & 0xC0 == 0x80)
    result: NDArray[np.bool_] = np.where(v4, octets[:, 12] >= 224, (octets[:, 0] == 0xFF) | link_local)
    return result


def _rows(
    keys: Records,
    values: Records,
    initiators: NDArray[np.uint8],
    to_us: Callable[[NDArray[np.uint64]], NDArray[np.int64]],
) -> NDArray[np.void]:
    rows = np.zeros(len(keys), RECORD)
    _who(rows, keys, values, initiators)
    rows["kind"] = FLOW
    rows["first_us"], rows["last_us"] = to_us(values["first"]), to_us(values["last"])
    return rows


def _who(rows: NDArray[np.void], keys: Records, verdicts: Records, initiators: NDArray[np.uint8]) -> None:
    for name in ("family", "protocol"):
        rows[name] = keys[name]
    rows["remote_address"] = keys["remote"]
    rows["initiator"] = initiators
    rows["port"] = _server_ports(keys, initiators)
    rows["verdict"], rows["staged"] = verdicts["verdict"][:, 0], verdicts["verdict"][:, 1]
    rows["reason"], rows["staged_reason"] = verdicts["reason"][:, 0], verdicts["reason"][:, 1]
    rows["reason"][rows["verdict"] != Verdict.DENY] = 0
    rows["staged_reason"][rows["staged"] != Verdict.DENY] = 0


def _server_ports(keys: Records, initiators: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The server's port; of an unknown initiator the lower of the two, as a label only."""
    local, remote = keys["local_port"], keys["remote_port"]
    ports = np.select(
        [initiators == Initiator.POD, initiators == Initiator.REMOTE], [remote, local], np.minimum(local, remote)
    )
    return np.where(among(keys["protocol"], _WITH_PORTS), ports, 0).astype("u2")
