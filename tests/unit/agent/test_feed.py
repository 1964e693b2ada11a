"""Feeds: by file or by the hub's long poll; whatever the hub does, the last one stays."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fairway.agent.feed import FeedError, FileFeed, HubFeed
from fairway.agent.hublink import Hub as Address
from fairway.wire.rules import NodeFeed, RuleTable
from support.hub import TOKEN, Certificates, Hub, serving


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between attempts."""
    monkeypatch.setattr("fairway.agent.feed._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("fairway.agent.feed._LONGEST_PAUSE", 0.05)


def feed(revision: int) -> NodeFeed:
    return NodeFeed("node-a", (), RuleTable(revision))


@contextmanager
def asking(
    folder: Path, hub: Hub, certificates: Certificates, timeout: float = 5
) -> Iterator[tuple[HubFeed, list[str]]]:
    (folder / "token").write_text(TOKEN)
    log: list[str] = []
    asked = HubFeed(
        "node-a", Address(hub.url, folder / "token", certificates.authority, timeout), folder / "kept", log.append
    )
    try:
        yield asked, log
    finally:
        asked.close()


def next_feed(of: HubFeed | FileFeed, seconds: float = 10) -> NodeFeed:
    deadline = time.monotonic() + seconds
    while (found := of.poll()) is None:
        assert time.monotonic() < deadline, "no feed in time"
        threading.Event().wait(0.005)
    return found


def test_each_change_arrives_once_and_at_once(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub()
    hub.tell(feed(1))
    with serving(hub, certificates.make("good", days=2)), asking(tmp_path, hub, certificates) as (asked, log):
        assert next_feed(asked).table.revision == 1
        for revision in (2, 3):
            hub.wait_for(lambda revision=revision: len(hub.asked) >= revision)
            hub.tell(feed(revision))
            assert next_feed(asked).table.revision == revision
        hub.wait_for(lambda: len(hub.asked) == 4)
        assert asked.poll() is None
    assert hub.asked[0] == ""
    assert len(set(hub.asked)) == 4, "each question names what is known"
    assert (log, hub.connections) == ([], 1)


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("500", "answers 500: Internal Server Error"),
        ("proxy", "answers 200 without an ETag; is it a proxy in its place?"),
        ("garbage", "what it answers is no HTTP"),
        ("cut", "what it answers is no HTTP"),
        ("hang", "no answer within"),
    ],
)
def test_a_trouble_is_told_once_and_the_feed_comes_after_it(
    tmp_path: Path, certificates: Certificates, trouble: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairway.agent.feed._WAIT_SECONDS", 0.2)
    hub = Hub(misbehave=[trouble] * 2)
    hub.tell(feed(1))
    with serving(hub), asking(tmp_path, hub, certificates, timeout=0.2) as (asked, log):
        assert next_feed(asked).table.revision == 1
        assert asked.complaint.count == 2
    assert len([line for line in log if told in line]) == 1, log
    assert log[0].endswith("; the last rules stay in force")


def test_nonsense_is_refused_and_not_asked_for_again(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub()
    hub.tell(b'{"node": 7}')
    with serving(hub), asking(tmp_path, hub, certificates) as (asked, _):
        with pytest.raises(FeedError, match=r"the hub's feed: Expected `str`, got `int` - at `\$.node`"):
            next_feed(asked)
        hub.wait_for(lambda: len(hub.asked) == 2)
        assert hub.asked[1] == hub._etag
        hub.tell(feed(5))
        assert next_feed(asked).table.revision == 5


def test_a_node_that_the_hub_does_not_know_yet(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub()
    with serving(hub), asking(tmp_path, hub, certificates) as (asked, log):
        hub.wait_for(lambda: len(hub.asked) == 1)
        with hub.changed:
            hub.closing = True  # the question is not kept open any longer
            hub.changed.notify_all()
        hub.wait_for(lambda: len(hub.asked) >= 2)
        hub.closing = False
        hub.tell(feed(1))
        assert next_feed(asked).table.revision == 1
    assert "answers 404: no such address" in log[0]


def test_the_last_one_is_there_at_the_next_start_without_the_hub(
    tmp_path: Path, certificates: Certificates
) -> None:
    hub = Hub()
    hub.tell(feed(3))
    with serving(hub), asking(tmp_path, hub, certificates) as (asked, _):
        asked.keep(next_feed(asked))
    with asking(tmp_path, hub, certificates) as (asked, log):
        assert next_feed(asked).table.revision == 3
        deadline = time.monotonic() + 10
        while not log:
            assert time.monotonic() < deadline
            threading.Event().wait(0.005)
        assert asked.poll() is None
    assert "Connection refused" in log[0]


def test_closing_does_not_wait_for_the_open_question(tmp_path: Path, certificates: Certificates) -> None:
    hub = Hub()
    hub.tell(feed(1))
    with serving(hub), asking(tmp_path, hub, certificates, timeout=60) as (asked, log):
        next_feed(asked)
        hub.wait_for(lambda: len(hub.asked) == 2)
        began = time.monotonic()
        asked.close()
        assert time.monotonic() - began < 5
        assert not asked._thread.is_alive()
    assert log == []


def test_a_file_is_read_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "feed.json"
    of = FileFeed(path)
    assert of.poll() is None
    path.write_bytes(b'{"node":"node-a","table":{"revision":1}}')
    assert next_feed(of) == feed(1)
    assert of.poll() is None
    path.write_text('{"node": "node-a", "tab')
    with pytest.raises(FeedError, match=r"feed.json: Input data was truncated"):
        of.poll()
    assert of.poll() is None, "told once"
    path.write_text('{"node": "node-a", "table": {"revision": "of another kind", "version": 2}}')
    with pytest.raises(FeedError, match=r"is of version 2, this agent obeys up to 1; update the agent"):
        of.poll()
    path.write_text('{"node": "node-a", "table": {"revision": 1, "unheard-of": 3}, "more": []}')
    assert next_feed(of) == feed(1), "what it does not know it leaves out"
    path.write_text("[" * 100_000)
    with pytest.raises(FeedError):
        of.poll()
