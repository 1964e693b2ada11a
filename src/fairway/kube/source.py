"""The hub's surroundings when it runs in a cluster: the API server, watched on a thread with a loop of its own."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Final

from fairway.hub.surroundings import Sight
from fairway.kube.access import Access
from fairway.kube.api import asynchronous
from fairway.kube.detect import detected
from fairway.kube.resources import WATCHED, Resource
from fairway.kube.watch import Pace, Watch
from fairway.kube.world import World
from fairway.policy.stand_ins import unfollowable
from fairway.wire.words import Mode

_SHARE: Final = 4.0
"""After a look that took a second, so many seconds go by until the next: making a large cluster anew is work."""

Duty = Callable[[], Coroutine[Any, Any, None]]
"""Runs beside the watches until it is cancelled."""


class ApiServer:
    """Surroundings. Watches from `start` on until `close`; `usual` is the mode of namespaces that say nothing."""

    def __init__(
        self,
        access: Access,
        *,
        usual: Mode = Mode.OFF,
        pace: Pace | None = None,
        resources: Sequence[Resource] = WATCHED,
        page: int = 500,
    ) -> None:
        self.world = World()
        self.watches: list[Watch] = []
        self._access = access
        self._usual = usual
        self._pace = pace or Pace()
        self._resources = resources
        self._page = page
        self._duties: list[Duty] = []
        self._seen = -1
        self._due = 0.0
        self._said: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="kube", daemon=True)

    @property
    def title(self) -> str:
        return self._access.server

    def beside(self, duty: Duty) -> None:
        """Have something else run on the loop; before `start`."""
        self._duties.append(duty)

    def start(self) -> "ApiServer":
        """Begin to watch."""
        self._thread.start()
        return self

    def look(self) -> Sight | None:
        """The cluster, once every kind was listed or cannot be."""
        world = self.world
        if world.version == self._seen or time.monotonic() < self._due or not world.synced:
            return None
        began, self._seen = time.monotonic(), world.version
        cluster, orders = world.sight(self._usual)
        self._due = time.monotonic() + _SHARE * (time.monotonic() - began)
        self._said = list(detected(cluster, world.nodes(), orders).warnings)
        if beside := unfollowable(orders.active):
            self._said.append(
                f"domain names in policies allow nothing: agents cannot follow them beside the networks of {beside}"
            )
        return Sight(cluster, None, orders)

    def warnings(self) -> Sequence[str]:
        return [*self.world.warnings(), *self._said]

    def counters(self) -> dict[str, int]:
        """What the watches did, added up."""
        return dict(sum((watch.counts for watch in self.watches), Counter()))

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
                group.create_task(watch.run(), name=resource.name)
            for duty in self._duties:
                group.create_task(duty())
