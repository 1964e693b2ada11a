"""Kinds: recorded connections that no policy can tell apart, so that millions are judged by some thousands.

Of one kind are rows whose ends have the same workload, labels, ports and networks around them, at the same port,
by the same Service, and of which the same was seen. A pod's own address and its own node are kinds of their own.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairway.policy.decide import is_loopback
from fairway.policy.recorded import Array, Recorded
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

_DENSE: Final = 1 << 26
"""So many possible values are numbered by a table of them; more, by sorting."""
_SPARSE: Final = 64
"""A table with more values than so many for each row takes longer than sorting."""
_CHUNK: Final = 1 << 15
"""Rows at a time: so many that what is in between stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class KindOfEdge:
    """`edge` stands for `rows`, with the connections of all; its ends are those with the first titles."""

    edge: Edge
    rows: int
    dropped: bool
    unanswered: bool


def kinds(rows: Recorded, place: Callable[[Endpoint], Hashable], moment: Array) -> Iterator[KindOfEdge]:
    """The kinds of rows with a pod at one end at least.

    `place` tells what policies can see of an end's address; `moment` numbers the rows by when names changed.
    """
    classes, pods = _classes(rows.ends, place)
    judged = pods.take(rows.client) | pods.take(rows.server)
    if not judged.all():
        rows, moment = rows.only(judged), moment[judged]
    if not len(rows):
        return
    number, count = _numbers(rows, classes, moment)
    order = np.argsort(np.argsort(np.array([f"{end.title} {end.address}" for end in rows.ends])))
    best = np.full(count, np.iinfo(np.int64).max)
    connections = np.zeros(count)
    for part in _parts(len(rows)):
        titles = order.take(rows.client[part]) * len(order) + order.take(rows.server[part])
        np.minimum.at(best, number[part], titles)
        connections += np.bincount(number[part], rows.connections[part], minlength=count)
    first = np.empty(count, np.int64)
    for part in _parts(len(rows)):
        titles = order.take(rows.client[part]) * len(order) + order.take(rows.server[part])
        chosen = np.flatnonzero(best.take(number[part]) == titles) + part.start
        # Any row with these ends will do: what else there is in it is the same for the whole kind.
        first[number[chosen]] = chosen
    amount = np.bincount(number, minlength=count)
    for row, many, opened in zip(first.tolist(), amount.tolist(), connections.tolist(), strict=True):
        edge = rows.edge(row, int(opened))
        yield KindOfEdge(edge, many, bool(rows.dropped[row]), bool(rows.unanswered[row]))


def _numbers(rows: Recorded, classes: Array, moment: Array) -> tuple[Array, int]:
    """The kind of each row, and how many kinds there are."""
    size, looks = len(rows), int(classes.max()) + 1
    beside = _Beside(rows.ends)
    doors, ports = _numbered(
        size, 1 << 24, lambda part: rows.protocol[part].astype(np.int64) << 16 | rows.port[part]
    )
    pairs, count = _numbered(
        size, looks * looks, lambda part: classes.take(rows.client[part]) * looks + classes.take(rows.server[part])
    )
    services, moments = len(rows.services), int(moment.max()) + 1

    def dial(part: slice) -> Array:
        told = rows.dropped[part] << np.uint8(1) | rows.unanswered[part] << np.uint8(2) | rows.known[part]
        seen = told << np.uint8(2) | beside.of(rows.client[part], rows.server[part])
        place: Array = (doors[part].astype(np.int64) * services + rows.service[part]) * moments + moment[part]
        return place << 5 | seen

    dials, ways = _numbered(size, ports * services * moments * 32, dial)
    return _numbered(size, count * ways, lambda part: pairs[part].astype(np.int64) * ways + dials[part])


def _numbered(size: int, bound: int, values: Callable[[slice], Array]) -> tuple[Array, int]:
    """A number from 0 for each value that occurs, in the order of the values, and how many there are.

    `values` gives those of a part of the rows, from 0 and below `bound`.
    """
    number = np.empty(size, np.int32 if bound < 1 << 31 else np.int64)
    there = np.zeros(bound if bound <= min(_DENSE, _SPARSE * size) else 0, bool)
    for part in _parts(size):
        number[part] = found = values(part)
        if len(there):
            there[found] = True
    if not len(there):
        distinct, number = np.unique(number, return_inverse=True)
        return number, len(distinct)
    table: Array = np.cumsum(there, dtype=np.int32)
    table -= 1
    for part in _parts(size):
        number[part] = table.take(number[part].astype(np.intp))
    return number, int(table[-1]) + 1


def _parts(size: int) -> list[slice]:
    return [slice(start, start + _CHUNK) for start in range(0, size, _CHUNK)]


def _classes(ends: Sequence[Endpoint], place: Callable[[Endpoint], Hashable]) -> tuple[Array, Array]:
    """A number for each end, the same for those that no policy tells apart; and whether it is a pod."""
    known: dict[Hashable, int] = {}
    found = [known.setdefault(_look(end, place(end)), len(known)) for end in ends]
    return np.array(found, np.int64), np.array([end.kind is Kind.POD for end in ends], bool)


def _look(end: Endpoint, place: Hashable) -> Hashable:
    if end.kind is Kind.POD:
        return end.namespace, end.group, end.labels, end.ports, ":" in end.address, place
    return end.kind, end.name, end.namespace, end.address if end.kind is Kind.SERVICE else end.group, place


class _Beside:
    """Which ends no policy stands between."""

    def __init__(self, ends: Sequence[Endpoint]) -> None:
        addresses: dict[str, int] = {}
        nodes = {"": -1}
        self._address = np.array([addresses.setdefault(end.address, len(addresses)) for end in ends], np.int32)
        self._loopback = np.array([is_loopback(end.address) for end in ends], bool)
        self._node = np.array([nodes.setdefault(end.node, len(nodes)) for end in ends], np.int32)
        self._host = np.where([end.kind is Kind.NODE for end in ends], self._node, -2)

    def of(self, client: Array, server: Array) -> Array:
        """1 where they are one, or the server is the loopback; 2 where the client is the server's own node."""
        own = (self._address.take(client) == self._address.take(server)) | self._loopback.take(server)
        kubelet = self._host.take(client) == self._node.take(server)
        found: Array = own | kubelet << np.uint8(1)
        return found
