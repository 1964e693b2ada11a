"""The map over HTTP: what was told twice is one edge, and nobody sees what is not theirs."""

from collections.abc import Iterator
from typing import Any

import pytest

from fairway.hub.serve import Listening
from support.askers import answer, ask, refusal, tokens
from support.hubs import Serving, serving
from support.traffic import tell

UI, UI2, ORDERS = "pod ui/Pod/ui-1", "pod ui/Pod/ui-2", "pod orders/Pod/orders-1"
DB, OUTSIDE = "pod orders/Pod/orders-postgresql-0", "external 203.0.113.0/24"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        tell(running)
        yield running


def edges(told: Any) -> dict[tuple[str, str], Any]:
    return {(edge["client"], edge["server"]): edge for edge in told["edges"]}


def test_a_connection_to_a_service_is_one_edge_to_the_workload_behind_it(hub: Serving) -> None:
    told = answer(hub, "/api/v1/map")
    assert set(edges(told)) == {(UI, ORDERS), (ORDERS, DB), (UI2, DB), (UI2, OUTSIDE)}
    edge = edges(told)[UI, ORDERS]
    assert (edge["connections"], edge["sent_bytes"], edge["received_bytes"]) == (3, 1000, 4000)
    assert edge["retransmissions"] == 1 + 5, "the client's own, and the server's"
    assert (edge["services"], edge["ports"]) == (["orders/orders:80"], ["TCP 8080"])
    assert (edge["categories"], edge["cross_zone_bytes"]) == (["inter-zone"], 5000)
    assert edge["rtt_us"] == 300
    assert {node["id"] for node in told["nodes"]} == {UI, UI2, ORDERS, DB, OUTSIDE}


def test_denials_are_on_their_edge(hub: Serving) -> None:
    told = answer(hub, "/api/v1/map")
    assert (edges(told)[UI2, DB]["denied"], edges(told)[ORDERS, DB]["would_deny"]) == (4, 7)
    assert edges(told)[ORDERS, DB]["ports"] == ["TCP 5432", "TCP 5433"]
    assert told["totals"] == {
        **{"nodes": 5, "edges": 4, "bytes": 6420, "cross_zone_bytes": 6300},
        **{"denied_edges": 1, "would_deny_edges": 1, "unjudged_edges": 3, "unprotected_edges": 2},
        **{"cost": 0.0, "unpriced_bytes": 6300},
    }
    assert {pair: edge["standing"] for pair, edge in edges(told).items()} == {
        **{(UI, ORDERS): "unprotected", (UI2, OUTSIDE): "unprotected"},
        **{(UI2, DB): "denied", (ORDERS, DB): "would-deny"},
    }


def test_everything_has_a_place_that_a_filter_does_not_change(hub: Serving) -> None:
    told = answer(hub, "/api/v1/map")
    boxes = {node["id"]: node["box"] for node in told["nodes"]}
    assert len({tuple(box.values()) for box in boxes.values()}) == 5
    assert boxes[OUTSIDE]["x"] < 0, "the world outside is on the left"
    some = answer(hub, "/api/v1/map", q="dst.port=5432")
    assert {node["id"]: node["box"] for node in some["nodes"]} == {key: boxes[key] for key in (UI2, ORDERS, DB)}
    assert {block["namespace"] for block in some["blocks"]} == {"ui", "orders"}
    one = answer(hub, "/api/v1/map", collapse="orders")
    blocks = {block["namespace"]: block["box"] for block in told["blocks"]}
    assert {node["id"]: node["box"] for node in one["nodes"]}["namespace orders"] == blocks["orders"]
    assert {node["id"]: (node["replicas"], node["protection"]) for node in told["nodes"]}[UI] == (1, "open")


def test_only_what_is_too_much_to_read_is_collapsed(hub: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(hub, "/api/v1/map", collapse="auto")["collapsed"] == []
    monkeypatch.setattr("fairway.hub.api.map.LEGIBLE", 4)
    told = answer(hub, "/api/v1/map", collapse="auto", open="ui")
    assert (told["collapsed"], len(told["nodes"])) == (["orders"], 4)
    monkeypatch.setattr("fairway.hub.api.map.LEGIBLE_OUTSIDE", 0)
    assert "external *" in {node["id"] for node in answer(hub, "/api/v1/map", collapse="auto")["nodes"]}
    assert OUTSIDE in {node["id"] for node in answer(hub, "/api/v1/map", collapse="auto", open="outside")["nodes"]}


@pytest.mark.parametrize("since", ["1h", "9h", "1d"])
def test_the_map_is_the_same_over_any_time_that_holds_it(hub: Serving, since: str) -> None:
    wanted, told = answer(hub, "/api/v1/map"), answer(hub, "/api/v1/map", since=since)
    assert (told["nodes"], told["edges"]) == (wanted["nodes"], wanted["edges"])


def test_replicas_and_collapsed_namespaces(hub: Serving) -> None:
    told = answer(hub, "/api/v1/map", grain="replica", q="dst.port=5432 or dst.port=8080")
    assert ("pod ui/ui-1", "pod orders/orders-1") in edges(told)
    assert {node["node"] for node in told["nodes"]} == {"node-a", "node-b", "node-c"}
    told = edges(answer(hub, "/api/v1/map", collapse="orders"))
    assert set(told) == {
        (UI, "namespace orders"),
        (UI2, "namespace orders"),
        *[("namespace orders",) * 2],
        (UI2, OUTSIDE),
    }
    told = edges(answer(hub, "/api/v1/map", collapse="*", view="cluster"))
    assert set(told) == {("namespace ui", "namespace orders"), ("namespace orders",) * 2}
    assert told["namespace ui", "namespace orders"]["retransmissions"] == 6


@pytest.mark.parametrize("since", ["1h", "9h"])
def test_a_workload_unfolds_into_its_pods_and_nothing_else_moves(hub: Serving, since: str) -> None:
    whole, told = (
        answer(hub, "/api/v1/map", since=since, **more)
        for more in ({}, {"unfold": "orders/Pod/orders-1,ui/no/such"})
    )
    before, now = ({node["id"]: node["box"] for node in one["nodes"]} for one in (whole, told))
    pod = "pod orders/orders-1"
    assert {name: now[name] for name in before} == before
    assert now.keys() - before.keys() == {pod}
    moved = [[one["sent_bytes"] for one in map_["nodes"] if one["id"] == ORDERS] for map_ in (whole, told)]
    assert moved[0] == moved[1] != [0]
    assert now[pod]["y"] > before[ORDERS]["y"] + before[ORDERS]["height"]
    # What the client's agent told of the Service is known of the workload alone.
    assert set(edges(told)) == {(UI, pod), (UI, ORDERS), (pod, DB), (UI2, DB), (UI2, OUTSIDE)}
    assert (edges(told)[UI, pod]["sent_bytes"], edges(told)[UI, ORDERS]["retransmissions"]) == (1000, 5)
    assert told["totals"]["bytes"] == whole["totals"]["bytes"]


def test_who_is_bound_to_namespaces_sees_edges_that_touch_them(hub: Serving) -> None:
    assert set(edges(answer(hub, "/api/v1/map", "of ui"))) == {(UI, ORDERS), (UI2, DB), (UI2, OUTSIDE)}
    assert set(edges(answer(hub, "/api/v1/map", "of dev"))) == set()
    assert answer(hub, "/api/v1/map", "of nobody")["totals"]["nodes"] == 0


def test_who_has_the_map_already_is_told_so(hub: Serving) -> None:
    first = ask(hub, "/api/v1/map")
    again = ask(hub, "/api/v1/map", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = ask(hub, "/api/v1/map?view=cloud", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_who_watches_is_told_the_last_map_and_never_somebody_elses(
    hub: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairway.hub.api.lately.LONG", 0.0)

    def watched(token: str | None, **asked: str) -> Any:
        told = ask(hub, "/api/v1/map", token, params=asked, headers={"Cache-Control": "max-stale=600"})
        return told.json()

    first = watched("of viewer")
    assert watched("of viewer")["until"] == first["until"], "made once"
    assert answer(hub, "/api/v1/map", "of viewer")["until"] > first["until"], "made anew"
    assert set(edges(watched("of ui"))) == {(UI, ORDERS), (UI2, DB), (UI2, OUTSIDE)}
    assert set(edges(watched("of viewer", view="external"))) == {(UI2, OUTSIDE)}
    assert "namespace ui" in {node["id"] for node in watched("of viewer", collapse="ui")["nodes"]}


def test_what_is_no_question(hub: Serving) -> None:
    assert refusal(hub, "/api/v1/map", grain="atom") == (400, "`grain`: Invalid enum value 'atom'")
    assert refusal(hub, "/api/v1/map", "of no one")[0] == 401
