"""What changed since the last look: the kernel's counters only grow, so an interval is a difference."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairway.agent.kernel import Records, Table
from fairway.agent.positions import Positions

COUNTED: Final = ("tx_packets", "rx_packets", "tx_bytes", "rx_bytes", "connections")
RETRANSMITTED: Final = ("retransmitted", "retransmitted_before")
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
        self._positions = Positions(np.zeros(0, "u8"))
        self._keys, self._before = np.zeros(0, self._table.key), np.zeros(0, self._table.value)
        # The last reading and the one to come: new memory each time would cost as much as half the reading.
        self._rooms = (self._table.room(), self._table.room())
        self._delta = np.dtype([(name, "u8") for name in (*COUNTED, "retransmissions")])

    @property
    def size(self) -> int:
        """Entries at the last reading."""
        return len(self._keys)

    def read(self) -> tuple[Records, Records, NDArray[np.void]]:
        """Entries that moved since the last call."""
        self._rooms = self._rooms[::-1]
        keys, values = self._table.read(self._rooms[0])
        hashes = hash_keys(keys)
        positions = Positions(hashes)
        places, _ = positions.find(hashes)
        once = places == np.arange(len(places))
        if not once.all():  # an entry that moved while it was read came twice
            keys, values, hashes = keys[once], values[once], hashes[once]
            positions = Positions(hashes)
        at, known = self._positions.find(hashes)
        moved = np.flatnonzero(~known | self._differs(values, at))
        if len(moved) < len(keys):
            told_keys, told, at, known = keys.take(moved), values.take(moved), at[moved], known[moved]
        else:
            told_keys, told = keys, values
        deltas = self._changes(told, at, known)
        self._positions, self._keys, self._before = positions, keys, values
        return told_keys, told, deltas

    def _differs(self, values: Records, at: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which entries moved since the reading before, where each is `at`; mostly few."""
        differs = np.zeros(len(values), bool)
        for name in ("first", "tx_packets", "rx_packets") if len(self._before) else ():
            differs |= self._before[name].take(at) != values[name]
        return differs

    def _changes(self, values: Records, at: NDArray[np.intp], known: NDArray[np.bool_]) -> NDArray[np.void]:
        """The counters' differences. What is not `known`, or is another entry by now, counts from zero."""
        # Column by column: a copy of whole records is mostly new memory, which costs more than what it is for.
        columns = ("first", *COUNTED, *RETRANSMITTED)
        was = {name: self._before[name].take(at) for name in columns} if len(self._before) else {}
        if was:
            # Counters only grow: one below its last figure is of another entry, made within the same jiffy.
            known = known & (was["first"] == values["first"])
            for name in COUNTED:
                known &= was[name] <= values[name]
        deltas = np.zeros(len(values), self._delta)
        for name in COUNTED:
            deltas[name] = values[name] - np.where(known, was[name], 0) if was else values[name]
        retransmitted = _retransmitted(values)
        earlier = np.where(known, _retransmitted(was), 0) if was else np.zeros_like(retransmitted)
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


def _retransmitted(values: Records | dict[str, NDArray[np.uint32]]) -> NDArray[np.uint64]:
    now, earlier = (values[name] for name in RETRANSMITTED)
    total: NDArray[np.uint64] = now.astype("u8") + earlier
    return total


def _last_of_each(keys: Records, values: Records) -> tuple[Records, Records]:
    places = {key.tobytes(): index for index, key in enumerate(keys)}
    index = list(places.values())
    return keys[index], values[index]
