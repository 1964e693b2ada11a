"""The live stream, with real clients: who listens hears what comes in, and who does not keep up is let go."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pyarrow as pa
import pytest

from fairway.hub.auth import Role
from fairway.hub.serve import Listening
from fairway.wire import batch as wire
from fairway.wire.words import Initiator, Verdict
from support.askers import refusal, tokens
from support.flows import random_flows
from support.hubs import Serving, serving, until
from support.reports import ORDERS, UI, UI2, report


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        yield running


@contextmanager
def listening(hub: Serving, token: str | None = None, **asked: str) -> Iterator[list[tuple[str, Any]]]:
    """Events as they come, from the moment that the hub says it listens."""
    heard: list[tuple[str, Any]] = []
    ready, enough = threading.Event(), threading.Event()
    shown = token or hub.state.token(Role.OPERATOR).read_text()

    def listen() -> None:
        headers = {"Authorization": f"Bearer {shown}"}
        with (
            httpx.Client(trust_env=False, timeout=60) as connection,
            connection.stream("GET", f"{hub.door.url}/api/v1/live", params=asked, headers=headers) as stream,
        ):
            assert stream.headers["content-type"].startswith("text/event-stream")
            kind = ""
            for line in stream.iter_lines():
                ready.set()
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    heard.append((kind, json.loads(line.removeprefix("data: "))))
                if enough.is_set():
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(30)
    try:
        yield heard
    finally:
        enough.set()
        hub.answers.hub.live.end()
        thread.join()


SEQUENCE = iter(range(1, 1000))


def batch(pod: str, remote: str, port: int, who: Initiator, **fields: int) -> wire.Batch:
    return report(pod, remote, port, who, sequence=next(SEQUENCE), at=time.time_ns() // 1000, **fields)


def of(heard: list[tuple[str, Any]], kind: str) -> list[Any]:
    return [content for told, content in heard if told == kind]


def test_who_listens_hears_what_the_filter_means(hub: Serving) -> None:
    with listening(hub, q="dst.port=8080") as heard:
        hub.put(batch(UI, "203.0.113.9", 443, Initiator.POD, connections=1))
        hub.put(batch(ORDERS, UI, 8080, Initiator.REMOTE, connections=2, verdict=Verdict.DENY))
        until(lambda: len(of(heard, "agent")) == 2)
    (flow,) = of(heard, "flow")
    assert (flow["port"], flow["connections"], flow["client"]["name"]) == (8080, 2, "ui-1")
    assert of(heard, "verdict") == [flow]
    assert [agent["node"] for agent in of(heard, "agent")] == ["node-a", "node-b"]


def test_an_edge_is_told_once_however_many_tell_of_it(hub: Serving) -> None:
    with listening(hub, events="edge,agent") as heard:
        for who, remote, port, initiator in (
            *[(UI2, "203.0.113.77", 443, Initiator.POD)] * 2,
            (UI2, "203.0.113.77", 80, Initiator.POD),
        ):
            hub.put(batch(who, remote, port, initiator, kind=wire.EDGE))
        until(lambda: len(of(heard, "agent")) == 3)
    assert [edge["port"] for edge in of(heard, "edge")] == [443, 80]
    assert {kind for kind, _ in heard} == {"edge", "agent"}


@pytest.mark.parametrize(("token", "count"), [("of orders", 0), ("of ui", 1), ("of nobody", 0)])
def test_nobody_hears_of_what_is_not_theirs(hub: Serving, token: str, count: int) -> None:
    with listening(hub, token) as heard:
        hub.put(batch(UI, "203.0.113.9", 443, Initiator.POD, connections=1, verdict=Verdict.DENY))
        until(lambda: of(heard, "agent"))
    assert [len(of(heard, kind)) for kind in ("flow", "verdict")] == [count, count]


def much(rows: int) -> pa.Table:
    flows = random_flows(3, rows)
    kinds = pa.array(["flow"] * rows).dictionary_encode().cast(flows.schema.field("kind").type)
    return flows.set_column(flows.column_names.index("kind"), flows.schema.field("kind"), kinds)


def test_of_much_at_once_the_first_are_told_and_the_others_counted(hub: Serving) -> None:
    flows = much(500)
    with listening(hub, events="flow", q="proto=TCP") as heard:
        hub.answers.hub.live.tell(flows, np.ones(len(flows), bool), ())
        until(lambda: of(heard, "skipped"))
    assert len(of(heard, "flow")) == 200
    tcp = flows["protocol"].to_pylist().count("TCP")
    assert of(heard, "skipped") == [{"event": "flow", "count": tcp - 200}]


def test_who_does_not_keep_up_is_let_go_and_counted(hub: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.hub.api.live.SLOWEST", 0.3)
    live, flows = hub.answers.hub.live, much(300)
    before, place = live.dropped, urlsplit(hub.door.url)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((place.hostname, place.port))
        token = hub.state.token(Role.OPERATOR).read_text()
        deaf.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        until(lambda: live.listeners == 1)

        def dropped() -> bool:
            live.tell(flows, np.ones(len(flows), bool), ())
            return live.dropped > before

        until(dropped, 60)
        until(lambda: live.listeners == 0)
    assert live.dropped == before + 1


def test_only_so_many_may_listen(hub: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.hub.live.MOST_LISTENERS", 1)
    with listening(hub):
        assert refusal(hub, "/api/v1/live") == (503, "1 listen already; try again later")


def test_what_is_no_question(hub: Serving) -> None:
    assert refusal(hub, "/api/v1/live", events="flow,rain") == (
        400,
        "events: `rain` is none; of flow, verdict, edge, agent, anomaly",
    )
    assert refusal(hub, "/api/v1/live", q="x")[0] == 400
