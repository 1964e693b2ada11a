"""What an agent may ask of a hub, and what it is told of anything else."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from fairway.hub.auth import Role, digest
from fairway.hub.intent import Intent, PolicyChoice, write_intent
from fairway.hub.serve import Listening
from fairway.wire import batch as wire
from fairway.wire.protocol import CONTENT_TYPE, FLOWS_PATH, feed_path
from fairway.wire.rules import NodeFeed
from fairway.wire.words import Initiator, Posture
from support.hubs import Serving, serving, until
from support.reports import DB, ORDERS, UI, report


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "tokens.yaml").write_text(
        f"tokens:\n- {{name: a, role: agent, node: node-a, sha256: {digest('of node-a')}}}\n"
        f"- {{name: someone, role: viewer, sha256: {digest('of someone')}}}\n"
    )
    with serving(folder, Listening(port=0, tokens=folder / "tokens.yaml")) as running:
        yield running


def ask(hub: Serving, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
    told = hub.state.token(Role.AGENT).read_text() if token is None else token
    headers = {"Authorization": f"Bearer {told}", **options.pop("headers", {})}
    with httpx.Client(verify=False, trust_env=False, timeout=20) as connection:
        return connection.request(method, f"{hub.door.url}{path}", headers=headers, **options)


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and reason, the same for agents and for people."""
    problem = answer.json()
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert (problem["status"], problem["error"]) == (answer.status_code, problem["detail"])
    return answer.status_code, problem["detail"]


def test_a_batch_is_kept_once(hub: Serving) -> None:
    batch = report(UI, ORDERS, 8080, Initiator.POD, sequence=7)
    answers = [hub.post(batch).json() for _ in range(3)]
    assert [answer["duplicate"] for answer in answers] == [False, True, True]
    assert answers[0] == {"node": "node-a", "boot": "b1", "sequence": 7, "part": 1, "duplicate": False}


def test_a_batch_sent_twice_at_once_is_kept_once(hub: Serving) -> None:
    batch, answers = report(DB, ORDERS, 5432, Initiator.REMOTE, boot="twice"), []
    threads = [threading.Thread(target=lambda: answers.append(hub.post(batch).json())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["duplicate"] for answer in answers) == [False, *[True] * 5]


BATCH = report(UI, ORDERS, 8080, Initiator.POD, sequence=9)
ODD = report(UI, ORDERS, 8080, Initiator.POD, sequence=9, verdict_rule=3)
NAMED = {"Fairway-Node": "node-a", "Fairway-Boot": "b1", "Fairway-Sequence": "9", "Fairway-Part": "1"}
TYPE = {"Content-Type": CONTENT_TYPE}


@pytest.mark.parametrize(
    ("token", "headers", "content", "status", "said"),
    [
        ("?", NAMED | TYPE, wire.encode(BATCH), 401, "the token is not known to this hub"),
        ("x" * 9000, NAMED | TYPE, wire.encode(BATCH), 401, "the token is not known to this hub"),
        ("of someone", NAMED | TYPE, wire.encode(BATCH), 403, "this is for the role agent; the token is of viewer"),
        (
            *("of node-a", NAMED | TYPE | {"Fairway-Node": "node-b"}, wire.encode(BATCH), 403),
            "the token is of node `node-a`, not of `node-b`",
        ),
        (None, TYPE, wire.encode(BATCH), 400, "the headers Fairway-Node, -Boot, -Sequence and -Part must name"),
        (None, NAMED, wire.encode(BATCH), 415, f"send {CONTENT_TYPE}"),
        (None, NAMED | TYPE, b"garbage", 422, "the batch is not an Arrow stream"),
        (None, NAMED | TYPE, b"", 422, "the batch is not an Arrow stream"),
        (
            *(None, NAMED | TYPE | {"Fairway-Sequence": "10"}, wire.encode(BATCH), 422),
            "the batch is not the batch that the request's headers name",
        ),
        (
            *(
                None,
                NAMED | TYPE,
                wire.encode(ODD),
                422,
            ),
            "the batch a row names rule 3 of 1",
        ),
    ],
)
def test_what_is_refused(
    hub: Serving, token: str | None, headers: dict[str, str], content: bytes, status: int, said: str
) -> None:
    told, reason = refused(ask(hub, "POST", FLOWS_PATH, token, headers=headers, content=content))
    assert told == status
    assert said in reason


def test_a_newer_agent_keeps_its_batches_until_the_hub_can_read_them(hub: Serving) -> None:
    header = msgspec.structs.replace(BATCH.header, version=wire.VERSION + 1)
    content = wire.encode(wire.Batch(header, BATCH.rows))
    answer = ask(hub, "POST", FLOWS_PATH, headers=NAMED | TYPE, content=content)
    status, reason = refused(answer)
    assert (status, answer.headers["Retry-After"]) == (503, "60")
    assert "update this program first" in reason


def test_a_body_that_never_ends_is_cut_off(hub: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_BYTES", 1000)
    status, reason = refused(ask(hub, "POST", FLOWS_PATH, headers=NAMED | TYPE, content=b"x" * 2000))
    assert (status, reason) == (413, "a batch has at most 1000 bytes")


def test_a_feed_is_told_once_and_again_when_it_changes(hub: Serving) -> None:
    write_intent(hub.state, Intent())
    until(lambda: ask(hub, "GET", feed_path("node-a"), "of node-a").status_code == 200)
    first = ask(hub, "GET", feed_path("node-a"), "of node-a")
    feed = msgspec.json.decode(first.content, type=NodeFeed)
    assert (feed.node, [pod.name for pod in feed.pods]) == ("node-a", ["ui-1"])
    known = {"If-None-Match": first.headers["ETag"]}
    assert ask(hub, "GET", feed_path("node-a"), headers=known).status_code == 304
    changed: list[httpx.Response] = []
    waiting = threading.Thread(
        target=lambda: changed.append(ask(hub, "GET", feed_path("node-a") + "?wait=15", headers=known))
    )
    waiting.start()
    write_intent(hub.state, Intent(active=PolicyChoice(posture=Posture.DENY)))
    waiting.join()
    assert changed[0].status_code == 200
    assert msgspec.json.decode(changed[0].content, type=NodeFeed).table.posture is Posture.DENY


@pytest.mark.parametrize(
    ("path", "token", "status", "said"),
    [
        (feed_path("node-b"), "of node-a", 403, "the token is of node `node-a`, not of `node-b`"),
        (feed_path("nowhere"), None, 404, "`nowhere` is no node of the cluster"),
        (feed_path("../../etc"), None, 404, "is nothing of this hub"),
        (feed_path("node-a") + "?wait=61", None, 400, "`wait`: Expected `int` <= 60"),
        (feed_path("node-a") + "?wait=soon", None, 400, "`wait`: Expected `int`"),
        ("/api/v1/agents", None, 403, "this is for the role viewer; the token is of agent"),
        ("/api/v1/nothing", None, 404, "/api/v1/nothing is nothing of this hub; /schema lists what is"),
    ],
)
def test_questions_that_are_refused(hub: Serving, path: str, token: str | None, status: int, said: str) -> None:
    told, reason = refused(ask(hub, "GET", path, token))
    assert told == status
    assert said in reason


def test_health_needs_no_token(hub: Serving) -> None:
    for path in ("/healthz", "/readyz"):
        answer = httpx.Client(verify=False, trust_env=False)
        with answer as connection:
            assert connection.get(f"{hub.door.url}{path}").text.splitlines()[0] == "ok"
