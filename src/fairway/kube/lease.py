"""Lease: of several hubs one leads. Clocks may be apart: what counts is how long by our own the lease did not move.

coordination.k8s.io/v1; the same rule as client-go's leaderelection: a holder that renewed nothing for the whole
duration that it asked for has let go.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import msgspec

from fairway.kit.errors import FairwayError, one_line
from fairway.kube.access import Access
from fairway.kube.api import ApiError, ask, asynchronous
from fairway.kube.resources import object_path

DURATION: Final = 30
"""Seconds."""
_RENEW: Final = 5.0
_VERSION: Final = "coordination.k8s.io/v1"


class Lease:
    """Tries to lead until it is cancelled. `leads` may be asked by any thread."""

    def __init__(
        self,
        access: Access,
        namespace: str,
        identity: str,
        *,
        name: str = "fairway-hub",
        log: Callable[[str], None] = lambda _: None,
        renew: float = _RENEW,
        duration: int = DURATION,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._namespace, self._name, self._identity = namespace, name, identity
        self._log = log
        self._renew, self._duration, self._clock = renew, duration, clock
        self._until = 0.0
        self._seen: tuple[object, float] = (None, 0.0)
        self.holder = ""

    @property
    def leads(self) -> bool:
        """Whether this one leads now; it stops to believe so in time for the next one to begin."""
        return self._clock() < self._until

    async def run(self) -> None:
        """Take the lease when it is free, and keep it."""
        async with asynchronous(self._access) as connection:
            try:
                while True:
                    await self._once(connection)
                    await asyncio.sleep(self._renew)
            finally:
                await asyncio.shield(self._let_go(connection))

    async def _once(self, connection: httpx.AsyncClient) -> None:
        led, began = self.leads, self._clock()
        try:
            if await self._try(connection):
                # Counted from before the question: who asks later sees the lease move later.
                self._until = began + self._duration * 2 / 3
        except (ApiError, httpx.HTTPError, msgspec.MsgspecError, FairwayError, OSError) as error:
            self._log(f"lease: {one_line(str(error)) or type(error).__name__}")
        if self.leads != led:
            self._log("lease: this hub leads" if self.leads else "lease: this hub leads no more")

    async def _try(self, connection: httpx.AsyncClient) -> bool:
        path = object_path(_VERSION, "leases", self._namespace, self._name)
        try:
            lease = await ask(connection, self._access, "GET", path)
        except ApiError as error:
            if error.status != 404:
                raise
            await ask(connection, self._access, "POST", path.rpartition("/")[0], self._wanted({}))
            return True
        spec = lease.get("spec") or {}
        self.holder = spec.get("holderIdentity") or ""
        moved = (self.holder, spec.get("renewTime"))
        if moved != self._seen[0]:
            self._seen = (moved, self._clock())
        asked = spec.get("leaseDurationSeconds")
        lasts = asked if isinstance(asked, int) else self._duration
        if self.holder not in ("", self._identity) and self._clock() < self._seen[1] + lasts:
            return False
        try:
            await ask(connection, self._access, "PUT", path, self._wanted(lease))
        except ApiError as error:
            if error.status == 409:
                return False  # another one was quicker
            raise
        return True

    def _wanted(self, lease: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        old = lease.get("spec") or {}
        mine = old.get("holderIdentity") == self._identity
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": self._duration,
            "renewTime": now,
            "acquireTime": old.get("acquireTime", now) if mine else now,
            "leaseTransitions": (old.get("leaseTransitions") or 0) + (not mine and bool(lease)),
        }
        metadata = lease.get("metadata") or {"name": self._name, "namespace": self._namespace}
        return {"apiVersion": _VERSION, "kind": "Lease", "metadata": metadata, "spec": spec}

    async def _let_go(self, connection: httpx.AsyncClient) -> None:
        """So that the next one need not wait."""
        if not self.leads:
            return
        self._until = 0.0
        path = object_path(_VERSION, "leases", self._namespace, self._name)
        try:
            lease = await ask(connection, self._access, "GET", path)
            if (lease.get("spec") or {}).get("holderIdentity") == self._identity:
                lease["spec"]["holderIdentity"] = ""
                await ask(connection, self._access, "PUT", path, lease)
        except (ApiError, httpx.HTTPError, msgspec.MsgspecError, FairwayError, OSError) as error:
            self._log(f"lease: not let go: {one_line(str(error)) or type(error).__name__}")
