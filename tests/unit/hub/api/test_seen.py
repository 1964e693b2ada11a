"""Edges, endpoints, search and denials over HTTP: what was ever seen, and by whom it may be seen."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairway.hub.api import seen
from fairway.hub.intent import Intent, PolicyChoice, write_intent
from fairway.hub.serve import Listening
from support.askers import answer, ask, refusal, tokens
from support.hubs import Serving, serving
from support.traffic import tell

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: orders}
spec: {podSelector: {matchLabels: {app: orders-postgresql}}}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "policies.yaml").write_text(POLICY)
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        write_intent(running.state, Intent(active=PolicyChoice(policies=str(folder / "policies.yaml"))))
        tell(running)
        yield running


def name(end: Any) -> str:
    return str(end["name"] or end["address"])


def pairs(hub: Serving, token: str | None = None, **asked: Any) -> set[tuple[str, str, int]]:
    told = answer(hub, "/api/v1/edges", token, **asked)["edges"]
    assert len({(name(e["client"]), name(e["server"]), e["port"], e["protocol"]) for e in told}) == len(told)
    return {(name(edge["client"]), name(edge["server"]), edge["port"]) for edge in told}


UI, OUT = ("ui-1", "orders-1", 8080), ("ui-2", "203.0.113.9", 443)
DB, AUDIT = (("orders-1", "orders-postgresql-0", port) for port in (5432, 5433))
DENIED = ("ui-2", "orders-postgresql-0", 5432)


@pytest.mark.parametrize(
    ("asked", "token", "wanted"),
    [
        ({}, None, {UI, OUT, DB, AUDIT, DENIED}),
        ({"q": "dst.port=5432"}, None, {DB, DENIED}),
        ({"q": "service=orders/*"}, None, {UI}),
        ({"q": "dst.ip=203.0.113.0/24 or retransmissions>5"}, None, {UI, OUT}),
        ({"view": "external"}, None, {OUT}),
        ({"since": "1h", "sight": "first"}, None, {UI, OUT, DB, AUDIT, DENIED}),
        ({"until": "1h"}, None, set()),
        ({}, "of ui", {UI, OUT, DENIED}),
        ({}, "of orders", {UI, DB, AUDIT, DENIED}),
        ({}, "of dev", set()),
        ({}, "of nobody", set()),
    ],
)
def test_edges(hub: Serving, asked: dict[str, str], token: str | None, wanted: set[Any]) -> None:
    assert pairs(hub, token, **asked) == wanted


def test_edges_since_a_time_are_those_first_seen_since(hub: Serving) -> None:
    after = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    assert pairs(hub, since=after, sight="first") == set()
    page = answer(hub, "/api/v1/edges", limit=2)
    assert (len(page["edges"]), page["more"]) == (2, 3)


def test_too_many_edges_for_one_answer(hub: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MOST_WORDS", 4)
    status, said = refusal(hub, "/api/v1/edges")
    assert (status, said) == (400, "over 2 edges; ask for less time with `since`, or for one namespace's")
    assert pairs(hub, since=(datetime.now(UTC) + timedelta(hours=1)).isoformat()) == set()


def test_an_edge_says_what_was_dialled_and_how_often(hub: Serving) -> None:
    edge = answer(hub, "/api/v1/edges", q="dst.port=8080")["edges"][0]
    assert (edge["service"], edge["connections"], edge["retransmissions"]) == ("orders/orders:80", 3, 6)
    assert edge["client"]["labels"] == {"app": "ui"}


@pytest.mark.parametrize("path", ["edges", "endpoints", "zones"])
def test_who_has_it_already_is_told_so(hub: Serving, path: str) -> None:
    first = ask(hub, f"/api/v1/{path}")
    again = ask(hub, f"/api/v1/{path}", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize(
    ("asked", "token", "wanted"),
    [
        ({"kind": "pod"}, None, {"ui-1", "ui-2", "orders-1", "orders-postgresql-0"}),
        ({"kind": "external"}, None, {"203.0.113.9"}),
        ({"text": "POSTGRES"}, None, {"orders-postgresql-0"}),
        ({"text": "113.9"}, None, {"203.0.113.9"}),
        ({"text": "%"}, None, set()),
        ({"kind": "pod"}, "of orders", {"ui-1", "ui-2", "orders-1", "orders-postgresql-0"}),
        ({"kind": "external"}, "of orders", set()),
        ({}, "of dev", set()),
        ({}, "of nobody", set()),
    ],
)
def test_endpoints(hub: Serving, asked: dict[str, str], token: str | None, wanted: set[str]) -> None:
    told = answer(hub, "/api/v1/endpoints", token, **asked)["endpoints"]
    assert {name(one["end"]) for one in told} == wanted


@pytest.mark.parametrize(
    ("text", "token", "wanted"),
    [
        ("postgres", None, {"orders/Pod/orders-postgresql-0", "orders/orders-postgresql-0"}),
        ("ui", "of ui", {"ui", "ui/Pod/ui-1", "ui/Pod/ui-2", "ui/ui-1", "ui/ui-2"}),
        ("203.0", "of orders", set()),
        ("203.0", "of ui", {"203.0.113.9"}),
        ("ui", "of nobody", set()),
    ],
)
def test_search(hub: Serving, text: str, token: str | None, wanted: set[str]) -> None:
    hits = answer(hub, "/api/v1/search", token, text=text)["hits"]
    assert {hit["title"] for hit in hits} == wanted


def test_what_was_found_is_a_filter(hub: Serving) -> None:
    for hit in answer(hub, "/api/v1/search", text="ui")["hits"]:
        assert answer(hub, "/api/v1/flows", q=hit["filter"])["flows"], hit


@pytest.mark.parametrize(
    ("asked", "token", "wanted"),
    [
        ({}, None, [("ui-2", 5432, True, 4), ("orders-1", 5433, False, 7)]),
        ({"q": "dst.port=5433"}, None, [("orders-1", 5433, False, 7)]),
        ({"q": "packets>0"}, None, [("ui-2", 5432, True, 4)]),
        ({}, "of ui", [("ui-2", 5432, True, 4)]),
        ({}, "of dev", []),
        ({}, "of nobody", []),
    ],
)
def test_denials(hub: Serving, asked: dict[str, str], token: str | None, wanted: list[Any]) -> None:
    told = answer(hub, "/api/v1/denials", token, **asked)["denials"]
    assert [
        (name(one["client"]), one["port"], one["enforced"], one["packets"] or one["connections"]) for one in told
    ] == wanted
    for one in told:
        assert one["why"].startswith("ingress: orders/db isolates orders/orders-postgresql-0; no rule allows TCP")


@pytest.mark.parametrize(
    ("path", "asked", "said"),
    [
        ("search", {"text": ""}, "`text`: Expected `str` of length >= 1"),
        ("edges", {"q": "verdict=denied"}, "filter: `verdict` is not known of edges"),
        ("denials", {"q": "zone=1a"}, "filter: `zone` is not known here"),
        ("endpoints", {"kind": "dragon"}, "`kind`: Invalid enum value 'dragon'"),
    ],
)
def test_what_is_no_question(hub: Serving, path: str, asked: dict[str, str], said: str) -> None:
    status, reason = refusal(hub, f"/api/v1/{path}", **asked)
    assert (status, said in reason) == (400, True), reason
