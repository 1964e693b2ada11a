"""By objects: a rollout by standard NetworkPolicies, namespace by namespace, whichever plugin enforces them.

Everything is asked of the API server before it is changed, so that doing it again does nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from fairway.hub.rollouts.drivers import Scene, replicas_by
from fairway.kit.errors import EnvironmentLacksError, FairwayError, UsageError, one_line
from fairway.kube.access import Access
from fairway.kube.api import Api, NotThereError
from fairway.kube.deeds import NETWORK, Wanted, pages
from fairway.kube.detect import Detected
from fairway.kube.resources import base, object_path
from fairway.kube.rolled import OF, Key, Value, is_as, is_held, key_of, objects_of, only_denies, policy_of, restored
from fairway.kube.rolled import changed as changed_to
from fairway.rollout.order import Order
from fairway.rollout.plan import Wanted as Asked
from fairway.rollout.seen import Unit
from fairway.wire.words import Mode

_POLICIES: Final = "networkpolicies"
_LIST: Final = f"{base(NETWORK)}/{_POLICIES}"
_LOOK: Final = 5.0
"""Seconds between two looks at objects that nobody here has changed."""
Clock = Callable[[], float]


class ByObjects:
    """A `hub.rollouts.drivers.Driver`, for any thread. `detected` tells who enforces policies here."""

    def __init__(
        self, access: Access, detected: Callable[[], Detected | None], clock: Clock = time.monotonic
    ) -> None:
        self._api = Api(access)
        self._detected = detected
        self._clock = clock
        self._lock = threading.Lock()
        self._rolled: dict[str, Rolled] = {}

    def check(self, order: Order, scene: Scene) -> None:
        objects = objects_of(order)
        if unknown := sorted(objects.keys() - scene.cluster.namespaces.keys()):
            raise UsageError(f"policies: namespace `{unknown[0]}` is not there; make it first")
        if strange := sorted(set(order.limits.canary) - objects.keys()):
            raise UsageError(f"canary `{strange[0]}` is no namespace that the policies are for")
        there = {key_of(value): value for value in pages(self._api, _LIST)}
        for ours in objects.values():
            for one in ours.all:
                if old := there.get(key_of(one.value)):
                    changed_to(one, old, order.name)

    def make_so(self, order: Order, asked: Asked, scene: Scene) -> bool:
        with self._lock:
            if order.name not in self._rolled or self._rolled[order.name].order != order:
                self._rolled[order.name] = Rolled(self._api, order, self._clock)
            return self._rolled[order.name].make_so(asked, scene)

    def units(self, order: Order, asked: Asked, scene: Scene) -> tuple[Unit, ...]:
        with self._lock:
            rolled = self._rolled.get(order.name)
            if rolled is None or rolled.order != order:
                rolled = Rolled(self._api, order, self._clock)
            return rolled.units(asked, scene)

    def unenforced(self, order: Order, scene: Scene) -> tuple[str, ...]:
        """Namespaces in which surely neither the network plugin nor Fairway holds pods to policies."""
        found = self._detected()
        if found is None or not found.nobody:
            return ()
        who = ", ".join(found.plugins)
        return tuple(
            f"{name}: {who} does not enforce NetworkPolicies; label it fairway.dev/mode=enforce"
            for name in objects_of(order)
            if scene.orders is None or scene.orders.mode(name, "") is not Mode.ENFORCE
        )

    def unit_of(self, row: Mapping[str, Any]) -> str:
        return str(row[f"{row['reporter']}_namespace"])

    def close(self) -> None:
        self._api.close()


class Rolled:
    """The objects of one rollout: those that are there, and when each namespace last changed."""

    def __init__(self, api: Api, order: Order, clock: Clock) -> None:
        self.order = order
        self._api = api
        self._clock = clock
        self._objects = objects_of(order)
        self._there: dict[Key, Value] | None = None
        self._looked = 0.0
        self._asked: Asked | None = None
        self._changed: dict[str, float] = {}
        self._troubles: dict[str, str] = {}

    def make_so(self, asked: Asked, scene: Scene) -> bool:
        """Namespaces that are to enforce get what allows, then, once that is obeyed, what denies; in all others
        what denies is taken back first. Whether nothing is left to do."""
        if asked != self._asked or self._clock() - self._looked > _LOOK:
            self._there = None
        there, done = self._look(), True
        for namespace in sorted({*self._objects, *(of for of, _ in there)}):
            try:
                if namespace in asked.enforcing and namespace in self._objects:
                    done &= self._close(namespace, there, scene)
                else:
                    self._open(namespace, there)
                self._troubles.pop(namespace, None)
            except EnvironmentLacksError:
                self._there = None  # what was done of it is not known
                raise
            except FairwayError as error:
                self._troubles[namespace], done = one_line(str(error)), False
        self._asked = asked
        return done

    def units(self, asked: Asked, scene: Scene) -> tuple[Unit, ...]:
        """The namespaces that the policies are for."""
        replicas, there = replicas_by(scene.cluster, "namespace"), self._look()
        return tuple(
            Unit(
                name=name,
                replicas=replicas.get(name, {}),
                trouble=self._troubles.get(name, "" if name in scene.cluster.namespaces else "it is not there"),
                obeys=self._is_closed(name, there, scene)
                if name in asked.enforcing
                else not any(key[0] == name for key in there),
            )
            for name in self._objects
        )

    def _look(self) -> dict[Key, Value]:
        if self._there is None:
            found = pages(self._api, _LIST, label=f"{OF}={self.order.name}")
            self._there, self._looked = {key_of(value): value for value in found}, self._clock()
            for namespace, _ in self._there:
                self._changed.setdefault(namespace, self._looked)
        return self._there

    def _close(self, namespace: str, there: dict[Key, Value], scene: Scene) -> bool:
        objects = self._objects[namespace]
        for some in (objects.allows, objects.denies):
            missing = [one for one in some if not is_as(one, there.get(key_of(one.value)))]
            for one in missing:
                self._apply(one, there)
            if missing or not self._obeyed(namespace, some, scene):
                return False
        return True

    def _is_closed(self, namespace: str, there: Mapping[Key, Value], scene: Scene) -> bool:
        wanted = self._objects[namespace].all
        whole = all(is_as(one, there.get(key_of(one.value))) for one in wanted)
        return whole and self._obeyed(namespace, wanted, scene)

    def _open(self, namespace: str, there: dict[Key, Value]) -> None:
        """UsageError for what somebody else holds by now; the rest is taken back."""
        ours = [value for key, value in there.items() if key[0] == namespace]
        strange = [value for value in ours if not is_held(value)]
        for value in sorted(ours, key=lambda value: (not only_denies(value), key_of(value))):
            if value not in strange:
                self._take_back(value)
                del there[key_of(value)]
                self._changed[namespace] = self._clock()
        if strange:
            title = "/".join(key_of(strange[0]))
            raise UsageError(f"NetworkPolicy {title}: somebody else holds its spec by now; take it back by hand")

    def _take_back(self, value: Value) -> None:
        path, before = object_path(NETWORK, _POLICIES, *key_of(value)), restored(value)
        if before is not None:
            self._api.apply(path, before.value)
        else:
            with suppress(NotThereError):  # somebody was quicker
                self._api.delete(path)

    def _apply(self, one: Wanted, there: dict[Key, Value]) -> None:
        key = key_of(one.value)
        old = there.get(key) or self._api.find(one.path)
        told = one if old is None else changed_to(one, old, self.order.name)
        there[key] = self._api.apply(one.path, told.value)
        self._changed[key[0]] = self._clock()

    def _obeyed(self, namespace: str, some: Iterable[Wanted], scene: Scene) -> bool:
        """Where Fairway enforces its agents tell; of any other plugin nothing is heard, and time must do."""
        nodes = {pod.node for pod in scene.cluster.pods if pod.namespace == namespace and not pod.finished}
        orders = scene.orders
        if orders is not None and nodes and all(orders.mode(namespace, node) is Mode.ENFORCE for node in nodes):
            seen = {policy.title: policy for policy in scene.cluster.policies}
            heard = all(seen.get(one.title) == policy_of(one.value) for one in some)
            return heard and all(scene.obeying.get(node, False) for node in nodes)
        since = self._clock() - self._changed.get(namespace, self._clock())
        return not tuple(some) or timedelta(seconds=since) >= self.order.settle
