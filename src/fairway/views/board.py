"""Board: the nodes of a map, each as itself and as what it is shown as."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from fairway.kit.codes import Ints, added, distinct, words_of
from fairway.views.dialled import Ends
from fairway.views.map import OUTSIDE, End, Grain, Node

_WHOLE: Final = 3
"""Fields of an end that is no single pod."""


class Board(NamedTuple):
    """Nodes by number, and each end's: `own` are ends as themselves, `shown` what they are shown as."""

    own: Sequence[Node]
    own_of: Ints
    shown: Sequence[Node]
    shown_of: Ints

    def nodes(self, client: Ints, server: Ints, sent: Ints, received: Ints) -> list[Node]:
        """Those shown of rows by their ends, with all that they moved."""
        size = len(self.shown)
        there, back = self.shown_of[client], self.shown_of[server]
        sums = [
            (added(there, one, size) + added(back, other, size)).tolist()
            for one, other in ((sent, received), (received, sent))
        ]
        members = np.bincount([shown for shown, _ in self._pairs(client, server)], minlength=size).tolist()
        return sorted(
            (
                msgspec.structs.replace(node, members=count, sent_bytes=moved, received_bytes=came)
                for node, count, moved, came in zip(self.shown, members, *sums, strict=True)
                if count
            ),
            key=lambda node: node.id,
        )

    def parts(self, client: Ints, server: Ints) -> dict[str, tuple[Node, ...]]:
        """The nodes behind each one that is shown for others."""
        found: dict[str, list[Node]] = {}
        for shown, own in self._pairs(client, server):
            if self.shown[shown].id != self.own[own].id:
                found.setdefault(self.shown[shown].id, []).append(self.own[own])
        return {name: tuple(nodes) for name, nodes in found.items()}

    def _pairs(self, client: Ints, server: Ints) -> list[tuple[int, int]]:
        """Who is shown as what, each once."""
        met = np.unique(np.concatenate([client, server]))
        return sorted({*zip(self.shown_of[met].tolist(), self.own_of[met].tolist(), strict=True)})


def ends_of(rows: pa.Table, grain: Grain, unfolded: Collection[tuple[str, str]] = ()) -> Ends:
    """The ends of sums: workloads, single pods only where these are asked for."""
    fields = End._fields[:_WHOLE] if grain == "workload" and not unfolded else End._fields
    columns = [
        words_of(pa.chunked_array([*rows[f"client_{field}"].chunks, *rows[f"server_{field}"].chunks]))
        for field in fields
    ]
    firsts, numbers = distinct(*(column.codes for column in columns))
    named = zip(
        *([column.words[code] for code in column.codes[firsts].tolist()] for column in columns), strict=True
    )
    return Ends([End(*words) for words in named], numbers[: len(rows)], numbers[len(rows) :])


def board_of(
    ends: Sequence[End],
    grain: Grain,
    collapsed: frozenset[str] = frozenset(),
    outside_as_one: bool = False,
    unfolded: Collection[tuple[str, str]] = (),
) -> Board:
    """Ends as nodes; those with one name are one node."""
    own, shown = _Numbered(), _Numbered()
    numbers = [_add(_whole(end, grain, unfolded), own, shown, collapsed, outside_as_one) for end in ends]
    places = np.array(numbers, np.int64).reshape(-1, 2)
    return Board(own.nodes, places[:, 0], shown.nodes, places[:, 1])


class _Numbered:
    """Nodes in the order they came in, each once by its id."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[str, int] = {}

    def number(self, node: Node) -> int:
        number = self._numbers.setdefault(node.id, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
        return number


def _whole(end: End, grain: Grain, unfolded: Collection[tuple[str, str]]) -> End:
    """Only pods are told apart from their like, and where they are asked for."""
    single = end.kind == "pod" and (grain == "replica" or (end.namespace, end.group) in unfolded)
    return end if single else End(*end[:_WHOLE])


def _add(
    end: End, own: _Numbered, shown: _Numbered, collapsed: frozenset[str], outside_as_one: bool
) -> tuple[int, int]:
    name, space = end.replica or end.group, end.namespace
    node = Node(
        id=f"{end.kind} {space}/{name}" if space or end.replica else f"{end.kind} {name}",
        kind=end.kind,
        namespace=space,
        name=end.group,
        replica=end.replica,
        node=end.node,
    )
    number = own.number(node)
    if space and ("*" in collapsed or space in collapsed):
        node = Node(id=f"namespace {space}", kind="namespace", namespace=space, name=space)
    elif outside_as_one and end.kind == "external":
        node = Node(id=OUTSIDE, kind="external", namespace="", name="outside")
    return number, shown.number(node)
