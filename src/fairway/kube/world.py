"""World: all parts that the watches brought, and the cluster that they make. For any thread."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from fairway.hub.surroundings import Orders
from fairway.kit.errors import one_line
from fairway.kube.orders import orders_of
from fairway.kube.parts import (
    NamespacePart,
    NodePart,
    OwnerPart,
    Part,
    PodPart,
    ServicePart,
    Shared,
    SlicePart,
    StagedPart,
    read_part,
)
from fairway.kube.resources import WATCHED, Resource
from fairway.kube.watch import Key, key_of
from fairway.policy.fields import Field
from fairway.policy.model import Cluster, CronJob, NetworkPolicy, Pod, Service, TieredPolicy
from fairway.policy.read_objects import Owners, read_service
from fairway.policy.select import NAME_LABEL
from fairway.wire.words import Mode

_TOLD: Final = 20
"""Objects that cannot be read are named up to so many."""


class World:
    """A `watch.Sink`. `version` grows with each change; `cluster` and `orders` are of this moment."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._parts: dict[Resource, dict[Key, Any]] = {resource: {} for resource in WATCHED}
        self._services: dict[Key, Service] = {}
        self._slices: dict[Key, dict[Key, SlicePart]] = defaultdict(dict)
        self._synced: set[Resource] = set()
        self._lacking: dict[Resource, str] = {}
        self._troubles: dict[Resource, str] = {}
        self._unreadable: dict[tuple[Resource, Key], str] = {}
        self._invalid: dict[Key, StagedPart] = {}
        self._shown: set[str] = set()
        self._brief: dict[str, PodPart] = {}
        self._shared = Shared()
        self.version = 0

    # What the watches say.

    def read(self, resource: Resource, value: dict[str, Any]) -> tuple[Key, Part] | None:
        """An object that is malformed keeps nobody else from being seen; it is told. Of a policy the last good one
        stays."""
        found = key_of(value)
        if found is None:
            return None
        namespace, name = key = (self._shared(found[0]), found[1])
        title = f"{namespace}/{name}" if namespace else name
        problems: list[str] = []
        part = read_part(
            resource, Field(value, "$", f"{resource.kind} {title}", problems), namespace, name, self._shared
        )
        with self._lock:
            if problems:
                self._unreadable[resource, key] = one_line(problems[0])
                if isinstance(part, StagedPart):
                    self._invalid[key] = replace(part, problem=one_line(problems[0]))
                if isinstance(part, NetworkPolicy | TieredPolicy | StagedPart):
                    return None  # half a policy is another policy
            else:
                self._forget(resource, key)
        return key, part

    def begin(self, resource: Resource) -> None:
        with self._lock:
            for other, key in list(self._unreadable):
                if other == resource:
                    self._forget(resource, key)

    def replace(self, resource: Resource, parts: dict[Key, Part]) -> None:
        with self._lock:
            self._parts[resource] = parts
            if resource.kind == "EndpointSlice":
                self._slices.clear()
                for key, part in parts.items():
                    self._add_slice(key, cast(SlicePart, part))
                self._services.clear()
            elif resource.kind == "Service":
                self._services.clear()
            self._synced.add(resource)
            self._lacking.pop(resource, None)
            self.version += 1

    def put(self, resource: Resource, key: Key, part: Part) -> None:
        with self._lock:
            if isinstance(part, PodPart) and part.pod.finished:
                self._show_once(part)
            elif isinstance(part, SlicePart):
                self._drop_slice(key)
                self._add_slice(key, part)
            elif isinstance(part, ServicePart):
                self._services.pop(key, None)
            self._parts[resource][key] = part
            self.version += 1

    def remove(self, resource: Resource, key: Key) -> None:
        with self._lock:
            if resource.kind == "EndpointSlice":
                self._drop_slice(key)
            part = self._parts[resource].pop(key, None)
            self._forget(resource, key)
            if isinstance(part, ServicePart):
                self._services.pop(key, None)
            if isinstance(part, PodPart):
                self._show_once(part)
            self.version += 1

    def lacks(self, resource: Resource, why: str) -> None:
        with self._lock:
            if why and self._parts[resource]:
                # A permission that is gone, perhaps for a moment, takes no pod off its rules.
                self._troubles[resource] = why
                return
            if self._parts[resource]:
                self.replace(resource, {})
            self._synced.add(resource)
            self._troubles.pop(resource, None)
            if self._lacking.get(resource) != why:
                self._lacking[resource] = why
                self.version += 1

    def trouble(self, resource: Resource, why: str) -> None:
        with self._lock:
            if why:
                self._troubles[resource] = why
            else:
                self._troubles.pop(resource, None)

    # What others ask.

    @property
    def synced(self) -> bool:
        """Whether every kind was listed once, or cannot be."""
        with self._lock:
            return len(self._synced) == len(self._parts)

    def warnings(self) -> list[str]:
        """What cannot be seen or read, one line each."""
        with self._lock:
            lacking = [
                f"{resource.name}: cannot be watched: {why}; the rest goes on without"
                for resource, why in self._lacking.items()
                if why
            ]
            lacking += [
                f"{resource.name}: the API server does not have them"
                for resource, why in self._lacking.items()
                if not why and not resource.optional
            ]
            troubles = [
                f"{resource.name}: {why}; what was seen last stays" for resource, why in self._troubles.items()
            ]
            unreadable = list(self._unreadable.values())
            more = len(unreadable) - _TOLD
            return [*lacking, *troubles, *unreadable[:_TOLD], *([f"and {more} more objects"] if more > 0 else [])]

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        with self._lock:
            return {resource.name: len(parts) for resource, parts in self._parts.items()}

    def lacking(self) -> Mapping[str, str]:
        """Kinds that cannot be seen, by name as RBAC has it, and why; empty: the server has no such kind."""
        with self._lock:
            return {resource.name: why for resource, why in self._lacking.items()}

    def node_of(self, namespace: str, name: str, uid: str) -> str | None:
        """Where the pod runs, if it is this very one."""
        with self._lock:
            part = self._of("Pod").get((namespace, name))
            return part.pod.node if isinstance(part, PodPart) and part.pod.uid == uid else None

    def nodes(self) -> dict[str, NodePart]:
        """By name."""
        with self._lock:
            return {name: part for (_, name), part in self._of("Node").items()}

    def namespaces(self) -> tuple[str, ...]:
        """All names."""
        with self._lock:
            return tuple(sorted(name for _, name in self._of("Namespace")))

    def staged(self) -> dict[Key, StagedPart]:
        """Policies on trial, and those that would be if they could be read."""
        with self._lock:
            return {**self._of("StagedNetworkPolicy"), **self._invalid}

    def sight(self, usual: Mode) -> tuple[Cluster, Orders]:
        """The cluster and its own orders. Pods that came and went since the last call are in it this once."""
        with self._lock:
            cluster = self._cluster()
            namespaces = {name: part.mode for (_, name), part in self._of("Namespace").items()}
            nodes = {name: part.mode for name, part in self.nodes().items()}
            staged = [part.policy for _, part in sorted(self._of("StagedNetworkPolicy").items())]
            self._shown = {pod.uid for pod in cluster.pods if pod.addresses}
            if self._brief:
                self._brief.clear()
                self.version += 1
        return cluster, orders_of(cluster, staged, namespaces, nodes, usual)

    def _forget(self, resource: Resource, key: Key) -> None:
        """Nothing is wrong with it any more. Under the lock."""
        self._unreadable.pop((resource, key), None)
        if resource.kind == "StagedNetworkPolicy":
            self._invalid.pop(key, None)

    def _of(self, kind: str) -> dict[Key, Any]:
        return next(parts for resource, parts in self._parts.items() if resource.kind == kind)

    def _cluster(self) -> Cluster:
        pods = tuple(self._pods())
        policies = [*self._of("NetworkPolicy").values(), *self._of("ApplicationNetworkPolicy").values()]
        tiered = [
            part for parts in self._parts.values() for part in parts.values() if isinstance(part, TieredPolicy)
        ]
        return Cluster(
            namespaces=self._namespaces(pods),
            nodes=tuple(part.node for _, part in sorted(self.nodes().items())),
            pods=pods,
            services=tuple(self._all_services(pods)),
            cron_jobs=tuple(cast(CronJob, part) for _, part in sorted(self._of("CronJob").items())),
            policies=tuple(sorted(policies, key=lambda policy: (policy.kind, policy.title))),
            tiered=tuple(sorted(tiered, key=lambda policy: (policy.kind, policy.name))),
        )

    def _namespaces(self, pods: tuple[Pod, ...]) -> dict[str, dict[str, str]]:
        """Those that are not seen, or not seen yet, are implied by what lies in them."""
        parts: dict[Key, NamespacePart] = self._of("Namespace")
        labels = {name: part.labels for (_, name), part in sorted(parts.items())}
        placed = {pod.namespace for pod in pods} | {ns for ns, _ in self._of("NetworkPolicy")}
        placed |= {namespace for namespace, _ in self._of("Service")}
        for name in sorted(placed - labels.keys()):
            labels[name] = {}
        return {name: {**own, NAME_LABEL: name} for name, own in labels.items()}

    def _pods(self) -> Iterator[Pod]:
        """An address that several claim is the youngest's: the API is slow to let go of it."""
        owned: dict[str, dict[Key, OwnerPart]] = {kind: self._of(kind) for kind in ("ReplicaSet", "Job")}
        sets, jobs = ({key: part.controller for key, part in of.items()} for of in owned.values())
        owners = Owners(sets, jobs)
        present = [part for _, part in sorted(self._of("Pod").items())]
        gone = [part for uid, part in self._brief.items() if uid not in {one.pod.uid for one in present}]
        listed: list[PodPart] = [*gone, *(self._brief.get(part.pod.uid, part) for part in present)]
        holders: dict[str, PodPart] = {}
        for part in listed:
            if not part.pod.finished and not part.pod.host_network:
                for address in part.pod.addresses:
                    holder = holders.setdefault(address, part)
                    if holder.created <= part.created:
                        holders[address] = part
        for part in listed:
            pod = part.pod
            workload = owners.workload(pod.namespace, pod.name, part.controller, dict(pod.labels))
            mine = tuple(address for address in pod.addresses if holders.get(address, part) is part)
            if pod.finished or pod.host_network:
                mine = pod.addresses
            yield (
                pod
                if (workload, mine) == (pod.workload, pod.addresses)
                else replace(pod, workload=workload, addresses=mine)
            )

    def _show_once(self, part: PodPart) -> None:
        """A pod that came and went between two sights is in the next one as it was: its flows have a name."""
        if part.pod.addresses and part.pod.uid not in self._shown:
            self._brief[part.pod.uid] = replace(part, pod=replace(part.pod, finished=False))

    def _all_services(self, pods: tuple[Pod, ...]) -> Iterator[Service]:
        parts: dict[Key, ServicePart] = self._of("Service")
        by_selector = any(resource.kind == "EndpointSlice" for resource in self._lacking)
        neighbours: dict[str, list[Pod]] = defaultdict(list)
        for pod in pods if by_selector else ():
            neighbours[pod.namespace].append(pod)
        for key, part in sorted(parts.items()):
            found = None if by_selector else self._services.get(key)
            if found is None:
                slices = [one.slice for _, one in sorted(self._slices.get(key, {}).items())]
                found = read_service(part.root, *key, slices, neighbours[key[0]])
                self._services[key] = found
            yield found

    def _add_slice(self, key: Key, part: SlicePart) -> None:
        service = (key[0], part.service)
        self._slices[service][key] = part
        self._services.pop(service, None)

    def _drop_slice(self, key: Key) -> None:
        """A slice may have been another Service's before."""
        old = self._of("EndpointSlice").get(key)
        if isinstance(old, SlicePart):
            service = (key[0], old.service)
            self._slices[service].pop(key, None)
            self._services.pop(service, None)
