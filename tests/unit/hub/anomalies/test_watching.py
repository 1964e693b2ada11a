"""Anomalies on the real hub: four weeks of a shop, then an hour in which much is unlike itself."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fairway.cli.main import main
from fairway.hub.anomalies.book import Book
from fairway.hub.serve import Listening
from support.askers import answer, ask, tokens
from support.hubs import Serving, serving, until
from support.weeks import NOW, RUNNING, hour, outside, pod, table

UI, CATALOG, DB, JOB = pod("shop", "ui"), pod("shop", "catalog"), pod("data", "db"), pod("data", "job")
MB = 1_000_000


def usual(number: int) -> list[dict[str, Any]]:
    """An hour of the shop: pages by day, a job at two in the morning, a heartbeat."""
    busy = 1 + 4 * (8 <= number % 24 < 20)
    pages = {"sent_bytes": 2 * MB * busy, "received_bytes": 20 * MB * busy, "sent_packets": 20_000 * busy}
    rows = [
        hour(
            number, UI, CATALOG, 8080, connections=400 * busy, failed=number % 3, received_packets=20_000, **pages
        ),
        hour(number, CATALOG, DB, 5432, connections=9, sent_bytes=MB, received_bytes=MB, received_packets=900),
    ]
    if number % 24 == 2:
        rows.append(hour(number, JOB, DB, 5432, connections=3, sent_bytes=9 * MB, received_packets=999))
    return rows


def broken(number: int) -> list[dict[str, Any]]:
    """The hour that is judged: eight times the pages, failures, a job at noon, and much sent to a stranger."""
    pages = {"sent_bytes": 80 * MB, "received_bytes": 800 * MB, "sent_packets": 800_000}
    return [
        hour(number, UI, CATALOG, 8080, connections=2000, failed=500, received_packets=99_000, **pages),
        hour(number, JOB, DB, 5432, connections=3, sent_bytes=9 * MB, received_packets=999),
        hour(number, DB, outside("203.0.113.9"), 443, connections=1, sent_bytes=900 * MB, received_packets=99),
    ]


WANTED = {
    ("volume", "shop/ui -> shop/catalog 8080/TCP"),
    ("failures", "shop/ui -> shop/catalog 8080/TCP"),
    ("off-hours", "data/job -> data/db 5432/TCP"),
    ("exfiltration", "data/db"),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        rows = [row for number in range(RUNNING - 28 * 24, RUNNING) for row in usual(number)]
        append(running, rows, "weeks")
        yield running


def append(hub: Serving, rows: list[dict[str, Any]], token: str) -> None:
    hub.answers.hub.base.append(table(rows), np.ones(len(rows), bool), token)


def told(hub: Serving, token: str | None = None, **asked: str) -> set[tuple[str, str]]:
    found = answer(hub, "/api/v1/anomalies", token, **asked)["anomalies"]
    return {(one["kind"], one["subject"]) for one in found}


def test_a_usual_hour_is_none(hub: Serving) -> None:
    append(hub, usual(RUNNING), "usual")
    assert hub.answers.hub.anomalies.look(NOW) == []
    assert answer(hub, "/api/v1/anomalies")["anomalies"] == []


def test_what_is_unlike_itself_is_told_once_and_explained(hub: Serving) -> None:
    append(hub, broken(RUNNING), "broken")
    news = hub.answers.hub.anomalies.look(NOW)
    assert {one.finding.key for one in news} == WANTED
    assert hub.answers.hub.anomalies.look(NOW) == []
    [exfiltration] = [one for one in answer(hub, "/api/v1/anomalies")["anomalies"] if one["kind"] == "exfiltration"]
    assert exfiltration["what"] == "900 MB sent to 203.0.113.0/24 443/TCP, never called before"
    assert exfiltration["since"] == "2026-09-21T14:00:00Z"
    assert exfiltration["command"] == f"fairway investigate {exfiltration['id']}"
    assert exfiltration["sure"] > 0.9
    flows = answer(
        hub, "/api/v1/flows", q=exfiltration["filter"], since=exfiltration["since"], until=exfiltration["until"]
    )["flows"]
    assert [flow["server"]["address"] for flow in flows] == ["203.0.113.9"]


def test_people_see_what_touches_their_namespaces(hub: Serving) -> None:
    assert told(hub, "of data") == {one for one in WANTED if one[1].startswith("data/")}
    assert told(hub, "of nobody") == set()


def test_who_listens_hears_of_it_at_once(hub: Serving) -> None:
    heard: list[tuple[str, Any]] = []
    listening = threading.Thread(target=lambda: heard.append(next(hub.client.events({"events": "anomaly"}))))
    listening.start()
    until(lambda: hub.answers.hub.live.listeners == 1)
    append(hub, [hour(RUNNING, CATALOG, outside("198.51.100.7"), 22, connections=1, sent_bytes=900)], "new")
    hub.answers.hub.anomalies.look(NOW)
    listening.join(30)
    [(kind, told)] = heard
    assert (kind, told["kind"], told["subject"]) == (
        "anomaly",
        "new-edge",
        "shop/catalog -> 198.51.100.0/24 22/TCP",
    )
    assert told["what"].endswith(", not answered")


def verb(hub: Serving, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["anomalies", "--state", str(hub.state.folder), *arguments]) == 0
    return capsys.readouterr().out


def test_what_is_expected_is_told_no_more_whatever_restarts(
    hub: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    [volume] = [
        one for one in json.loads(verb(hub, capsys, "--output", "json"))["anomalies"] if one["kind"] == "volume"
    ]
    assert "is usual at this hour of the week" in verb(hub, capsys)
    refused = ask(hub, f"/api/v1/anomalies/{volume['id']}/feedback", "of viewer", "POST", json={"word": "expected"})
    assert refused.status_code == 403
    told_of = verb(hub, capsys, "--expected", volume["id"], "--why", "a sale")
    assert told_of == f"{volume['id']}: volume of shop/ui -> shop/catalog 8080/TCP: told no more\n"
    assert ("volume", volume["subject"]) not in told(hub)
    assert ("volume", volume["subject"]) in told(hub, expected="true")
    [entry] = answer(hub, "/api/v1/audit", limit=1)
    assert (entry["what"], entry["done"], entry["why"]) == ("anomaly", f"{volume['id']}: expected", "a sale")
    # The same a week later, to a hub that reads what was kept.
    book = Book(hub.state.anomalies)
    book.open()
    [kept] = [one for one in book.all() if one.id == volume["id"]]
    assert book.add([kept.finding], kept.last + 168, whole=True) == []
    assert book.silenced == 1
    assert main(["anomalies", "--state", str(hub.state.folder), "--expected", "no-such"]) == 2
    assert "there is no anomaly `no-such`" in capsys.readouterr().err
