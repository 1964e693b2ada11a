"""Layout: where a map's nodes stand. The same nodes stand in the same places, and nothing overlaps.

Each namespace is a block with room for more than it holds; a workload that comes moves nothing but its own block,
if that was full. Blocks stand on a base line and pile up from there, so that the strips around them stay: the world
outside to the left, cloud services to the right, DNS and nodes below. Lengths are pixels at a scale of one, x to
the right and y down; the base line is y = 0, a block's y below zero.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

BAR: Final = (160.0, 28.0)
"""Width and height of a node."""
STEP: Final = (192.0, 44.0)
"""From one node to the next: their own length and the gap."""
HEAD: Final = 32.0
"""Height of a block's label."""
GAP: Final = 24.0
"""Between blocks, and between a block and what stands in it."""
STRIP: Final = 16
"""Nodes on top of each other in the strips at the sides."""
_LEAST: Final = 3
"""Places in the smallest block."""
_TALL: Final = STEP[0] / STEP[1]
"""Rows per column of a block that looks square."""
_WIDE: Final = 1.6
"""Width of the board by its height, when it is new."""
_NARROWEST: Final = 672.0
"""Width of a board for few, or none yet: three of the smallest blocks."""
_EDGES: Final = 2 * GAP - (STEP[0] - BAR[0])
"""What a block is wider than its columns' steps."""


class Place(StrEnum):
    """Which part of the map a node belongs to."""

    NAMESPACE = "namespace"
    OUTSIDE = "outside"
    CLOUD = "cloud"
    BASE = "base"


class Node(NamedTuple):
    """`key` is the node's own name on the map; `namespace` only counts for nodes of one."""

    key: str
    namespace: str = ""
    place: Place = Place.NAMESPACE


class Box(NamedTuple):
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: "Box") -> bool:
        """Whether they share more than an edge."""
        across = self.x < other.x + other.width and other.x < self.x + self.width
        return across and self.y < other.y + other.height and other.y < self.y + self.height


class Block(NamedTuple):
    """A namespace's ground, and how many nodes it has room for."""

    box: Box
    room: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes of nodes by key, blocks by namespace, and how wide the blocks' board is. `slots` number the places of
    the strips."""

    width: float = 0.0
    nodes: Mapping[str, Box] = field(default_factory=dict)
    blocks: Mapping[str, Block] = field(default_factory=dict)
    slots: Mapping[Place, Mapping[str, int]] = field(default_factory=dict)


def layout(nodes: Iterable[Node], edges: Iterable[tuple[str, str]] = (), before: Layout | None = None) -> Layout:
    """Places for all nodes, in whatever order they come. `edges` are pairs of keys, from client to server: callers
    stand to the left of whom they call. What stood in the layout of `before` stays, as far as it can."""
    before = before or Layout()
    members, strips = defaultdict(list), defaultdict(list)
    for node in sorted(set(nodes)):
        if node.place is Place.NAMESPACE:
            members[node.namespace].append(node.key)
        else:
            strips[node.place].append(node.key)
    homes = {key: name for name, keys in members.items() for key in keys}
    told = set(edges)
    width, blocks = _blocks({name: len(keys) for name, keys in members.items()}, _between(homes, told), before)
    ranks = _ranks(homes, told)
    places: dict[str, Box] = {}
    for name, keys in members.items():
        places |= _inside(blocks[name], sorted(keys, key=lambda key: (ranks.get(key, 0.5), key)))
    slots: dict[Place, Mapping[str, int]] = {}
    for place, keys in sorted(strips.items()):
        slots[place] = _slots(keys, before.slots.get(place, {}))
        places |= {key: _in_strip(place, slot, width) for key, slot in slots[place].items()}
    return Layout(width, places, blocks, slots)


def _ranks(namespaces: Mapping[str, str], edges: Set[tuple[str, str]]) -> dict[str, float]:
    """Each node's rank within its namespace. Edges to others do not count, or their changes would move it."""
    return _incoming(pair for pair in edges if len({namespaces.get(key) for key in pair}) == 1)


def _between(namespaces: Mapping[str, str], edges: Set[tuple[str, str]]) -> dict[str, float]:
    """Each namespace's rank among the others."""
    pairs = ((namespaces.get(client), namespaces.get(server)) for client, server in edges)
    return _incoming((client, server) for client, server in pairs if client and server)


def _incoming(edges: Iterable[tuple[str, str]]) -> dict[str, float]:
    """The share of edges that come in: 0 for a mere caller, 1 for who is only called."""
    called, all_of = Counter[str](), Counter[str]()
    for client, server in edges:
        if client != server:
            called[server] += 1
            all_of.update((client, server))
    return {key: called[key] / count for key, count in all_of.items()}


def _blocks(sizes: Mapping[str, int], ranks: Mapping[str, float], before: Layout) -> tuple[float, dict[str, Block]]:
    """Old blocks that still have room stay; the others come in order of rank, each to the leftmost free place that
    makes the board no taller, else to the lowest one."""
    kept = {name: block for name, block in before.blocks.items() if 0 < sizes.get(name, 0) <= block.room}
    coming = sorted(sizes.keys() - kept.keys(), key=lambda name: (ranks.get(name, 0.5), name))
    new = {name: _room(sizes[name]) for name in coming}
    width = before.width or width_for(sizes.values())
    shapes = {name: _shape(room, width) for name, room in new.items()}
    boxes = [block.box for block in kept.values()]
    area = sum((box.width + GAP) * (box.height + GAP) for box in boxes)
    area += sum((wide + GAP) * (high + GAP) for wide, high in shapes.values())
    highest = max((high for _, high in shapes.values()), default=0.0)
    tall = max([area / width + highest / 2, highest, *(-box.y for box in boxes)])
    for name, (wide, high) in shapes.items():
        box = _free(wide, high, boxes, width, tall)
        boxes.append(box)
        kept[name] = Block(box, new[name])
    return width, {name: kept[name] for name in sorted(kept)}


def width_for(sizes: Iterable[int]) -> float:
    """Of a new board for namespaces of so many nodes; it keeps it, whatever comes."""
    shapes = [_shape(_room(size)) for size in sizes if size]
    area = sum((wide + GAP) * (high + GAP) for wide, high in shapes)
    return max([_NARROWEST, math.sqrt(area * _WIDE), *(wide for wide, _ in shapes)])


def _free(wide: float, high: float, boxes: Sequence[Box], width: float, limit: float) -> Box:
    """Beside or on top of one of the boxes: wherever else it fits, it could slide down or to the left."""
    taken = np.array(boxes, float).reshape(-1, 4)
    left, top, across, tall = taken.T
    xs, bottoms = np.unique([0.0, *(left + across + GAP)]), np.unique([0.0, *(top - GAP)])
    x, bottom = (axis.ravel() for axis in np.meshgrid(xs[xs + wide <= width], bottoms))
    above = high - bottom > limit
    order = np.lexsort((np.where(above, x, -bottom), np.where(above, -bottom, x), above))
    for start in range(0, len(order), 256):
        some = order[start : start + 256]
        near_x = (x[some, None] < left + across + GAP) & (left < x[some, None] + wide + GAP)
        near_y = (bottom[some, None] - high < top + tall + GAP) & (top < bottom[some, None] + GAP)
        free = some[~(near_x & near_y).any(axis=1)]
        if len(free):
            return Box(float(x[free[0]]), float(bottom[free[0]]) - high, wide, high)
    raise AssertionError("on top of all others there is always room")


def _room(size: int) -> int:
    """Places for so many nodes and for some more: the next power of two."""
    return max(_LEAST, 1 << (size - 1).bit_length())


def _shape(room: int, most: float = math.inf) -> tuple[float, float]:
    """Width, `most` at most, and height of a block that looks square if it can."""
    columns = max(1, round(math.sqrt(room / _TALL)))
    if math.isfinite(most):
        columns = min(columns, max(1, int((most - _EDGES) // STEP[0])))
    return _EDGES + columns * STEP[0], HEAD + GAP + math.ceil(room / columns) * STEP[1]


def _inside(block: Block, keys: Sequence[str]) -> dict[str, Box]:
    """Column by column, in the order of the keys; all columns about as full."""
    columns = round((block.box.width - _EDGES) / STEP[0])
    rows = max(1, math.ceil(len(keys) / columns))
    x, y = block.box.x + GAP, block.box.y + HEAD + GAP / 2
    return {
        key: Box(x + index // rows * STEP[0], y + index % rows * STEP[1], *BAR) for index, key in enumerate(keys)
    }


def _slots(keys: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """Who had a slot keeps it; the others take the lowest free ones."""
    kept = {key: before[key] for key in keys if key in before}
    taken = set(kept.values())
    free = (slot for slot in range(len(keys) + len(before)) if slot not in taken)
    return kept | {key: next(free) for key in keys if key not in kept}


def _in_strip(place: Place, slot: int, width: float) -> Box:
    """The strips grow away from the board; the one at the bottom has rows as long as the board is wide."""
    if place is Place.BASE:
        row, column = divmod(slot, max(1, int(width // STEP[0])))
        return Box(column * STEP[0], 2 * GAP + row * STEP[1], *BAR)
    column, row = divmod(slot, STRIP)
    y = -(row + 1) * STEP[1]
    if place is Place.OUTSIDE:
        return Box(-2 * GAP - BAR[0] - column * STEP[0], y, *BAR)
    return Box(width + 2 * GAP + column * STEP[0], y, *BAR)
