"""Batches reach a hub that dies, refuses, hangs and lies, each exactly once; nothing leaves without a receipt."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fairway.agent.hublink import Hub as Address
from fairway.agent.outbox import Outbox
from fairway.agent.sender import Sender
from fairway.wire.batch import RECORD, Asked, Batch, Header, encode
from fairway.wire.protocol import BatchId
from fairway.wire.rules import NodePod
from support.hub import TOKEN, Certificates, Hub, serving


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


class Agent:
    """An outbox and its sender, without the kernel; `log` is what it says."""

    def __init__(
        self, folder: Path, hub: Hub, certificates: Certificates, *, boot: str = "boot", timeout: float = 5
    ) -> None:
        self.log: list[str] = []
        token = folder / "token"
        if not token.exists():
            token.write_text(f"{TOKEN}\n")
        self.outbox = Outbox(folder / "spool", "node-a", boot)
        address = Address(hub.url, token, certificates.authority, timeout)
        self.sender = Sender(self.outbox, address, self.log.append)

    def put(self, rows: int = 1, pods: int = 1) -> None:
        batch = np.zeros(rows, RECORD)
        batch["tx_bytes"] = np.arange(rows) + 1000 * self.outbox.next_sequence
        header = Header(
            node="node-a",
            boot=self.outbox.boot,
            sequence=self.outbox.next_sequence,
            start_us=1,
            end_us=2,
            pods=tuple(NodePod(f"uid-{i}", "n", f"p{i}", ()) for i in range(pods)),
            asked=(Asked(0, "api.example.com", 1),),
        )
        self.outbox.put(Batch(header, batch))
        self.sender.wake()


@contextmanager
def at_work(folder: Path, hub: Hub, certificates: Certificates, **options: object) -> Iterator[Agent]:
    (folder / "spool").mkdir(exist_ok=True)
    agent = Agent(folder, hub, certificates, **options)
    agent.sender.start()
    try:
        yield agent
    finally:
        agent.sender.close(5)


def sent(hub: Hub) -> list[int]:
    """Everything the hub has, as the numbers that the rows carry."""
    return sorted(int(n) for batch in hub.kept.values() for n in batch.rows["tx_bytes"])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between attempts, a hundred times shorter: what is tested is that they end."""
    monkeypatch.setattr("fairway.agent.sender._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("fairway.agent.sender._LONGEST_PAUSE", 0.05)


def test_batches_arrive_in_order_over_one_connection_and_leave_the_spool(
    tmp_path: Path, certificates: Certificates
) -> None:
    hub = Hub()
    with serving(hub, certificates.make("good", days=2)), at_work(tmp_path, hub, certificates) as agent:
        for _ in range(5):
            agent.put(rows=3)
        hub.wait_for(lambda: len(hub.kept) == 5)
        assert [post.sequence for post in hub.posts] == [1, 2, 3, 4, 5]
    assert hub.connections == 1
    assert list((tmp_path / "spool").iterdir()) == []
    assert (agent.sender.sent.batches, agent.log) == (5, [])


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("500", "answers 500: Internal Server Error"),
        ("busy", "answers 429: slower"),
        ("proxy", "answers 200 without a receipt; is it a proxy in its place?"),
        ("stranger", "its receipt is for another batch, 7 of other"),
        ("bad_request", "answers 400: Bad Request"),
        ("elsewhere", "answers 307: Temporary Redirect"),
        ("garbage", "what it answers is no HTTP: "),
        ("endless", "what it answers is no HTTP: an answer of more than 65536 bytes"),
        ("cut", "what it answers is no HTTP: IncompleteRead(0 bytes read, 96 more expected)"),
        ("hang", "no answer within 0.3 s"),
    ],
)
def test_a_trouble_is_told_once_and_costs_nothing(
    tmp_path: Path, certificates: Certificates, trouble: str, told: str
) -> None:
    hub = Hub(misbehave=[trouble] * 3)
    with serving(hub), at_work(tmp_path, hub, certificates, timeout=0.3) as agent:
        agent.put(rows=2)
        agent.put(rows=2)
        hub.wait_for(lambda: len(hub.kept) == 2 and len(hub.posts) >= 5, 20)
    assert sent(hub) == [1000, 1001, 2000, 2001]
    lines = [line for line in agent.log if told in line]
    assert len(lines) == 1, agent.log
    assert lines[0].startswith(f"hub {hub.url}: ")
    assert lines[0].endswith("; batches wait in the spool")
    assert agent.sender.complaint.count == 3
    assert agent.log[-1] == f"hub {hub.url}: well again after 3 failed attempts"


def test_a_hub_that_kept_a_batch_and_died_is_not_given_it_twice(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub(misbehave=["lost", "", "lost", "", "lost"])
    with serving(hub), at_work(tmp_path, hub, certificates) as agent:
        for _ in range(4):
            agent.put()
        hub.wait_for(lambda: len(hub.kept) == 4)
    assert sent(hub) == [1000, 2000, 3000, 4000]
    assert agent.sender.sent.duplicates == 3
    assert "hangs up without an answer" in agent.log[0]


def test_what_waited_while_the_hub_was_away_arrives_once_it_is_back(
    tmp_path: Path, certificates: Certificates
) -> None:
    hub = Hub()
    with serving(hub):
        port = int(hub.url.rpartition(":")[2])
        with at_work(tmp_path, hub, certificates) as agent:
            agent.put()
            hub.wait_for(lambda: len(hub.kept) == 1)
    with at_work(tmp_path, hub, certificates, boot="second") as agent:
        for _ in range(3):
            agent.put()
        deadline = time.monotonic() + 10
        while not agent.sender.complaint.count and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        with serving(hub, port=port):
            hub.wait_for(lambda: len(hub.kept) == 4)
    assert {(one.boot, one.sequence) for one in hub.kept} == {
        ("boot", 1),
        ("second", 1),
        ("second", 2),
        ("second", 3),
    }


def test_an_agent_that_was_killed_leaves_its_batches_to_the_next(
    tmp_path: Path, certificates: Certificates
) -> None:
    (tmp_path / "spool").mkdir()
    hub = Hub()
    killed = Agent(tmp_path, hub, certificates, boot="killed")
    killed.put()
    killed.put()
    with serving(hub), at_work(tmp_path, hub, certificates, boot="next") as agent:
        agent.put()
        hub.wait_for(lambda: len(hub.kept) == 3)
    assert [(one.boot, one.sequence) for one in hub.kept] == [("killed", 1), ("killed", 2), ("next", 1)]


@pytest.mark.parametrize("rows", [2, 7, 1000])
def test_a_batch_that_is_too_large_goes_in_halves(tmp_path: Path, certificates: Certificates, rows: int) -> None:
    hub = Hub(limit=8000)
    with serving(hub), at_work(tmp_path, hub, certificates) as agent:
        agent.put(rows=rows)
        agent.put(rows=1)
        hub.wait_for(lambda: hub.rows == rows + 1)
    assert sent(hub) == [*range(1000, 1000 + rows), 2000]
    assert sum(one.asked for batch in hub.kept.values() for one in batch.header.asked) == 2, "once for each batch"
    assert list((tmp_path / "spool").iterdir()) == []
    assert bool(agent.sender.sent.split) == (rows > 50)


def test_halves_are_the_same_at_each_attempt(tmp_path: Path, certificates: Certificates) -> None:
    """The hub dies in the middle of the parts: those that it has are known to it when they come again."""
    hub = Hub(limit=8000, misbehave=["", "", "", "lost", "", "", "500", "", "lost"])
    with serving(hub), at_work(tmp_path, hub, certificates) as agent:
        agent.put(rows=300)
        hub.wait_for(lambda: hub.rows == 300)
        hub.wait_for(lambda: not hub.misbehave or hub.rows == 300)
    assert sent(hub) == list(range(1000, 1300))
    assert agent.sender.sent.duplicates > 0


def test_a_row_that_is_too_large_by_itself_stops_nobody(tmp_path: Path, certificates: Certificates) -> None:
    small = len(
        encode(Batch(Header(node="node-a", boot="boot", sequence=1, start_us=1, end_us=2), np.zeros(1, RECORD)))
    )
    hub = Hub(limit=small + 500)
    with serving(hub), at_work(tmp_path, hub, certificates) as agent:
        agent.put(rows=1, pods=200)
        agent.put(rows=1)
        hub.wait_for(lambda: len(hub.kept) == 1)
    assert sent(hub) == [2000]
    assert agent.sender.sent.refused == 1
    assert "too large for it; left out" in agent.log[0]


def test_a_batch_the_hub_cannot_read_is_counted_and_left_behind(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub(misbehave=["unreadable"])
    with serving(hub), at_work(tmp_path, hub, certificates) as agent:
        agent.put()
        agent.put()
        hub.wait_for(lambda: len(hub.kept) == 1)
    assert sent(hub) == [2000]
    assert agent.sender.sent.refused == 1
    assert agent.log == [f"hub {hub.url}: cannot read batch 1: no `fairway` header"]


def test_retry_after_is_obeyed(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub(misbehave=["busy"])
    with serving(hub), at_work(tmp_path, hub, certificates) as agent:
        began = time.monotonic()
        agent.put()
        hub.wait_for(lambda: len(hub.kept) == 1)
        assert time.monotonic() - began >= 2


def test_a_token_that_is_renewed_is_taken_up(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub(token="renewed")
    with serving(hub), at_work(tmp_path, hub, certificates) as agent:
        agent.put()
        hub.wait_for(lambda: len(hub.posts) >= 3)
        (tmp_path / "token").write_text("renewed")
        hub.wait_for(lambda: len(hub.kept) == 1)
    assert agent.log[0] == f"hub {hub.url}: answers 401: the token is not known; batches wait in the spool"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file or directory"),
        ("", "holds no token"),
        ("a b", "holds no token"),
        ("ä", "is no plain text"),
    ],
)
def test_a_token_file_without_a_token(
    tmp_path: Path, certificates: Certificates, content: str | None, told: str
) -> None:
    hub = Hub()
    with serving(hub), at_work(tmp_path, hub, certificates) as agent:
        (tmp_path / "token").unlink() if content is None else (tmp_path / "token").write_text(content)
        agent.put()
        wait_for_line(agent, told)
        (tmp_path / "token").write_text(TOKEN)
        hub.wait_for(lambda: len(hub.kept) == 1)


def test_who_it_does_not_trust_gets_nothing(tmp_path: Path, certificates: Certificates) -> None:
    other = certificates.make("other", days=2)
    expired = certificates.make("expired", days=-1)
    for certificate, authority, told in (
        (other, certificates.authority, "its certificate is not trusted: self-signed certificate"),
        (expired, expired[0], "its certificate is not trusted: certificate has expired"),
    ):
        hub = Hub()
        with serving(hub, certificate), at_work(tmp_path, hub, certificates) as agent:
            object.__setattr__(agent.sender.hub, "ca_file", authority)
            agent.put()
            wait_for_line(agent, told)
        assert hub.posts == []
        for path in (tmp_path / "spool").iterdir():
            path.unlink()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://nobody.invalid:1", "its name is not known to the resolver"),
        ("http://127.0.0.1:1", "Connection refused"),
        ("https://127.0.0.1:{plain}", "no TLS with it: wrong version number"),
    ],
)
def test_a_hub_that_is_not_there(tmp_path: Path, certificates: Certificates, url: str, told: str) -> None:
    with serving(Hub()) as plain:
        hub = Hub(url=url.format(plain=plain.url.rpartition(":")[2]))
        with at_work(tmp_path, hub, certificates) as agent:
            agent.put()
            wait_for_line(agent, told)
        assert len(list((tmp_path / "spool").iterdir())) == 1


def test_closing_does_not_wait_for_a_hub_that_hangs(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub(misbehave=["hang"])
    with serving(hub), at_work(tmp_path, hub, certificates, timeout=60) as agent:
        agent.put()
        hub.wait_for(lambda: hub.posts)
        began = time.monotonic()
        agent.sender.close(0.3)
        assert time.monotonic() - began < 5
        assert not agent.sender._thread.is_alive()
    assert len(list((tmp_path / "spool").iterdir())) == 1


def test_a_server_that_accepts_and_says_nothing(tmp_path: Path, certificates: Certificates) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        hub = Hub(url=f"https://127.0.0.1:{deaf.getsockname()[1]}")
        with at_work(tmp_path, hub, certificates, timeout=0.2) as agent:
            agent.put()
            wait_for_line(agent, "no answer within 0.2 s")


def wait_for_line(agent: Agent, told: str) -> None:
    deadline = time.monotonic() + 10
    while not any(told in line for line in agent.log):
        assert time.monotonic() < deadline, agent.log
        threading.Event().wait(0.01)


def test_identities_tell_batches_apart() -> None:
    assert len({BatchId("a", "b", 1), BatchId("a", "b", 1, 2), BatchId("a", "b", 2)}) == 3
