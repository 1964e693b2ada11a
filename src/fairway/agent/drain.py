"""What changed since the last look: the kernel's counters only grow, so an interval is a difference."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairway.agent.kernel import Records, Table
from fairway.agent.positions import Positions, blocks
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


class Tables(Protocol):
    """What is drained: a Kernel, or the tables that another process pinned."""

    tables: dict[str, Table]


class FlowDrain:
    """Reads the flow table whole and keeps the last reading.

    `read` gives (keys, values, deltas) of the entries that moved; deltas has the fields of COUNTED, of WRAPPING and
    `retransmissions`. An entry that was evicted and came again starts from zero, which its `first` tells. One that
    is gone is told as far as its last record in `spills`, if it left any.
    """

    def __init__(self, source: Tables, spills: Ring | None = None) -> None:
        self._table = source.tables["flows"]
        self._spills = spills
        self._spilled: list[Records] = []
        self._positions = Positions(np.zeros(0, "u8"))
        self._keys, self._before = np.zeros(0, self._table.key), np.zeros(0, self._table.value)
        # The last reading and the one to come: new memory each time would cost as much as half the reading.
        self._rooms = (self._table.room(), self._table.room())
        self._delta = np.dtype([(name, "u8") for name in (*COUNTED, *WRAPPING, "retransmissions")])

    @property
    def size(self) -> int:
        """Entries at the last reading."""
        return len(self._keys)

    def listen(self) -> bool:
        """Take the records of what spilled, and say whether there were any. To be called often: their ring is full
        after some gigabytes."""
        if self._spills is None or not len(fresh := self._spills.read()):
            return False
        self._spilled = [_latest(np.concatenate((*self._spilled, fresh)))]
        return True

    def read(self) -> tuple[Records, Records, NDArray[np.void]]:
        """Entries that moved since the last call."""
        self._rooms = self._rooms[::-1]
        keys, values = self._table.read(self._rooms[0])
        self.listen()  # after the table: what spilled before and is not in the table has gone
        hashes = hash_keys(keys)
        positions = Positions(hashes)
        if positions.repeated:  # an entry that moved while it was read came twice
            _, firsts = positions.distinct()
            keys, values, hashes = keys.take(firsts), values.take(firsts), hashes.take(firsts)
            positions = Positions(hashes)
        gone_keys, gone = keys[:0], values[:0]
        for spilled in self._spilled:
            gone_keys, gone = _gone(spilled, positions, values)
        self._spilled = []
        gone_before, _ = self._earlier(hash_keys(gone_keys), gone)
        moved, deltas = self._moved(hashes, values)
        self._positions, self._keys, self._before = positions, keys, values
        if not len(gone):  # joining records costs more than reading them did
            return keys.take(moved), values.take(moved), deltas
        return (
            np.concatenate((keys.take(moved), gone_keys)),
            np.concatenate((values.take(moved), gone)),
            np.concatenate((deltas, self._deltas(gone, gone_before))),
        )

    def _moved(self, hashes: NDArray[np.uint64], values: Records) -> tuple[NDArray[np.intp], NDArray[np.void]]:
        """Indices of the entries that moved since the last reading, and how far."""
        moved, deltas = [np.zeros(0, np.intp)], [np.zeros(0, "u8")]
        for part in blocks(len(values)):
            now = values[part]
            before, known = self._earlier(hashes[part], now)
            changed = np.flatnonzero(~known | _differ(now, before))  # mostly few
            now, known = now.take(changed), known.take(changed)
            delta = self._deltas(now, before.take(changed))
            # What is counted under a Service's address has nothing more to tell, unless it would have been denied.
            told = np.flatnonzero(~known & (now["behind"] == 0) | _any(delta))
            moved.append(changed.take(told) + part.start)
            deltas.append(delta.take(told).view("u8"))
        return np.concatenate(moved), np.concatenate(deltas).view(self._delta)

    def _earlier(self, hashes: NDArray[np.uint64], values: Records) -> tuple[Records, NDArray[np.bool_]]:
        """What the entries were at the last reading, zero for new ones; and which were there."""
        at, known = self._positions.find(hashes)
        before = np.zeros(len(hashes), self._table.value)
        if len(self._before) and len(hashes):
            before = self._before.take(at)  # `take`: indexing records is fifty times slower
            known &= before["first"] == values["first"]
        # Counters only grow: one below its last figure is of another entry, made within the same jiffy.
        for name in COUNTED:
            known &= before[name] <= values[name]
        before[~known] = 0
        return before, known

    def _deltas(self, now: Records, before: Records) -> NDArray[np.void]:
        deltas = np.zeros(len(now), self._delta)
        for name in (*COUNTED, *WRAPPING):
            deltas[name] = now[name] - before[name]  # in the counter's own width, so that it may wrap
        retransmitted, earlier = _retransmitted(now), _retransmitted(before)
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
    result, width = np.zeros(len(keys), "u8"), keys.dtype.itemsize
    for part in blocks(len(keys)):
        some = np.ascontiguousarray(keys[part]).view("u1").reshape(-1, width)
        words = np.zeros((len(some), (width + 7) // 8 * 8), "u1")
        words[:, :width] = some
        result[part] = _mixed(words.view("u8"))
    return result


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    result = np.zeros(len(words), "u8")
    for column in words.T:
        mixed = result ^ column
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        result = (mixed ^ (mixed >> np.uint64(31))) + np.uint64(0x9E3779B97F4A7C15)
    return result


def _latest(spilled: Records) -> Records:
    """The last record of each entry; one that is there anew is another."""
    entries = hash_keys(np.ascontiguousarray(spilled["key"])) ^ spilled["flow"]["first"]
    last = np.sort(entries.argsort(kind="stable")[np.append(np.diff(np.sort(entries)) != 0, True)])
    return spilled.take(last)


def _gone(spilled: Records, positions: Positions, values: Records) -> tuple[Records, Records]:
    """What spilled and is no longer in the table, whose entries have `positions`, or is there anew."""
    keys, flows = np.ascontiguousarray(spilled["key"]), np.ascontiguousarray(spilled["flow"])
    at, found = positions.find(hash_keys(keys))
    if len(values):
        found &= values["first"].take(at) == flows["first"]
    gone = np.flatnonzero(~found)
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
