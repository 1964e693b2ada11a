"""Lookups: compiled grants as arrays, to judge connections by the million.

Ends are numbered; a connection is (client, server, port, protocol) in four arrays. What either side may open is one
probe of a hash table by (policy, peer identity), then one look at a bit by (openings, kind of port).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairway.policy.compile import Compiled
from fairway.policy.decide import is_loopback
from fairway.policy.grants import OTHERS, SHUT, WITH_PORTS, Grant, Openings
from fairway.policy.intervals import EVERY_PORT
from fairway.wire.rules import CLOSED, FIRST_POLICY
from fairway.wire.words import Direction, Slot

EGRESS_DENIED: Final = 1
"""In an answer: the client's side denies the connection."""
INGRESS_DENIED: Final = 2
"""In an answer: the server's side denies it."""

Array = NDArray[Any]
_PORTS: Final = 1 << 16
_CHUNK: Final = 1 << 14
"""Connections at a time: so many that what is in between stays in the processor's cache."""
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: multiplying by it spreads neighbouring keys (Knuth, volume 3, 6.4)."""
_FREE: Final = -1
_OPEN: Final = 0
"""Of the openings: everything; also what a side that is not judged lets through."""


class Ends(NamedTuple):
    """What is judged about each end, all of one length.

    `egress` and `ingress` are policies as `Lookups.policy` numbers them; `host` is the number of the node whose own
    address it is, `node` that of the node that a pod is on, both -1 for none. Ends of one `address` are one; a
    `loopback` is whoever asks.
    """

    egress: Array
    ingress: Array
    identity: Array
    address: Array
    host: Array
    node: Array
    loopback: NDArray[np.bool_]


class Lookups:
    """The grants of one slot."""

    def __init__(self, compiled: Compiled, slot: Slot = Slot.ACTIVE) -> None:
        self._compiled = compiled
        self._slot = slot
        self._policies = {number: 2 + i for i, number in enumerate(compiled.grants)}
        every: dict[Openings, int] = {_plain((EVERY_PORT,) * 4): _OPEN}
        grants = [Grant((EVERY_PORT,) * 4), Grant(SHUT), *(grant for _, grant in compiled.grants.values())]
        numbered: dict[int, int] = {}

        def number(openings: Openings) -> int:
            # The compilation holds the values while this runs, so that their addresses stand for them.
            if id(openings) not in numbered:
                numbered[id(openings)] = every.setdefault(_plain(openings), len(every))
            return numbered[id(openings)]

        self._default = np.array([number(grant.default) for grant in grants], np.int64)
        keys = [policy << 32 | identity for policy, grant in enumerate(grants) for identity in grant.own]
        values = [number(openings) for grant in grants for openings in grant.own.values()]
        self._table = _HashTable(np.array(keys, np.int64), np.array(values, np.int64))
        self._sheet = _Sheet(list(every))

    def policy(self, number: int) -> int:
        """A policy number of the compilation as `Ends` have it."""
        return self._policies[number] if number >= FIRST_POLICY else int(number == CLOSED)

    def ends(self, addresses: Iterable[str]) -> Ends:
        """Those that hold these addresses, in this order; without repetitions."""
        listed = list(addresses)
        nodes = {name: index for index, name in enumerate(self._compiled.node_addresses)}
        hosts = {a: nodes[name] for name, found in self._compiled.node_addresses.items() for a in found}
        subjects = [self._compiled.holders.get(address) for address in listed]
        sides = [
            [self.policy(subject.numbers[self._slot][direction]) if subject else 0 for subject in subjects]
            for direction in (Direction.EGRESS, Direction.INGRESS)
        ]
        return Ends(
            egress=np.array(sides[0], np.int64),
            ingress=np.array(sides[1], np.int64),
            identity=np.array([self._compiled.identities.of(address) for address in listed], np.int64),
            address=np.arange(len(listed)),
            host=np.array([hosts.get(address, -1) for address in listed], np.int64),
            node=np.array([nodes.get(subject.pod.node, -1) if subject else -1 for subject in subjects], np.int64),
            loopback=np.array([is_loopback(address) for address in listed], bool),
        )

    def denied(
        self, ends: Ends, clients: Array, servers: Array, ports: Array, protocols: Array
    ) -> NDArray[np.uint8]:
        """For each connection the sum of EGRESS_DENIED and INGRESS_DENIED, 0 if it is allowed.

        `clients` and `servers` are numbers of ends, `ports` the servers' own, `protocols` IP's numbers.
        """
        sides = _Sides(ends, self._default)
        answer = np.empty(len(clients), np.uint8)
        for start in range(0, len(clients), _CHUNK):
            part = slice(start, start + _CHUNK)
            client, server = clients[part].astype(np.intp), servers[part].astype(np.intp)
            kind = self._sheet.kinds(ports[part], protocols[part])
            egress = self._shut(sides.egress, client, sides.identity.take(server), kind)
            ingress = self._shut(sides.ingress, server, sides.identity.take(client), kind)
            found = egress * np.uint8(EGRESS_DENIED) + ingress * np.uint8(INGRESS_DENIED)
            _exempt(ends, client, server, found)
            answer[part] = found
        return answer

    def _shut(self, side: "_Side", own: Array, peers: Array, kind: Array) -> Array:
        openings = self._table.find(side.keys.take(own) | peers)
        missing = openings == _FREE
        return self._sheet.shut(np.where(missing, side.default.take(own), openings), kind)


class _Side(NamedTuple):
    """One direction by end: the upper half of its keys, and what it opens to most."""

    keys: Array
    default: Array


class _Sides:
    def __init__(self, ends: Ends, default: Array) -> None:
        self.egress, self.ingress = (
            _Side(policy << 32, default.take(policy)) for policy in (ends.egress, ends.ingress)
        )
        self.identity = ends.identity


def _exempt(ends: Ends, client: Array, server: Array, found: Array) -> None:
    """Clear what no policy can deny: a pod's own address, and its own node's ingress."""
    held = np.flatnonzero(found)
    client, server = client[held], server[held]
    own = (ends.address.take(client) == ends.address.take(server)) | ends.loopback.take(server)
    host = ends.host.take(client)
    kubelet = (host >= 0) & (host == ends.node.take(server))
    found[held[kubelet]] &= np.uint8(EGRESS_DENIED)
    found[held[own]] = 0


@dataclass(slots=True)
class _HashTable:
    """Whole numbers by whole numbers, with open addressing; every key once, none negative."""

    _keys: Array
    _values: Array
    _shift: np.uint64

    def __init__(self, keys: Array, values: Array) -> None:
        bits = max(4, len(keys).bit_length() + 2)
        self._shift = np.uint64(64 - bits)
        self._keys = np.full(1 << bits, _FREE, np.int64)
        self._values = np.full(1 << bits, _FREE, np.int64)
        left, slots = np.arange(len(keys)), self._slots(keys)
        while len(left):
            free = self._keys[slots] == _FREE
            self._keys[slots[free]] = keys[left[free]]
            # Of several that wanted one slot the last was written.
            placed = self._keys[slots] == keys[left]
            self._values[slots[placed]] = values[left[placed]]
            left, slots = left[~placed], (slots[~placed] + 1) % len(self._keys)

    def find(self, keys: Array) -> Array:
        """The values; _FREE for keys that are not there."""
        slots = self._slots(keys)
        there = self._keys.take(slots)
        found = self._values.take(slots)
        left = np.flatnonzero((there != keys) & (there != _FREE))
        slots = slots[left]
        while len(left):
            slots = (slots + 1) % len(self._keys)
            there = self._keys.take(slots)
            found[left] = self._values.take(slots)
            going = (there != keys[left]) & (there != _FREE)
            left, slots = left[going], slots[going]
        return found

    def _slots(self, keys: Array) -> Array:
        return (keys.view(np.uint64) * _SPREAD >> self._shift).view(np.int64)


class _Sheet:
    """Openings as bits: ports that all openings treat alike are of one kind."""

    def __init__(self, openings: Sequence[Openings]) -> None:
        borders: list[set[int]] = [{0} for _ in SHUT]
        for columns in openings:
            for border, spans in zip(borders, columns, strict=True):
                border.update(edge for low, high, _ in spans for edge in (low, high + 1) if edge < _PORTS)
        starts = [np.array(sorted(border)) for border in borders]
        first = np.cumsum([0, *(len(start) for start in starts)])
        self._width = int(first[-1])
        places = list(zip(first[:-1].tolist(), starts, strict=True))
        self._kinds = np.concatenate(
            [base + np.searchsorted(start, np.arange(_PORTS), "right") - 1 for base, start in places]
        ).astype(np.int32)
        self._column = np.full(256, OTHERS * _PORTS, np.int64)
        self._column[list(WITH_PORTS)] = np.arange(OTHERS) * _PORTS
        self._shut = np.ones(len(openings) * self._width, np.uint8)
        for number, columns in enumerate(openings):
            for (base, start), spans in zip(places, columns, strict=True):
                for low, high, _ in spans:
                    begin, end = number * self._width + base + np.searchsorted(start, (low, high + 1))
                    self._shut[begin:end] = 0

    def kinds(self, ports: Array, protocols: Array) -> Array:
        """The kind of each port."""
        return self._kinds.take(self._column.take(protocols) + ports)

    def shut(self, openings: Array, kinds: Array) -> Array:
        """1 where the openings of that number do not have the kind of port, else 0."""
        return self._shut.take(openings * self._width + kinds)


def _plain(openings: Openings) -> Openings:
    """The same ports, whichever rules open them."""
    one, two, three, other = (tuple(span._replace(rule=0) for span in spans) for spans in openings)
    return one, two, three, other
