"""What changed since the last look: the kernel's counters only grow, so an interval is a difference."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairway.agent.kernel import Records, Table

COUNTED: Final = ("tx_packets", "rx_packets", "tx_bytes", "rx_bytes", "connections")
_IDLE_SECONDS: Final = {"closed": 30, "udp": 300, "other": 60, "tcp": 4 * 3600}
_FIN, _RST = 0x01, 0x04


class Tables(Protocol):
    """What is drained: a Kernel, or the tables that another process pinned."""

    tables: dict[str, Table]


class FlowDrain:
    """Reads the flow table whole and keeps the last reading.

    `read` gives (keys, values, deltas) of the entries that moved; deltas has the fields of COUNTED and
    `retransmissions`. An entry that was evicted and came again starts from zero, which its `first` tells.
    """

    def __init__(self, kernel: Tables) -> None:
        self._table = kernel.tables["flows"]
        self._hashes = np.zeros(0, "u8")
        self._keys, self._before = np.zeros(0, self._table.key), np.zeros(0, self._table.value)
        self._delta = np.dtype([(name, "u8") for name in (*COUNTED, "retransmissions")])

    @property
    def size(self) -> int:
        """Entries at the last reading."""
        return len(self._keys)

    def read(self) -> tuple[Records, Records, NDArray[np.void]]:
        """Entries that moved since the last call."""
        keys, values = self._table.read()
        hashes, places = np.unique(hash_keys(keys), return_index=True)
        keys, values = keys.take(places), values.take(places)  # `take`: indexing records is fifty times slower
        known = np.zeros(len(hashes), bool)
        before = np.zeros(len(hashes), self._table.value)
        if len(self._hashes):
            at = np.searchsorted(self._hashes, hashes)
            at[at == len(self._hashes)] = 0
            before = self._before.take(at)
            known = (self._hashes[at] == hashes) & (before["first"] == values["first"])
        # Counters only grow: one below its last figure is of another entry, made within the same jiffy.
        for name in COUNTED:
            known &= before[name] <= values[name]
        before[~known] = 0
        deltas = np.zeros(len(values), self._delta)
        for name in COUNTED:
            deltas[name] = values[name] - before[name]
        retransmitted, earlier = _retransmitted(values), _retransmitted(before)
        # A socket that is replaced on the same tuple starts again below the last figure.
        deltas["retransmissions"] = np.where(retransmitted >= earlier, retransmitted - earlier, retransmitted)
        self._hashes, self._keys, self._before = hashes, keys, values
        moved = np.flatnonzero((deltas["tx_packets"] + deltas["rx_packets"] > 0) | ~known)
        return keys.take(moved), values.take(moved), deltas.take(moved)

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


def _retransmitted(values: Records) -> NDArray[np.uint64]:
    total: NDArray[np.uint64] = values["retransmitted"].astype("u8") + values["retransmitted_before"]
    return total


def _last_of_each(keys: Records, values: Records) -> tuple[Records, Records]:
    places = {key.tobytes(): index for index, key in enumerate(keys)}
    index = list(places.values())
    return keys[index], values[index]
