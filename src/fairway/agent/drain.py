"""What changed since the last look: the kernel's counters only grow, so an interval is a difference."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairway.agent.kernel import Kernel, Records, Table
from fairway.agent.ring import Ring

COUNTED: Final = ("tx_packets", "rx_packets", "tx_bytes", "rx_bytes", "connections")
WRAPPING: Final = (
    "established",
    "failed",
    "resets",
    "severed",
    "timeouts",
    "handshake_timeouts",
    "handshake_retransmitted",
    "connect_us",
)
"""Counters of few bits, that start again at zero: less than a whole turn goes by between two looks."""
_IDLE_SECONDS: Final = {"closed": 30, "udp": 300, "other": 60, "tcp": 4 * 3600}
_FIN, _RST = 0x01, 0x04


class FlowDrain:
    """Reads the flow table whole and keeps the last reading.

    `read` gives (keys, values, deltas) of the entries that moved; deltas has the fields of COUNTED, of WRAPPING and
    `retransmissions`. An entry that was evicted and came again starts from zero, which its `first` tells. One that
    is gone is told as far as its last record in `spills`, if it left any.
    """

    def __init__(self, kernel: Kernel, spills: Ring | None = None) -> None:
        self._table = kernel.tables["flows"]
        self._spills = spills
        self._spilled = np.zeros(0, kernel.spill)
        self._hashes = np.zeros(0, "u8")
        self._keys, self._before = np.zeros(0, self._table.key), np.zeros(0, self._table.value)
        self._delta = np.dtype([(name, "u8") for name in (*COUNTED, *WRAPPING, "retransmissions")])

    def listen(self) -> None:
        """Take the records of what spilled: to be called often, for their ring is full after some gigabytes."""
        fresh = self._spills.read() if self._spills is not None else self._spilled[:0]
        if len(fresh):
            self._spilled = _latest(np.concatenate((self._spilled, fresh)))

    def read(self) -> tuple[Records, Records, NDArray[np.void]]:
        """Entries that moved since the last call."""
        keys, values = self._table.read()
        self.listen()  # after the table: what spilled before and is not in the table has gone
        spilled, self._spilled = self._spilled, self._spilled[:0]
        hashes, places = np.unique(hash_keys(keys), return_index=True)
        keys, values = keys.take(places), values.take(places)  # `take`: indexing records is fifty times slower
        gone_keys, gone = _gone(spilled, hashes, values) if len(spilled) else (keys[:0], values[:0])
        gone_before, _ = self._earlier(hash_keys(gone_keys), gone)
        before, known = self._earlier(hashes, values)
        changed = np.flatnonzero(~known | _differ(values, before))  # mostly few
        deltas = self._deltas(values.take(changed), before.take(changed))
        # What is counted under a Service's address has nothing more to tell, unless it would have been denied.
        told = (~known & (values["behind"] == 0)).take(changed) | _any(deltas)
        moved, deltas = changed[told], deltas[told]
        deltas = np.concatenate((deltas, self._deltas(gone, gone_before)))
        self._hashes, self._keys, self._before = hashes, keys, values
        return np.concatenate((keys.take(moved), gone_keys)), np.concatenate((values.take(moved), gone)), deltas

    def _earlier(self, hashes: NDArray[np.uint64], values: Records) -> tuple[Records, NDArray[np.bool_]]:
        """What the entries were at the last reading, zero for new ones; and which were there."""
        known, before = np.zeros(len(hashes), bool), np.zeros(len(hashes), self._table.value)
        if len(self._hashes) and len(hashes):
            at = np.searchsorted(self._hashes, hashes)
            at[at == len(self._hashes)] = 0
            before = self._before.take(at)
            known = (self._hashes[at] == hashes) & (before["first"] == values["first"])
        # Counters only grow: one below its last figure is of another entry, made within the same jiffy.
        for name in COUNTED:
            known &= before[name] <= values[name]
        before[~known] = 0
        return before, known

    def _deltas(self, values: Records, before: Records) -> NDArray[np.void]:
        deltas = np.zeros(len(values), self._delta)
        for name in (*COUNTED, *WRAPPING):
            deltas[name] = values[name] - before[name]  # in the counter's own width, so that it may wrap
        retransmitted, earlier = _retransmitted(values), _retransmitted(before)
        # A socket that is replaced on the same tuple starts again below the last figure.
        deltas["retransmissions"] = np.where(retransmitted >= earlier, retransmitted - earlier, retransmitted)
        return deltas

    def forget_idle(self, now: int, hz: int) -> int:
        """Remove entries that nothing had used for long when they were last read; `now` in jiffies. How many."""
        keys, values = self._keys, self._before
        tcp = keys["protocol"] == 6
        limit = np.full(len(keys), _IDLE_SECONDS["other"], "u8")
        limit[keys["protocol"] == 17] = _IDLE_SECONDS["udp"]
        limit[tcp] = _IDLE_SECONDS["tcp"]
        limit[tcp & ((values["tcp_flags"] & (_FIN | _RST)) != 0)] = _IDLE_SECONDS["closed"]
        idle = values["last"] + limit * np.uint64(hz) < np.uint64(max(now, 0))
        self._table.remove(keys[idle].copy())
        return int(idle.sum())


class DenialDrain:
    """Reads the table of denials; `read` gives (keys, values, packets dropped since the last call)."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._before: dict[bytes, tuple[int, int]] = {}

    def read(self) -> tuple[Records, Records, NDArray[np.uint64]]:
        """Denials that moved since the last call."""
        keys, values = self._table.read()
        now = {
            key.tobytes(): (int(first), int(packets))
            for key, first, packets in zip(keys, values["first"], values["packets"], strict=True)
        }
        deltas = np.array([packets - self._earlier(key, first) for key, (first, packets) in now.items()], "u8")
        if len(now) != len(keys):  # an entry that moved while it was read came twice
            keys, values = _last_of_each(keys, values)
        self._before = now
        moved = deltas > 0
        return keys[moved], values[moved], deltas[moved]

    def _earlier(self, key: bytes, first: int) -> int:
        known = self._before.get(key)
        return known[1] if known and known[0] == first else 0


def hash_keys(keys: Records) -> NDArray[np.uint64]:
    """A 64-bit number per record, equal for equal ones: splitmix64's mixer over the record's words."""
    width = (keys.dtype.itemsize + 7) // 8
    words = np.zeros((len(keys), width * 8), "u1")
    words[:, : keys.dtype.itemsize] = np.ascontiguousarray(keys).view("u1").reshape(len(keys), keys.dtype.itemsize)
    result = np.zeros(len(keys), "u8")
    for column in words.view("u8").T:
        mixed = result ^ column
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        result = (mixed ^ (mixed >> np.uint64(31))) + np.uint64(0x9E3779B97F4A7C15)
    return result


def _latest(spilled: Records) -> Records:
    """The last record of each entry; one that is there anew is another."""
    entries = hash_keys(np.ascontiguousarray(spilled["key"])) ^ spilled["flow"]["first"]
    _, last = np.unique(entries[::-1], return_index=True)
    return spilled.take(len(spilled) - 1 - last)


def _gone(spilled: Records, hashes: NDArray[np.uint64], values: Records) -> tuple[Records, Records]:
    """What spilled and is no longer in the table, or is there anew."""
    keys, flows = np.ascontiguousarray(spilled["key"]), np.ascontiguousarray(spilled["flow"])
    if not len(hashes):
        return keys, flows
    numbers = hash_keys(keys)
    at = np.searchsorted(hashes, numbers)
    at[at == len(hashes)] = 0
    gone = np.flatnonzero((hashes[at] != numbers) | (values["first"].take(at) != flows["first"]))
    return keys.take(gone), flows.take(gone)


def _differ(one: Records, other: Records) -> NDArray[np.bool_]:
    """Where two arrays of flows, which are whole words long, differ in anything."""
    shape = (len(one), one.dtype.itemsize // 8)
    words = (np.ascontiguousarray(records).view("u8").reshape(shape) for records in (one, other))
    result: NDArray[np.bool_] = np.not_equal(*words).any(axis=1)
    return result


def _any(deltas: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which rows have anything to tell."""
    moved = np.zeros(len(deltas), bool)
    for name in deltas.dtype.names or ():
        moved |= deltas[name] > 0
    return moved


def _retransmitted(values: Records) -> NDArray[np.uint64]:
    total: NDArray[np.uint64] = values["retransmitted"].astype("u8") + values["retransmitted_before"]
    return total


def _last_of_each(keys: Records, values: Records) -> tuple[Records, Records]:
    places = {key.tobytes(): index for index, key in enumerate(keys)}
    index = list(places.values())
    return keys[index], values[index]
