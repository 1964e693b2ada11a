"""The hub's surroundings when it runs in a cluster: the API server, watched on a thread with a loop of its own."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import httpx

from fairway.hub.surroundings import Reports, Sight
from fairway.kit.errors import FairwayError, one_line
from fairway.kube.access import Access
from fairway.kube.api import MERGE, ApiError, ask, asynchronous
from fairway.kube.detect import Detected, bounded, detected
from fairway.kube.lease import Lease
from fairway.kube.resources import STAGED, WATCHED, Resource, object_path
from fairway.kube.trial import since_of, status_of
from fairway.kube.watch import Key, Pace, Watch
from fairway.kube.world import World
from fairway.policy.model import Cluster
from fairway.policy.stand_ins import unfollowable
from fairway.wire.words import Mode

_LOOK: Final = 1.0
_AGAIN: Final = 5.0
"""Seconds until a duty that failed begins anew."""
_HEAR: Final = 15.0
"""Seconds between two accounts of policies on trial."""
_SHARE: Final = 4.0
"""After a look that took a second, so many seconds go by until the next: making a large cluster anew is work."""


class ApiServer:
    """Surroundings. Watches from `start` on until `close`; `usual` is the mode of namespaces that say nothing;
    `beside`: enforce although the network plugin does."""

    def __init__(
        self,
        access: Access,
        *,
        usual: Mode = Mode.OFF,
        beside: bool = False,
        pace: Pace | None = None,
        resources: Sequence[Resource] = WATCHED,
        page: int = 500,
    ) -> None:
        self.world = World()
        self.watches: list[Watch] = []
        self._access = access
        self._usual = usual
        self._beside = beside
        self._pace = pace or Pace()
        self._resources = resources
        self._page = page
        self._failed: dict[str, str] = {}
        self._seen = -1
        self._due = 0.0
        self._said: list[str] = []
        self._cluster: Cluster | None = None
        self._heard = 0.0
        self._unwritten = ""
        self.statuses: dict[Key, dict[str, Any]] = {}
        """As they should be, of policies on trial."""
        self.lease: Lease | None = None
        self.detected: Detected | None = None
        """The network, as of the last look."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="kube", daemon=True)

    @property
    def title(self) -> str:
        return self._access.server

    def start(self) -> "ApiServer":
        """Begin to watch."""
        self._thread.start()
        return self

    def look(self) -> Sight | None:
        """The cluster, once every kind was listed or cannot be."""
        world = self.world
        if self.unready() or world.version == self._seen or time.monotonic() < self._due or not world.synced:
            return None
        began, self._seen = time.monotonic(), world.version
        cluster, orders = world.sight(self._usual)
        self._cluster = cluster
        self._due = time.monotonic() + _SHARE * (time.monotonic() - began)
        found = self.detected = detected(cluster, world.nodes(), orders)
        self._said = list(found.warnings)
        orders = orders if self._beside else bounded(orders, found)
        if beside := unfollowable(orders.active):
            self._said.append(
                f"domain names in policies allow nothing: agents cannot follow them beside the networks of {beside}"
            )
        return Sight(cluster, None, orders)

    def unready(self) -> str:
        if self.lease is None or self.lease.leads:
            return ""
        return f"another hub leads ({self.lease.holder or 'nobody yet'}); this one waits for the lease"

    def hear(self, reports: Reports) -> bool:
        """Make the statuses of policies on trial; the loop writes those that changed."""
        now = time.monotonic()
        if now < self._heard or self._cluster is None:
            return False
        staged, obeying = self.world.staged(), reports.obeying()
        wall = datetime.now(UTC)
        denied = {since: reports.would_deny(since) for since in {since_of(one) for one in staged.values()} if since}
        self.statuses = {
            key: status_of(one, self._cluster, obeying, denied.get(since_of(one) or wall, ()), wall)
            for key, one in staged.items()
        }
        self._heard = now + _HEAR
        return bool(staged)

    def warnings(self) -> Sequence[str]:
        unwritten = [f"statuses of policies on trial cannot be written: {self._unwritten}"] * bool(self._unwritten)
        failed = [f"{duty}: {why}" for duty, why in self._failed.items()]
        return [*self.world.warnings(), *self._said, *unwritten, *failed]

    def counters(self) -> dict[str, int]:
        """What the watches did, added up."""
        total = Counter(dict.fromkeys(("lists", "events", "restarts", "expired", "failures"), 0))
        for watch in self.watches:
            total.update(watch.counts)
        return dict(total)

    def close(self) -> None:
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError, CancelledError):
            asyncio.run(self._watch_all())

    async def _watch_all(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        async with asynchronous(self._access) as connection, asyncio.TaskGroup() as group:
            for resource in self._resources:
                watch = Watch(resource, self.world, connection, self._access, self._pace.fresh(), self._page)
                self.watches.append(watch)
                group.create_task(self._keep_up(watch.run, partial(self.world.lacks, resource)))
            if self.lease is not None:
                group.create_task(self._keep_up(self.lease.run, partial(self._failed.__setitem__, "lease")))
            statuses = partial(self._write_statuses, connection)
            group.create_task(self._keep_up(statuses, partial(self._failed.__setitem__, "statuses")))

    async def _keep_up(self, duty: Callable[[], Coroutine[Any, Any, None]], tell: Callable[[str], None]) -> None:
        """A mistake in one of the duties is told and hurts that one alone."""
        while True:
            try:
                await duty()
            except Exception as error:  # whatever it is: the others go on, and it begins anew
                tell(f"{type(error).__name__}: {error}: this is a mistake in fairway")
            await asyncio.sleep(_AGAIN)

    async def _write_statuses(self, connection: httpx.AsyncClient) -> None:
        """Only what differs from what is there, so that a quiet cluster is written nothing."""
        while True:
            for key, status in list(self.statuses.items()):
                staged = self.world.staged().get(key)
                if staged is None or staged.status == status or self.unready():
                    continue
                path = f"{object_path(STAGED.version, STAGED.plural, *key)}/status"
                try:
                    await ask(connection, self._access, "PATCH", path, {"status": status}, content_type=MERGE)
                    self._unwritten = ""
                except (ApiError, httpx.HTTPError, FairwayError, OSError) as error:
                    self._unwritten = one_line(str(error)) or type(error).__name__
            await asyncio.sleep(_LOOK)
