"""Ends: who is at each end of a foreign record, by what the record says, what the cluster says, and ranges.

Ends are numbered while a file is read, so that a million records cost a million numbers and each end is named once.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairway.cloud.ranges import Ranges
from fairway.hub.names import Names
from fairway.policy.directory import Directory, pod_endpoint
from fairway.policy.model import Cluster, Pod
from fairway.wire.address import packed
from fairway.wire.endpoint import Endpoint, Kind

MAX_ENDS: Final = 1 << 18
MAX_WORDS: Final = 1 << 16
MAX_TEXT: Final = 512
"""Of a name or a label in a foreign record; Kubernetes allows 253."""

_HASH: Final = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5,10}$")
"""The suffix of a ReplicaSet's name, in the alphabet of apimachinery's rand.SafeEncodeString."""
_TEMPLATE: Final = "pod-template-hash"


class Told(NamedTuple):
    """An end as a record names it; empty what it does not say. `name` may end in `*`: pods of one controller."""

    kind: Kind | None = None
    address: str = ""
    namespace: str = ""
    name: str = ""
    workload: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    node: str = ""
    zone: str = ""


class Words:
    """Texts by number, from 1; 0 is the empty one. When there are too many, further ones are empty, too."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}

    def number(self, word: str) -> int:
        found = self._numbers.get(word)
        if found is None:
            if len(self._numbers) >= MAX_WORDS:
                return 0
            found = self._numbers[word] = len(self._numbers)
        return found

    def all(self) -> list[str]:
        return list(self._numbers)


class Ends:
    """Numbers ends and names them. `forget` starts anew; numbers given before then mean nothing any more."""

    def __init__(self, cluster: Cluster | None = None, ranges: Ranges | None = None) -> None:
        self._cluster = cluster or Cluster()
        self._directory = Directory(self._cluster)
        self._zones = {node.name: node.zone for node in self._cluster.nodes}
        self._nodes = {node.name: node.addresses[0] for node in self._cluster.nodes if node.addresses}
        self.names = Names(ranges)
        if cluster is not None:
            self.names.observe(cluster, 0)
        self._numbers: dict[object, int] = {}
        self._controlled: dict[tuple[str, str], Pod] | None = None
        self.endpoints: list[Endpoint] = []
        self.generation = 0

    def forget(self) -> None:
        self._numbers.clear()
        self.endpoints.clear()
        self.generation += 1

    @property
    def full(self) -> bool:
        """So many ends are numbered that memory asks for `forget`."""
        return len(self.endpoints) >= MAX_ENDS

    def at(self, address: str) -> int:
        """The end that has only an address; ValueError if it is none."""
        number = self._numbers.get(address)
        return self._number(address, lambda: self.named(address)) if number is None else number

    def many(self, addresses: Sequence[str]) -> NDArray[np.int64]:
        """As `at`, for many; -1 where the text is no address."""
        get = self._numbers.get
        found = [get(address, -1) for address in addresses]
        for index, number in enumerate(found):
            if number < 0:
                with suppress(ValueError):
                    found[index] = self.at(addresses[index])
        return np.array(found, np.int64)

    def place(self, number: int, zone: str) -> None:
        """The record says in which zone the end is; what the cluster says comes before."""
        end = self.endpoints[number]
        if not end.zone and not self._zones and len(zone) <= MAX_TEXT:
            self.endpoints[number] = msgspec.structs.replace(end, zone=zone)

    def told(self, told: Told) -> int:
        """The end that a record names; ValueError if it says nothing or its address is none."""
        number = self._numbers.get(told)
        return self._number(told, lambda: self._name(told)) if number is None else number

    def named(self, address: str) -> Endpoint:
        """Who has the address, by the cluster and the ranges."""
        return self.names.name(packed(canonical(address)), 0, 0)

    def _number(self, key: object, name: Callable[[], Endpoint]) -> int:
        endpoint = name()
        number = self._numbers[key] = len(self.endpoints)
        self.endpoints.append(endpoint)
        return number

    def _name(self, told: Told) -> Endpoint:
        if max(map(len, (told.namespace, told.name, told.workload, told.node, told.zone))) > MAX_TEXT:
            raise ValueError("a name is too long")
        if told.kind is Kind.POD and (told.namespace or told.name):
            return self._pod(told)
        if not told.address:
            if told.kind is Kind.NODE and told.name in self._nodes:
                return self.named(self._nodes[told.name])
            if not told.name:
                raise ValueError("an end has neither name nor address")
            return Endpoint(kind=Kind.UNKNOWN, address=stand_in(told), name=told.name)
        known = self.named(told.address)
        if told.kind is None or known.kind not in (Kind.EXTERNAL, Kind.UNKNOWN):
            return known if known.zone or not told.zone else msgspec.structs.replace(known, zone=told.zone)
        zone = told.zone or self._zones.get(told.name, "")
        node = told.name if told.kind is Kind.NODE else ""
        return Endpoint(
            kind=told.kind,
            address=known.address,
            namespace=told.namespace,
            name=told.name,
            node=node,
            zone=zone,
        )

    def _pod(self, told: Told) -> Endpoint:
        """A pod by name, completed from the cluster; the record's own labels are those of then, and stand."""
        same = self._directory.pod(told.namespace, told.name)
        pod = same or self._one_of(told)
        if pod is not None and pod.host_network:
            return self.named(told.address or pod.addresses[0]) if told.address or pod.addresses else _nobody(told)
        workload, name = controller(told)
        known = pod_endpoint(pod, "", self._zones.get(pod.node, "")) if pod is not None else None
        address = canonical(told.address) if told.address else ""
        if not address and pod is not None and pod.addresses:
            address = pod.addresses[0]
        return Endpoint(
            kind=Kind.POD,
            address=address or stand_in(told),
            namespace=told.namespace,
            name=told.name or (known.name if known else name),
            workload=known.workload if known else workload,
            labels=told.labels or (known.labels if known else ()),
            ports=known.ports if known else (),
            node=told.node or (known.node if known and same else ""),
            zone=told.zone or (known.zone if known and same else self._zones.get(told.node, "")),
        )

    def _one_of(self, told: Told) -> Pod | None:
        """A pod of the cluster that stands for those a record names together, or does not name at all."""
        if told.name and not told.name.endswith("*") and not told.workload:
            return None
        if self._controlled is None:
            self._controlled = {
                (pod.namespace, name): pod
                for pod in self._cluster.pods
                for name in (pod.workload.partition("/")[2], f"{pod.name.rpartition('-')[0]}-*")
            }
        names = (told.name, controller(told)[0].partition("/")[2])
        found = (self._controlled.get((told.namespace, name)) for name in names)
        return next(filter(None, found), None) or self._alike(told)

    def _alike(self, told: Told) -> Pod | None:
        if told.name or not told.labels:
            return None
        wanted = set(told.labels)
        pods = (pod for pod in self._cluster.pods if pod.namespace == told.namespace)
        return next((pod for pod in pods if wanted <= set(pod.labels)), None)


def controller(told: Told) -> tuple[str, str]:
    """`Kind/name` of what a pod belongs to, as far as its record shows, and a name for such pods."""
    if told.workload:
        return told.workload, told.name or told.workload.partition("/")[2]
    if not told.name:
        labels = dict(told.labels)
        name = labels.get("app.kubernetes.io/name") or labels.get("app") or labels.get("k8s-app") or "-"
        return f"Pod/{name}", name
    base = told.name.removesuffix("*").removesuffix("-")
    template = dict(told.labels).get(_TEMPLATE, "")
    if template and f"-{template}" in base:
        return f"Deployment/{base.partition(f'-{template}')[0]}", told.name
    if base != told.name and _HASH.search(base):
        return f"Deployment/{_HASH.sub('', base)}", told.name
    return (f"StatefulSet/{base}" if base != told.name else f"Pod/{base}"), told.name


def canonical(address: str) -> str:
    """The address in its one spelling; ValueError if it is none, or one of a single link (`fe80::1%eth0`)."""
    if "%" in address:
        raise ValueError("an address of one link names nobody in a cluster")
    return str(ip_address(address))


def stand_in(told: Told) -> str:
    """An address for an end that has none: of 240.0.0.0/4, which is nobody's (RFC 1112, 4), by its name."""
    text = "\0".join((told.namespace, told.name, told.workload, repr(told.labels) if not told.name else ""))
    return str(IPv4Address(0xF0000000 | int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) >> 5))


def _nobody(told: Told) -> Endpoint:
    return Endpoint(kind=Kind.NODE, address=stand_in(told), name=told.node, node=told.node)
