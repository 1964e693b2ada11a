"""Watch: one kind of objects, listed in pages, then followed change by change, whatever happens to the server.

Kubernetes API concepts, "Efficient detection of changes", "Retrieving large results sets in chunks": a watch goes
on at the resourceVersion it has come to, bookmarks included; 410 Gone means to list again; a list whose
continuation is gone begins anew.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

import httpx
import msgspec

from fairway.kit.errors import FairwayError, one_line
from fairway.kube.access import Access
from fairway.kube.api import TIMEOUT, ApiError, error_of
from fairway.kube.resources import Resource

PAGE: Final = 500
_LONGEST_LINE: Final = 64 << 20
_META: Final = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1,application/json"
_RESTARTS: Final = 2
"""Lists whose continuation expired, after which the next one is asked for in one piece."""
_IN_A_ROW: Final = 5
"""Watches that failed, after which a list says where things stand: a server restored from a backup counts anew."""

Key = tuple[str, str]
"""Namespace (empty for none) and name."""


class Sink(Protocol):
    """Where objects go. `read` makes of an object what is kept of it, None if nothing can be."""

    def read(self, resource: Resource, value: dict[str, Any]) -> tuple[Key, Any] | None: ...

    def begin(self, resource: Resource) -> None:
        """A list begins."""

    def replace(self, resource: Resource, parts: dict[Key, Any]) -> None:
        """These are all there are."""

    def put(self, resource: Resource, key: Key, part: Any) -> None:
        """This one came or changed."""

    def remove(self, resource: Resource, key: Key) -> None:
        """This one is gone."""

    def lacks(self, resource: Resource, why: str) -> None:
        """None of this kind can be seen, for a reason; empty: the server does not have the kind."""

    def trouble(self, resource: Resource, why: str) -> None:
        """What is known of this kind may be old, for a reason; empty: it is not any more."""


class Pace:
    """How long to wait: between failures twice as long each time, up to `longest`, with jitter so that many do not
    come back at once; `recheck` before asking again for what is forbidden or missing."""

    def __init__(
        self, first: float = 0.5, longest: float = 30.0, recheck: float = 60.0, watch: float = 300.0
    ) -> None:
        self.recheck = recheck
        self.watch = watch
        self._first, self._longest = first, longest
        self._failures = 0

    def fresh(self) -> "Pace":
        """The same for another watch."""
        return Pace(self._first, self._longest, self.recheck, self.watch)

    def fine(self) -> None:
        """Something came through."""
        self._failures = 0

    @property
    def failures(self) -> int:
        """In a row."""
        return self._failures

    def failed(self, least: float | None = None) -> float:
        """Seconds to wait after one more failure; `least` is what the server asked for."""
        wait = min(self._longest, self._first * float(2 ** min(self._failures, 16)))
        self._failures += 1
        return max(least or 0.0, wait * _jitter())


def _jitter() -> float:
    return random.uniform(0.5, 1.0)  # noqa: S311  # no secret


class Expired(Exception):
    """The version is too old to go on from."""


class Watch:
    """Follows one kind until it is cancelled. `counts` grows: lists, events, restarts, failures."""

    def __init__(
        self,
        resource: Resource,
        sink: Sink,
        connection: httpx.AsyncClient,
        access: Access,
        pace: Pace,
        page: int = PAGE,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._resource = resource
        self._sink = sink
        self._connection = connection
        self._access = access
        self._pace = pace
        self._page = page
        self._path = resource.path
        self._version: str | None = None

    async def run(self) -> None:
        """List and watch for ever."""
        while True:
            try:
                if self._version is None:
                    await self._list()
                started, events = time.monotonic(), self.counts["events"]
                await self._follow()
                # A server that ends each watch at once must not be asked a thousand times a second.
                idle = events == self.counts["events"] and time.monotonic() - started < 1
                wait = self._pace.failed() if idle else 0.0
            except Expired:
                self.counts["expired"] += 1
                self._version, wait = None, self._pace.failed()
            except ApiError as error:
                wait = self._refused(error)
            except (httpx.HTTPError, msgspec.MsgspecError, FairwayError, OSError) as error:
                self._sink.trouble(self._resource, one_line(str(error)) or type(error).__name__)
                wait = self._failed()
            await asyncio.sleep(wait)

    def _failed(self, least: float | None = None) -> float:
        self.counts["failures"] += 1
        wait = self._pace.failed(least)
        if self._pace.failures % _IN_A_ROW == 0:
            self._version = None
        return wait

    def _refused(self, error: ApiError) -> float:
        if error.status in (403, 404):
            self._version = None
            self._sink.lacks(self._resource, str(error) if error.status == 403 else "")
            return self._pace.recheck * _jitter()
        self._sink.trouble(self._resource, str(error))
        return self._failed(error.retry_after)

    async def _list(self) -> None:
        """All objects, page by page; each page is forgotten once it is read."""
        for attempt in range(_RESTARTS + 1):
            try:
                await self._pages(self._page if attempt < _RESTARTS else 0)
                break
            except Expired:
                if attempt == _RESTARTS:
                    raise
        self.counts["lists"] += 1
        self._pace.fine()
        self._sink.trouble(self._resource, "")

    async def _pages(self, limit: int) -> None:
        parts: dict[Key, Any] = {}
        self._sink.begin(self._resource)
        parameters = {"limit": str(limit)} if limit else {}
        while True:
            answer = await self._connection.get(self._path, params=parameters, headers=self._headers("List"))
            if answer.status_code == 410:
                raise Expired
            if answer.status_code != 200:
                raise error_of(answer)
            page = msgspec.json.decode(answer.content, type=_Page)
            for value in page.items or ():
                if found := self._sink.read(self._resource, value):
                    parts[found[0]] = found[1]
            if not page.metadata.next:
                break
            parameters["continue"] = page.metadata.next
            await asyncio.sleep(0)
        self._sink.replace(self._resource, parts)
        self._version = page.metadata.resourceVersion

    async def _follow(self) -> None:
        """Take events until the server ends the watch. Expired, ApiError, httpx.HTTPError."""
        seconds = self._pace.watch * 2 * _jitter()
        parameters = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "",
            "timeoutSeconds": str(max(1, int(seconds))),
        }
        async with self._connection.stream(
            "GET",
            self._path,
            params=parameters,
            headers=self._headers(""),
            timeout=httpx.Timeout(TIMEOUT, read=seconds + TIMEOUT),
        ) as answer:
            if answer.status_code != 200:
                await answer.aread()
                if answer.status_code == 410:
                    raise Expired
                raise error_of(answer)
            self._sink.trouble(self._resource, "")
            async for line in _lines(answer.aiter_bytes()):
                self._take(msgspec.json.decode(line, type=_Event))
        self.counts["restarts"] += 1

    def _take(self, event: "_Event") -> None:
        if event.type == "ERROR":
            status = msgspec.convert(event.object, _Failure)
            if status.code == 410:
                raise Expired
            raise ApiError(status.code, status.reason or "", status.message or "")
        version = (event.object.get("metadata") or {}).get("resourceVersion")
        if event.type != "BOOKMARK":
            self.counts["events"] += 1
            if event.type == "DELETED":
                if key := key_of(event.object):
                    self._sink.remove(self._resource, key)
            elif found := self._sink.read(self._resource, event.object):
                self._sink.put(self._resource, *found)
        self._version = version or self._version
        self._pace.fine()

    def _headers(self, of: str) -> dict[str, str]:
        accept = _META.format(of) if self._resource.metadata_only else "application/json"
        return {**self._access.headers(), "Accept": accept}


def key_of(value: dict[str, Any]) -> Key | None:
    """An object's key; None for what has no name."""
    metadata = value.get("metadata")
    given = metadata if isinstance(metadata, dict) else {}
    namespace, name = given.get("namespace", ""), given.get("name", "")
    return (namespace, name) if isinstance(namespace, str) and isinstance(name, str) and name else None


class _ListMeta(msgspec.Struct, frozen=True):
    resourceVersion: str = ""  # noqa: N815  # the API's names
    next: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct, frozen=True):
    metadata: _ListMeta
    items: list[dict[str, Any]] | None = None


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: dict[str, Any]


class _Failure(msgspec.Struct, frozen=True):
    code: int = 500
    reason: str | None = None
    message: str | None = None


async def _lines(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines that end in \\n alone: other characters that break lines may be part of a JSON text."""
    rest: list[bytes] = []
    size = 0
    async for part in parts:
        *whole, last = part.split(b"\n")
        for piece in whole:
            line = b"".join((*rest, piece))
            rest, size = [], 0
            if line.strip():
                yield line
        rest.append(last)
        size += len(last)
        if size > _LONGEST_LINE:
            raise httpx.DecodingError(f"an event of more than {_LONGEST_LINE} bytes")
