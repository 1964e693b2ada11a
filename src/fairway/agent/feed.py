"""Feeds: where the agent learns of its pods and rules. A file, the hub, or, with neither, what the
node itself shows (`agent.discover`).

`poll` is called several times a second and must not wait. It gives a feed when there is a new one, else None;
FeedError says in one line why a new one cannot be read.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from fairway.agent.complaint import Complaint, Say
from fairway.agent.hublink import Hub, HubError, HubLink
from fairway.kit.files import write_atomically
from fairway.wire.protocol import WAIT, feed_path
from fairway.wire.rules import VERSION, NodeFeed

MAX_BYTES: Final = 64 << 20
_WAIT_SECONDS: Final = 30
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_ETAG_LENGTH: Final = 256


class FeedError(Exception):
    """A feed cannot be obeyed; the text is one line."""


class Feed(Protocol):
    """Any of them."""

    def poll(self) -> NodeFeed | None:
        """A new feed, or None."""

    def close(self) -> None:
        """Let go."""


@dataclass(slots=True)
class FileFeed:
    """A file, read again when it changes. A missing one is no trouble: the last feed stays."""

    path: Path
    _stamp: tuple[int, int] = (0, 0)

    def poll(self) -> NodeFeed | None:
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._stamp:
                return None
            self._stamp = stamp
            return decode(self.path.read_bytes(), str(self.path))
        except FileNotFoundError:
            return None

    def close(self) -> None:
        return


class HubFeed:
    """The hub's, by a question that it keeps open until it has something new (ETag, `wait`).

    The last one is also kept in `kept`, so that an agent that starts while the hub is away knows its pods.
    """

    def __init__(self, node: str, hub: Hub, kept: Path, say: Say) -> None:
        self._path = f"{feed_path(node)}?{WAIT}={_WAIT_SECONDS}"
        self._link = HubLink(hub)
        self._kept = kept
        self._etag = ""
        self._latest = _read_kept(kept)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.complaint = Complaint(f"feed of {hub.url}", "the last rules stay in force", say)
        self.last = 0.0
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def poll(self) -> NodeFeed | None:
        with self._lock:
            content, self._latest = self._latest, None
        return decode(content, "the hub's feed") if content is not None else None

    def close(self) -> None:
        self._closing.set()
        self._link.abort()
        self._thread.join(0.5)

    def _run(self) -> None:
        pause = 0.0
        while not self._closing.is_set():
            asked = time.monotonic()
            try:
                self._ask()
                self.complaint.fine()
                # A hub that does not keep the question open must not be asked in a circle.
                pause = 0.0 if time.monotonic() - asked > 1.0 else 0.2
            except HubError as error:
                if self._closing.is_set():
                    break
                self.complaint.trouble(str(error))
                pause = max(min(max(_FIRST_PAUSE, pause * 2), _LONGEST_PAUSE), min(error.retry_after or 0.0, 300.0))
            self._closing.wait(pause)
        self._link.close()

    def _ask(self) -> None:
        headers = {"Accept": "application/json"}
        if self._etag:
            headers["If-None-Match"] = self._etag
        answer = self._link.ask("GET", self._path, headers=headers, limit=MAX_BYTES, patience=_WAIT_SECONDS)
        if answer.status == 304 and self._etag:
            self.last = time.time()
            return
        if answer.status != 200:
            raise answer.refused()
        etag = answer.headers.get("ETag", "")
        if not 0 < len(etag) <= _ETAG_LENGTH:
            raise HubError("answers 200 without an ETag; is it a proxy in its place?")
        self.last = time.time()
        if etag == self._etag:
            return
        self._etag = etag
        with self._lock:
            self._latest = answer.body

    def keep(self, feed: NodeFeed) -> None:
        """It was obeyed: the next start begins with it."""
        try:
            write_atomically(self._kept, msgspec.json.encode(feed))
        except OSError:
            return  # the next start asks the hub, as the first one did


def decode(content: bytes, where: str) -> NodeFeed:
    """A feed from anyone; FeedError says in one line what is wrong with it."""
    try:
        version = msgspec.json.decode(content, type=_Versioned).table.version
        if version > VERSION:
            raise FeedError(f"{where} is of version {version}, this agent obeys up to {VERSION}; update the agent")
        return msgspec.json.decode(content, type=NodeFeed)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise FeedError(f"{where}: {error}") from error


class _Version(msgspec.Struct):
    version: int = VERSION


class _Versioned(msgspec.Struct):
    """All that is read of a feed before it is known to be one that can be read."""

    table: _Version = msgspec.field(default_factory=_Version)


def _read_kept(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
