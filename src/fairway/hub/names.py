"""Names: address -> endpoint at the time a flow was seen. Addresses are reused, so owners have intervals.

An address is, in this order: what the cluster says held it then; a cloud service, if a provider publishes so;
`unknown` inside the cluster's own networks (the /24 or /64 of any address the cluster held) and for addresses
that are nobody's (multicast, unspecified, IPv6 link-local); else external.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

from fairway.cloud.ranges import Ranges
from fairway.policy.directory import Directory
from fairway.policy.model import Cluster
from fairway.wire.address import V4_PREFIX, packed, text
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.rules import NodePod

GRACE_US: Final = 30_000_000
"""A flow this long before or after an address's only owners is still theirs: manifests lag behind packets."""
KEEP_US: Final = 3_600_000_000
"""Owners that ended longer ago are forgotten; no agent reports so late."""
FOREVER: Final = 1 << 62

Backend = tuple[str, int]
"""Address and port that a Service's connections end at."""


class _Holding(NamedTuple):
    """Who held an address from `since` to `until`, in microseconds since 1970."""

    since: int
    until: int
    endpoint: Endpoint


class Names:
    """The cluster's history of address owners; `observe` each change in order, then ask."""

    def __init__(self, ranges: Ranges | None = None) -> None:
        self._ranges = ranges
        self._holdings: dict[bytes, list[_Holding]] = {}
        self._networks: set[bytes] = set()
        self._backends: dict[tuple[str, int, str], dict[Backend, int]] = {}
        self._outside: dict[bytes, Endpoint] = {}
        self._started = False

    def observe(self, cluster: Cluster, at_us: int) -> None:
        """The cluster as it is from `at_us` on. The first one also stands for the time before."""
        directory = Directory(cluster)
        now = dict(_owners(cluster, directory))
        since = at_us if self._started else 0
        self._started = True
        for address, holdings in list(self._holdings.items()):
            self._holdings[address] = kept = [h for h in holdings if h.until > at_us - KEEP_US]
            if kept and kept[-1].until == FOREVER and kept[-1].endpoint != now.get(address):
                kept[-1] = kept[-1]._replace(until=at_us)
            if not kept:
                del self._holdings[address]
        for address, endpoint in now.items():
            holdings = self._holdings.setdefault(address, [])
            if not holdings or holdings[-1].until != FOREVER:
                holdings.append(_Holding(since, FOREVER, endpoint))
            if endpoint.kind is not Kind.SERVICE:
                self._networks.add(_network(address))
        self._remember_backends(cluster, directory, at_us)
        self._outside.clear()

    def only(self, address: bytes, first_us: int, last_us: int) -> Endpoint | None:
        """The one endpoint that every flow of this time is to be named by; None when it takes `name` for each."""
        holdings = self._holdings.get(address)
        if holdings is None:
            return self._outsider(address)
        since, until, endpoint = holdings[0]
        whole = since - GRACE_US <= first_us and last_us <= until + GRACE_US
        return endpoint if whole and len(holdings) == 1 else None

    def name(self, address: bytes, first_us: int, last_us: int) -> Endpoint:
        """Who held the address longest from `first_us` to `last_us`; the later one where two did alike."""
        best, overlap = None, -GRACE_US
        for holding in self._holdings.get(address, ()):
            shared = min(holding.until, last_us) - max(holding.since, first_us)
            if shared >= overlap:
                best, overlap = holding.endpoint, shared
        return best or self._outsider(address)

    def pod(self, pod: NodePod, address: bytes, node: str, first_us: int, last_us: int) -> Endpoint:
        """A pod whose agent says which one it is: more certain than the address alone."""
        named = self.name(address, first_us, last_us)
        if is_pod(named, pod):
            return named
        for holding in reversed(self._holdings.get(address, ())):
            if is_pod(holding.endpoint, pod):
                return holding.endpoint
        return Endpoint(
            kind=Kind.POD,
            address=text(address),
            namespace=pod.namespace,
            name=pod.name,
            workload=f"Pod/{pod.name}",
            node=node,
        )

    def nodes(self) -> dict[str, str]:
        """The node of each pod that there is now, by its address."""
        held = (holdings[-1] for holdings in self._holdings.values())
        return {end.address: end.node for since, until, end in held if until == FOREVER and end.kind is Kind.POD}

    def backends(self, address: str, port: int, protocol: str) -> tuple[Backend, ...]:
        """Where connections to a Service's address and port ended, lately."""
        return tuple(sorted(self._backends.get((address, port, protocol), ())))

    def _outsider(self, address: bytes) -> Endpoint:
        known = self._outside.get(address)
        if known is None:
            if len(self._outside) >= 1 << 18:
                self._outside.clear()
            known = self._outside[address] = self._classify(address)
        return known

    def _classify(self, address: bytes) -> Endpoint:
        parsed = ip_address(text(address))
        if service := self._ranges.service(parsed) if self._ranges else None:
            return Endpoint(kind=Kind.CLOUD, address=str(parsed), name=service)
        nobodys = parsed.is_multicast or parsed.is_unspecified or (parsed.version == 6 and parsed.is_link_local)
        inside = nobodys or _network(address) in self._networks
        return Endpoint(kind=Kind.UNKNOWN if inside else Kind.EXTERNAL, address=str(parsed))

    def _remember_backends(self, cluster: Cluster, directory: Directory, at_us: int) -> None:
        for service in cluster.services:
            for address in service.addresses:
                for port in service.ports:
                    seen = self._backends.setdefault((address, port.port, port.protocol), {})
                    for endpoint, number in directory.backends(address, port.port, port.protocol):
                        seen[endpoint.address, number] = at_us
        for key, seen in list(self._backends.items()):
            self._backends[key] = {backend: at for backend, at in seen.items() if at > at_us - KEEP_US}


def category(client: Endpoint, server: Endpoint) -> str:
    """`cloud service`, `external`, `unknown`, `node`, `intra-zone` or `inter-zone`, by both ends."""
    kinds = {client.kind, server.kind}
    for kind, word in _CATEGORIES:
        if kind in kinds:
            return word
    if not client.zone or not server.zone:
        return "unknown"
    return "intra-zone" if client.zone == server.zone else "inter-zone"


_CATEGORIES: Final = (
    (Kind.CLOUD, "cloud service"),
    (Kind.EXTERNAL, "external"),
    (Kind.UNKNOWN, "unknown"),
    (Kind.NODE, "node"),
)


def _owners(cluster: Cluster, directory: Directory) -> Iterator[tuple[bytes, Endpoint]]:
    pods = (pod.addresses for pod in cluster.pods if not pod.finished)
    nodes = (node.addresses for node in cluster.nodes)
    services = (service.addresses for service in cluster.services)
    for addresses in (*services, *nodes, *pods):
        for address in addresses:
            if endpoint := directory.at(address):
                yield packed(address), endpoint


def _network(address: bytes) -> bytes:
    return address[:15] if address.startswith(V4_PREFIX) else address[:8]


def is_pod(endpoint: Endpoint, pod: NodePod) -> bool:
    """The endpoint is the pod that an agent speaks of."""
    return (endpoint.kind, endpoint.namespace, endpoint.name) == (Kind.POD, pod.namespace, pod.name)
