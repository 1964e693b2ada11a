"""Places: where a hub's maps put things, remembered, so that a map looks today as it did yesterday.

Every node that was ever shown keeps its place for a month after it was last seen, whatever a filter leaves out
meanwhile. A namespace is put in order again when somebody comes to it, and when twice as many of its own edges are
known as the last time. Only when the cluster has outgrown the board, everything gets a new place.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Final

import msgspec

from fairway.kit.files import write_atomically
from fairway.views.layout import Block, Box, Layout, Node, Place, layout, width_for
from fairway.views.map import Graph
from fairway.views.map import Node as Shown

KEPT_DAYS: Final = 30
MOST: Final = 20_000
"""Nodes remembered; of more, those seen last."""
_DAY: Final = 86400
_TALLEST: Final = 3
"""Height of a board by its width: one that grew taller is begun anew."""
_DNS: Final = frozenset({"coredns", "kube-dns", "node-local-dns"})
_STRIPS: Final = {"external": Place.OUTSIDE, "cloud": Place.CLOUD, "node": Place.BASE, "unknown": Place.BASE}
Pair = tuple[str, str]


class _Known(msgspec.Struct, array_like=True):
    """A node, and the day since 1970 on which it was last shown."""

    namespace: str
    place: Place
    day: int


class _Kept(msgspec.Struct, kw_only=True):
    """What is on disk. `edges` are within namespaces; `ranked` those that the order goes by."""

    width: float = 0.0
    nodes: dict[str, _Known] = {}
    blocks: dict[str, Block] = {}
    slots: dict[Place, dict[str, int]] = {}
    edges: set[Pair] = set()
    ranked: set[Pair] = set()


class Places:
    """Kept in a file; a damaged one is begun anew, one that cannot be written is told. For any thread."""

    def __init__(self, path: Path, log: Callable[[str], None], now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._log = log
        self._now = now
        self._lock = threading.Lock()
        self._kept = self._read()
        self._layout = self._laid()

    def of(self, graph: Graph, expected: Mapping[str, int] | None = None) -> tuple[dict[str, Box], dict[str, Box]]:
        """Boxes by node id, and of the namespaces' blocks; a collapsed namespace is as large as its block. The
        first map makes the board as wide as it and the namespaces need that are `expected`, by their size."""
        parts = [part for node in graph.nodes for part in _behind(node, graph)]
        with self._lock:
            if not self._kept.width:
                told = Counter(part.namespace for part in parts if place_of(part) is Place.NAMESPACE)
                self._kept.width = width_for((told | Counter(expected)).values())
            self._learn(parts, graph)
            held = self._layout
        boxes = {
            node.id: held.blocks[node.namespace].box
            if node.kind == "namespace" and node.namespace in held.blocks
            else held.nodes[_behind(node, graph)[0].id]
            for node in graph.nodes
        }
        spaces = {part.namespace for part in parts if place_of(part) is Place.NAMESPACE}
        return boxes, {name: held.blocks[name].box for name in sorted(spaces)}

    def _learn(self, parts: Sequence[Shown], graph: Graph) -> None:
        kept, today = self._kept, int(self._now() // _DAY)
        new = older = False
        for part in parts:
            known = kept.nodes.get(part.id)
            if known is None:
                kept.nodes[part.id] = _Known(part.namespace, place_of(part), today)
                new = True
            elif known.day < today:
                known.day, older = today, True
        known_edges = len(kept.edges)
        kept.edges |= {(edge.client, edge.server) for edge in graph.edges if self._within(edge.client, edge.server)}
        again = self._restless() if len(kept.edges) > known_edges else set()
        if new or again:
            self._forget(today, {part.id for part in parts})
            spaces = again | {part.namespace for part in parts if part.id not in self._layout.nodes}
            kept.ranked |= {pair for pair in kept.edges if kept.nodes[pair[0]].namespace in spaces}
            beside = {(edge.client, edge.server) for edge in graph.edges}
            self._layout = self._laid(beside)
            if self._height() > _TALLEST * self._layout.width:
                kept.width, kept.blocks, kept.slots = 0.0, {}, {}
                self._layout = self._laid(beside)
            kept.width, kept.blocks = self._layout.width, dict(self._layout.blocks)
            kept.slots = {place: dict(slots) for place, slots in self._layout.slots.items()}
        if new or again or older:
            self._write()

    def _within(self, client: str, server: str) -> bool:
        ends = [self._kept.nodes.get(key) for key in (client, server)]
        spaces = {end.namespace if end and end.place is Place.NAMESPACE else None for end in ends}
        return client != server and None not in spaces and len(spaces) == 1

    def _restless(self) -> set[str]:
        """Namespaces of which so much more is known that their order should be looked at again."""
        nodes = self._kept.nodes
        known = Counter(nodes[client].namespace for client, _ in self._kept.edges)
        ranked = Counter(nodes[client].namespace for client, _ in self._kept.ranked)
        return {space for space, count in known.items() if count >= 2 * ranked[space] and count > ranked[space]}

    def _forget(self, today: int, asked: set[str]) -> None:
        kept = self._kept
        latest = sorted(kept.nodes.items(), key=lambda item: (item[0] not in asked, -item[1].day, item[0]))
        most = max(MOST, len(asked))
        kept.nodes = {key: known for key, known in latest[:most] if known.day > today - KEPT_DAYS}
        for name in ("edges", "ranked"):
            pairs = {pair for pair in getattr(kept, name) if kept.nodes.keys() >= set(pair)}
            setattr(kept, name, pairs)

    def _height(self) -> float:
        return max((-block.box.y for block in self._layout.blocks.values()), default=0.0)

    def _laid(self, beside: Set[Pair] = frozenset()) -> Layout:
        """New blocks stand as the edges `beside` between namespaces say, too."""
        kept = self._kept
        before = Layout(kept.width, {}, kept.blocks, kept.slots)
        nodes = [Node(key, known.namespace, known.place) for key, known in kept.nodes.items()]
        return layout(nodes, kept.ranked | {pair for pair in beside if not self._within(*pair)}, before)

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return _Kept()
        except (OSError, msgspec.MsgspecError) as error:
            self._log(f"map: {self._path}: {error}; things get new places")
            return _Kept()

    def _write(self) -> None:
        try:
            write_atomically(self._path, msgspec.json.encode(self._kept))
        except OSError as error:
            self._log(f"map: {self._path}: {error.strerror}; places are lost at the next start")


def _behind(node: Shown, graph: Graph) -> Sequence[Shown]:
    """The nodes of a collapsed namespace; the outside is a node of its own, shown as one or not."""
    return graph.parts[node.id] if node.kind == "namespace" else (node,)


def place_of(node: Shown) -> Place:
    """Which part of the map a node belongs to: the cluster's DNS stands with the nodes, below."""
    if node.namespace == "kube-system" and node.name.rpartition("/")[2] in _DNS:
        return Place.BASE
    return _STRIPS.get(node.kind, Place.NAMESPACE)
