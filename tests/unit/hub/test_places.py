"""Where maps put things: once placed, always there; whatever is asked, whoever starts the hub again."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.hub.places import KEPT_DAYS, Places, place_of
from fairway.views.layout import Box, Place
from fairway.views.map import Graph, MapEdge, Node

DAY = 86400.0


def pod(name: str, namespace: str = "shop") -> Node:
    return Node(id=f"pod {namespace}/Deployment/{name}", kind="pod", namespace=namespace, name=f"Deployment/{name}")


def graph(*nodes: Node, edges: tuple[tuple[Node, Node], ...] = ()) -> Graph:
    return Graph(nodes=list(nodes), edges=[MapEdge(client=a.id, server=b.id) for a, b in edges])


def collapsed(namespace: str, *parts: Node) -> Graph:
    node = Node(id=f"namespace {namespace}", kind="namespace", namespace=namespace, name=namespace)
    return Graph(nodes=[node], edges=[], parts={node.id: parts})


UI, CART, DB, OTHER = pod("ui"), pod("cart"), pod("db"), pod("api", "data")
OUTSIDE = Node(id="external 192.0.2.0/24", kind="external", namespace="", name="192.0.2.0/24")
nodes = st.lists(
    st.builds(pod, st.sampled_from("abcdefghij"), st.sampled_from(["shop", "data", "web"])), unique=True
)


def places(folder: Path, day: float = 100) -> tuple[Places, list[str]]:
    lines: list[str] = []
    return Places(folder / "map.json", lines.append, lambda: day * DAY), lines


@settings(max_examples=25, deadline=None)
@given(st.lists(nodes, min_size=1, max_size=6), nodes)
def test_nothing_moves_but_where_somebody_new_came(
    tmp_path_factory, asked: list[list[Node]], more: list[Node]
) -> None:
    folder = tmp_path_factory.mktemp("places")
    kept, _ = places(folder)
    known: dict[str, tuple[str, Box]] = {}
    for some in [*asked, more, *asked]:
        boxes, blocks = kept.of(graph(*some))
        came = {node.namespace for node in some if node.id not in known}
        assert [known[key][1] for key in boxes if key in known and known[key][0] not in came] == [
            boxes[key] for key in boxes if key in known and known[key][0] not in came
        ]
        assert blocks.keys() == {node.namespace for node in some}
        known = {key: held for key, held in known.items() if held[0] not in came}
        known |= {node.id: (node.namespace, boxes[node.id]) for node in some}
    again, _ = places(folder)
    assert again.of(graph(*more))[0] == kept.of(graph(*more))[0]


def test_a_filter_hides_and_nothing_moves(tmp_path: Path) -> None:
    kept, _ = places(tmp_path)
    whole, grounds = kept.of(graph(UI, CART, DB, OTHER, OUTSIDE))
    some, ground = kept.of(graph(DB, OUTSIDE))
    assert some == {key: whole[key] for key in (DB.id, OUTSIDE.id)}
    assert ground == {"shop": grounds["shop"]}


def test_a_collapsed_namespace_is_its_block(tmp_path: Path) -> None:
    kept, _ = places(tmp_path)
    boxes, blocks = kept.of(collapsed("shop", UI, CART, DB))
    assert boxes["namespace shop"] == blocks["shop"]
    opened, _ = kept.of(graph(UI, CART, DB))
    inside = blocks["shop"]
    assert all(inside.x <= box.x and box.x + box.width <= inside.x + inside.width for box in opened.values())
    assert kept.of(collapsed("shop", UI))[0] == boxes


def test_who_calls_comes_to_stand_left_once_it_is_known(tmp_path: Path) -> None:
    kept, _ = places(tmp_path)
    many = [pod(name) for name in "abcdefghijklmnop"]
    first, _ = kept.of(graph(*many))
    chain = tuple(zip(reversed(many), list(reversed(many))[1:], strict=False))
    ordered, _ = kept.of(graph(*many, edges=chain[:8]))
    assert ordered[many[-1].id].x < first[many[-1].id].x
    assert kept.of(graph(*many, edges=chain[:12]))[0] == ordered, "twice as much must be known to move them again"


def test_a_board_that_the_cluster_outgrew_is_begun_anew(tmp_path: Path) -> None:
    kept, _ = places(tmp_path)
    kept.of(graph(UI))
    many = [pod("w", f"n{number}") for number in range(60)]
    boxes, blocks = kept.of(graph(UI, *many))
    height, width = -min(box.y for box in blocks.values()), max(box.x + box.width for box in blocks.values())
    assert height < 2 * width
    assert kept.of(graph(UI, *many))[0] == boxes
    expecting, _ = places(tmp_path / "other")
    before, _ = expecting.of(graph(UI), {f"n{number}": 1 for number in range(60)})
    assert expecting.of(graph(UI, *many))[0][UI.id] == before[UI.id], "room was left for them"


def test_who_was_not_seen_for_a_month_gives_the_place_away(tmp_path: Path) -> None:
    early, _ = places(tmp_path, day=100)
    early.of(graph(UI, OTHER))
    late, _ = places(tmp_path, day=100 + KEPT_DAYS + 1)
    late.of(graph(DB))
    assert "pod shop/Deployment/ui" not in (tmp_path / "map.json").read_text()


def test_a_damaged_file_is_begun_anew_and_a_missing_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text("{")
    kept, lines = places(tmp_path)
    assert kept.of(graph(UI))[0].keys() == {UI.id}
    assert "things get new places" in lines[0]
    (tmp_path / "file").write_text("")
    nowhere, lines = places(tmp_path / "file")
    assert nowhere.of(graph(UI))[0].keys() == {UI.id}
    assert "places are lost at the next start" in lines[-1]


def test_strips() -> None:
    dns = Node(id="d", kind="pod", namespace="kube-system", name="Deployment/coredns")
    kinds = {
        kind: place_of(Node(id=kind, kind=kind, namespace="", name="")) for kind in ("cloud", "node", "external")
    }
    assert kinds == {"cloud": Place.CLOUD, "node": Place.BASE, "external": Place.OUTSIDE}
    assert (place_of(dns), place_of(UI)) == (Place.BASE, Place.NAMESPACE)
