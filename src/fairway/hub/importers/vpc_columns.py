"""AWS VPC flow logs by columns, out of text or Parquet: from fields to sights.

The same packets may be logged at several interfaces: at both ends, and on the way through NAT or transit gateways.
The first interface that tells of packets from one address to another counts; the others are other witnesses. Each
way has its own first: a gateway may have one interface for the way there and another for the way back.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairway.hub.importers.ends import Ends, Told
from fairway.hub.importers.sight import NONE, SIGHT, At, Opener, Sights
from fairway.hub.importers.tally import Tally
from fairway.kit.codes import distinct
from fairway.wire.endpoint import Kind
from fairway.wire.words import Verdict

SECOND: Final = 1_000_000
HOP: Final = "hop"
"""Among the fields without a column: what stood in between, by address and interface."""
LATEST: Final = 4_102_444_800
"""2100, in seconds: later moments are garbage."""
MAX_PAIRS: Final = 1 << 19

_TCP: Final = 6
_SYN, _SYN_ACK = 2, 18

TAKEN: Final = frozenset(
    (
        *("version", "srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr", "srcport", "dstport", "protocol"),
        *("packets", "bytes", "start", "end", "action", "tcp-flags", "log-status", "interface-id"),
        *("flow-direction", "az-id", "pkt-src-aws-service", "pkt-dst-aws-service"),
    )
)
NUMBERS: Final = frozenset(("srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp-flags"))

Ints = NDArray[np.int64]


class Columns(ABC):
    """Records by field; the names are those of AWS with hyphens, in lower case."""

    names: Set[str]

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def words(self, name: str) -> tuple[Ints, list[str]]:
        """The field as numbers of distinct texts; `-` where there is none."""

    @abstractmethod
    def kept(self, which: Iterable[int]) -> "Columns":
        """These records alone."""

    def ints(self, name: str) -> Ints:
        """The field as numbers, -1 for `-`; ValueError or OverflowError if one is neither."""
        codes, words = self.words(name)
        numbers: Ints = np.array([-1 if word == "-" else int(word) for word in words], np.int64)
        return numbers[codes]

    def having(self, name: str, word: str) -> NDArray[np.bool_]:
        """Where the field is this word."""
        codes, words = self.words(name)
        found: NDArray[np.bool_] = np.array([one == word for one in words], bool)[codes]
        return found


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """A field's name as the documentation writes it; Parquet files have underscores."""
    return name.lower().replace("_", "-")


class VpcColumns:
    """Turns columns into sights, and remembers which interface told of which addresses."""

    def __init__(self, ends: Ends, tally: Tally) -> None:
        self._ends = ends
        self._tally = tally
        self._owners: dict[int, str] = {}
        self._generation = ends.generation

    def sights(self, columns: Columns, lines: Sequence[int]) -> Sights:
        """The usable records as sights; the others are counted."""
        self._tally.records += len(columns)
        self._tally.not_taken |= columns.names - TAKEN
        missing = {"srcport", "dstport", "protocol"} - columns.names
        if missing:
            self._tally.skip(f"the log has no field {', '.join(sorted(missing))}", lines[0], len(columns))
            return NONE
        columns, lines = self._logged(columns, lines)
        if not len(columns):
            return NONE
        try:
            return self._convert(columns, lines)
        except (ValueError, OverflowError):
            return self._one_by_one(columns, lines)

    def _one_by_one(self, columns: Columns, lines: Sequence[int]) -> Sights:
        """Some record of these holds what it should not: find it."""
        if len(columns) == 1:
            self._tally.skip("a field is no number", lines[0])
            return NONE
        half = len(columns) // 2
        parts = []
        for which in (range(half), range(half, len(columns))):
            kept, numbers = columns.kept(which), [lines[index] for index in which]
            try:
                parts.append(self._convert(kept, numbers))
            except (ValueError, OverflowError):
                parts.append(self._one_by_one(kept, numbers))
        return np.concatenate(parts)

    def _logged(self, columns: Columns, lines: Sequence[int]) -> tuple[Columns, Sequence[int]]:
        """Without the records that say that there was nothing to log, or that something was not logged."""
        if "log-status" not in columns.names:
            return columns, lines
        codes, words = columns.words("log-status")
        if words == ["OK"]:
            return columns, lines
        good = np.array([word == "OK" for word in words], bool)[codes]
        for index in np.flatnonzero(~good).tolist():
            self._tally.skip(_STATUSES.get(words[codes[index]], "a log-status of its own kind"), lines[index])
        kept = np.flatnonzero(good).tolist()
        return columns.kept(kept), [lines[index] for index in kept]

    def _convert(self, columns: Columns, lines: Sequence[int]) -> Sights:
        ends, sights = self._ends, np.zeros(len(columns), SIGHT)
        if self._generation != ends.generation:
            self._owners, self._generation = {}, ends.generation
        numbers = {name: self._ints(columns, name) for name in ("srcport", "dstport", "protocol")}
        source = self._addresses(columns, "src")
        target = self._addresses(columns, "dst")
        start, end = self._times(columns)
        bad = (source < 0) | (target < 0)
        wrong = (start > LATEST) | (end > LATEST) | (numbers["protocol"] > 255) | (numbers["protocol"] < 0)
        wrong |= (numbers["srcport"] > 65535) | (numbers["dstport"] > 65535)
        sights["source"], sights["target"] = source.clip(0), target.clip(0)
        sights["source_port"], sights["target_port"] = numbers["srcport"].clip(0), numbers["dstport"].clip(0)
        sights["protocol"] = numbers["protocol"] & 255
        sights["start"], sights["end"] = start * SECOND, end * SECOND
        self._count(columns, sights)
        self._who_opened(columns, sights)
        self._where(columns, sights)
        self._keep(columns, sights)
        for line in np.flatnonzero(bad)[:1]:
            self._tally.skip("an address is none", lines[line], int(bad.sum()))
        for line in np.flatnonzero(wrong & ~bad)[:1]:
            self._tally.skip("a port, protocol or time is out of range", lines[line], int((wrong & ~bad).sum()))
        return sights[~(bad | wrong)]

    def _ints(self, columns: Columns, name: str, missing: int = 0) -> Ints:
        return columns.ints(name) if name in columns.names else np.full(len(columns), missing, np.int64)

    def _times(self, columns: Columns) -> tuple[Ints, Ints]:
        start, end = self._ints(columns, "start", -1), self._ints(columns, "end", -1)
        start = np.where(start < 0, end, start)
        timeless = start < 0
        if timeless.any():
            self._tally.note("records without a time have the file's", int(timeless.sum()))
        start = np.where(timeless, self._tally.file_us // SECOND, start)
        return start, np.maximum(start, end)

    def _addresses(self, columns: Columns, which: str) -> Ints:
        """Behind NAT the packet's own address, which is the pod's; a cloud service if the record says so."""
        own, service = f"{which}addr", f"pkt-{which}-aws-service"
        name = f"pkt-{own}" if f"pkt-{own}" in columns.names else own
        codes, words = columns.words(name)
        found = self._ends.many(words)[codes]
        if name != own and own in columns.names and "-" in words:
            interface, others = columns.words(own)
            found = np.where(found < 0, self._ends.many(others)[interface], found)
        if service in columns.names:
            kinds, services = columns.words(service)
            for row in distinct(codes, kinds)[0]:
                word, address = services[kinds[row]], words[codes[row]]
                if word != "-" and found[row] >= 0 and address != "-":
                    cloud = self._ends.told(Told(Kind.CLOUD, address, name=word))
                    found[(codes == codes[row]) & (kinds == kinds[row])] = cloud
        return found

    def _count(self, columns: Columns, sights: Sights) -> None:
        """Packets and bytes; what was rejected was dropped."""
        packets, size = self._ints(columns, "packets", 1).clip(0), self._ints(columns, "bytes").clip(0)
        rejected = np.zeros(len(sights), bool)
        if "action" in columns.names:
            rejected = columns.having("action", "REJECT")
        sights["sent_packets"], sights["sent_bytes"] = np.where(rejected, 0, (packets, size))
        sights["denied"] = np.where(rejected, np.clip(packets, 1, 1 << 31), 0)
        sights["verdict"] = np.where(rejected, Verdict.DENY, Verdict.ALLOW)
        sights["connections"] = ~rejected

    def _who_opened(self, columns: Columns, sights: Sights) -> None:
        """A record that has SYN is the client's, one that has SYN and ACK is the server's."""
        if "tcp-flags" not in columns.names:
            return
        tcp = sights["protocol"] == _TCP
        shake = columns.ints("tcp-flags").clip(0) & _SYN_ACK
        opened = tcp & (shake == _SYN)
        sights["opener"] = np.where(opened, Opener.SOURCE, np.where(tcp & (shake == _SYN_ACK), Opener.TARGET, 0))
        sights["connections"] = np.where(tcp & ~opened, 0, sights["connections"])

    def _where(self, columns: Columns, sights: Sights) -> None:
        """Which of several interfaces counts; in which zone the interface's own end is."""
        if "interface-id" in columns.names:
            sights["at"] = self._witness(*columns.words("interface-id"), sights)
        if {"az-id", "flow-direction"} <= columns.names:
            codes, zones = columns.words("az-id")
            own = np.where(columns.having("flow-direction", "ingress"), sights["target"], sights["source"])
            for row in distinct(own, codes)[0]:
                if (zone := zones[codes[row]]) != "-":
                    self._ends.place(int(own[row]), zone)

    def _keep(self, columns: Columns, sights: Sights) -> None:
        """What flows have no column for: of a log with few interfaces there are few kinds of it."""
        names = sorted(columns.names - TAKEN)
        coded = [columns.words(name) for name in names]
        if (hops := _hops(columns)) is not None:
            names, coded = [*names, HOP], [*coded, hops]
        if not names or not len(columns):
            return
        positions, groups = distinct(*(codes for codes, _ in coded))
        numbers = [
            self._tally.unknown.number(
                {
                    name: word
                    for name, (codes, words) in zip(names, coded, strict=True)
                    if (word := words[codes[row]]) != "-"
                }
            )
            for row in positions
        ]
        sights["unknown"] = np.array(numbers, np.int64)[groups]

    def _witness(self, codes: Ints, titles: list[str], sights: Sights) -> NDArray[Any]:
        pairs = sights["source"].astype(np.int64) << 32 | sights["target"]
        positions, groups = distinct(pairs, codes)
        if len(self._owners) > MAX_PAIRS:
            self._owners.clear()
        owned = np.zeros(len(positions), bool)
        for group in np.argsort(positions):
            row = positions[group]
            title = titles[codes[row]]
            owned[group] = self._owners.setdefault(int(pairs[row]), title) == title
        return np.where(owned[groups], At.HERE, At.ELSEWHERE)


def _hops(columns: Columns) -> tuple[Ints, list[str]] | None:
    """Where a record's address is not the packet's own, a NAT gateway or the like has it: `10.0.0.9 eni-1`."""
    sides = [(f"{side}addr", f"pkt-{side}addr") for side in ("src", "dst")]
    told = [pair for pair in sides if columns.names >= set(pair)]
    if not told or not len(columns):
        return None
    coded = [columns.words(name) for pair in told for name in pair]
    if "interface-id" in columns.names:
        coded.append(columns.words("interface-id"))
    positions, groups = distinct(*(codes for codes, _ in coded))
    words = []
    for row in positions:
        record = [texts[codes[row]] for codes, texts in coded]
        pairs = [record[at : at + 2] for at in range(0, 2 * len(told), 2)]
        hops = [own for own, packet in pairs if own != packet and "-" not in (own, packet)]
        words.append(" ".join([*hops, *record[2 * len(told) :]]) if hops else "-")
    return groups, words


_STATUSES: Final = {
    "NODATA": "NODATA: no traffic at the interface",
    "SKIPDATA": "SKIPDATA: AWS left records out",
}
