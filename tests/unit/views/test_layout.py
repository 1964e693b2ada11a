"""Places on the map: always the same, never two in one, and nobody moves because somebody else came."""

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.views.layout import BAR, Box, Layout, Node, Place, layout

names = st.integers(0, 60).map("w{}".format)
namespaces = st.sampled_from(["shop", "data", "web", "kube-system", "a"])
workloads = st.builds(lambda space, name: Node(f"{space}/{name}", space), namespaces, names)
strangers = st.builds(
    lambda place, name: Node(f"{place}:{name}", "", place), st.sampled_from(list(Place)[1:]), names
)
graphs = st.lists(workloads | strangers, unique=True, max_size=80)
some = settings(max_examples=60, deadline=None)


def edges_among(nodes: list[Node]) -> list[tuple[str, str]]:
    return [(a.key, b.key) for a, b in combinations(sorted(nodes), 2) if ord(a.key[-1]) % 3 == ord(b.key[-1]) % 2]


def overlapping(found: Layout) -> list[tuple[str, str]]:
    boxes = dict(found.nodes) | {f"block {name}": block.box for name, block in found.blocks.items()}
    inside = {name: block.box for name, block in found.blocks.items()}
    pairs = (pair for pair in combinations(sorted(boxes), 2) if boxes[pair[0]].overlaps(boxes[pair[1]]))
    return [pair for pair in pairs if not any(holds(name, inside[name], pair, boxes) for name in inside)]


def holds(name: str, block: Box, pair: tuple[str, str], boxes: dict[str, Box]) -> bool:
    """The pair is a block and a node of it, wholly inside."""
    others = [key for key in pair if key != f"block {name}"]
    if len(others) != 1 or not others[0].startswith(f"{name}/"):
        return False
    box = boxes[others[0]]
    right, bottom = box.x + box.width <= block.x + block.width, box.y + box.height <= block.y + block.height
    return block.x <= box.x and block.y <= box.y and right and bottom


@some
@given(graphs, st.randoms())
def test_the_order_in_which_they_come_means_nothing(nodes: list[Node], rng) -> None:
    edges = edges_among(nodes)
    found = layout(nodes, edges)
    rng.shuffle(nodes)
    rng.shuffle(edges)
    assert layout(nodes, edges) == found
    assert set(found.nodes) == {node.key for node in nodes}


@some
@given(graphs)
def test_nothing_overlaps(nodes: list[Node]) -> None:
    assert overlapping(layout(nodes, edges_among(nodes))) == []


@some
@given(graphs, st.lists(workloads | strangers, max_size=40))
def test_who_comes_moves_only_their_own_namespace(nodes: list[Node], newcomers: list[Node]) -> None:
    found = layout(nodes, edges_among(nodes))
    for newcomer in newcomers:
        nodes = [*nodes, newcomer]
        grown = layout(nodes, edges_among(nodes), found)
        stay = [node.key for node in nodes[:-1] if (node.namespace or node.key) != newcomer.namespace]
        assert [grown.nodes[key] for key in stay] == [found.nodes[key] for key in stay]
        assert overlapping(grown) == []
        found = grown


@some
@given(graphs, st.data())
def test_who_goes_moves_nobody_else(nodes: list[Node], data: st.DataObject) -> None:
    found = layout(nodes)
    left = [node for node in nodes if data.draw(st.booleans())]
    shrunk = layout(left, before=found)
    gone = {node.namespace for node in set(nodes) - set(left) if node.place is Place.NAMESPACE}
    stay = [node for node in left if node.place is not Place.NAMESPACE or node.namespace not in gone]
    assert [shrunk.nodes[node.key] for node in stay] == [found.nodes[node.key] for node in stay]


def test_callers_stand_left_of_whom_they_call() -> None:
    keys = [f"shop/{name}" for name in "abcdefghijklmnop"]
    chain = list(zip(reversed(keys), list(reversed(keys))[1:], strict=False))
    found = layout([Node(key, "shop") for key in keys], chain)
    assert found.nodes["shop/p"].x < found.nodes["shop/a"].x


def test_namespaces_that_call_stand_left_of_those_they_call() -> None:
    for spaces in ("cab", "bca", "abc"):
        keys = [f"{space}/w" for space in spaces]
        found = layout([Node(key, key[0]) for key in keys], list(pairwise(keys)))
        assert sorted(spaces, key=lambda space: found.blocks[space].box.x) == list(spaces)


def test_a_full_block_moves_alone() -> None:
    small = [Node(f"{space}/w{number}", space) for space in "abcde" for number in range(4)]
    before = layout(small)
    after = layout([*small, Node("c/new", "c")], before=before)
    moved = {key.partition("/")[0] for key, box in before.nodes.items() if after.nodes[key] != box}
    assert moved == {"c"}
    assert after.blocks["c"].room == 8


def test_five_hundred_workloads() -> None:
    nodes = [Node(f"team-{number % 37}/w{number}", f"team-{number % 37}") for number in range(500)]
    found = layout(nodes)
    assert overlapping(found) == []
    assert {(box.width, box.height) for box in found.nodes.values()} == {BAR}
    height = -min(block.box.y for block in found.blocks.values())
    assert 0.5 < found.width / height < 3
