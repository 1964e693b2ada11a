"""Names: address -> endpoint at the time a flow was seen. Addresses are reused, so owners have intervals.

An address is, in this order: what the cluster says held it then; a cloud service, if a provider publishes so;
`unknown` inside the cluster's own networks (the /24 or /64 of any address the cluster held) and for addresses
that are nobody's (multicast, unspecified, IPv6 link-local); else external, with the name that DNS gave it lately.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np

from fairway.cloud.ranges import Ranges
from fairway.hub.history import Answered, Change, Gone, Held, History, Looked
from fairway.hub.outside import LONGEST_TTL, OUTLIVES_US, Outside, network
from fairway.hub.owners import FOREVER, Holding, longest, sole
from fairway.hub.written import Written
from fairway.kit.codes import Ints
from fairway.policy.directory import Directory
from fairway.policy.model import Cluster
from fairway.wire.address import packed, text
from fairway.wire.batch import Header
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.rules import NodePod

KEEP_US: Final = 6 * 3_600_000_000
"""Owners that ended longer ago are forgotten; an agent whose hub was away for longer reports of unknown ones."""
Backend = tuple[str, int]
"""Address and port that a Service's connections end at."""


class Names:
    """The cluster's history of address owners; `observe` each change in order, then ask. `history` keeps it."""

    def __init__(self, ranges: Ranges | None = None, history: History | None = None) -> None:
        self._history = history
        self._outside = Outside(ranges)
        self._holdings: dict[bytes, list[Holding]] = {}
        self._backends: dict[tuple[str, int, str], dict[Backend, int]] = {}
        self._unwritten: list[Change] = []
        self._looked_us: int | None = None
        self._away = False
        self.written = Written()
        """The endpoints that named flows so far, as words."""
        for change in history.read() if history else ():
            self._replay(change)

    @property
    def looked_us(self) -> int:
        """When the cluster was last seen to change; 0 if it never was seen."""
        return self._looked_us or 0

    @property
    def classified(self) -> bool:
        """Whether a cloud's published ranges are known."""
        return self._outside.ranges is not None

    def classify(self, ranges: Ranges) -> None:
        """Go by these published ranges from now on."""
        self._outside.ranges = ranges
        self._outside.changed()

    def observe(self, cluster: Cluster, at_us: int) -> None:
        """The cluster as it is from `at_us` on. The very first one also stands for the time before."""
        directory = Directory(cluster)
        now = dict(_owners(cluster, directory))
        gone = self._end(now, at_us)
        held = self._begin(now, at_us, set(gone))
        if gone:
            self._unwritten.append(Gone(at_us, tuple(map(text, gone))))
        self._unwritten += (Held(since, tuple(ends)) for since, ends in held.items())
        if gone or held or self._looked_us is None:
            self._unwritten.append(Looked(at_us))
        self._looked_us, self._away = at_us, False
        self._remember_backends(cluster, directory, at_us)
        self._outside.changed()

    def resolved(self, header: Header) -> None:
        """What resolvers told a node's pods. Who is of the cluster, or lately was, has a better name."""
        for answer in header.answers:
            address, since = packed(answer.address), max(0, min(answer.at_us, header.end_us))
            until = since + min(answer.ttl, LONGEST_TTL) * 1_000_000 + OUTLIVES_US
            if address not in self._holdings and self._outside.answered(address, answer.name, since, until):
                self._unwritten.append(Answered(answer.address, answer.name, since, until))

    def flush(self) -> bool:
        """Write what changed to the history, if anything did. OSError when the disk refuses; the next one tries
        again."""
        if self._history is None or not self._unwritten:
            return False
        if self._history.overgrown:
            self._history.rewrite(self._kept())
        else:
            self._history.append(self._unwritten)
        self._unwritten.clear()
        return True

    def only(self, address: bytes, first_us: int, last_us: int) -> Endpoint | None:
        """The one endpoint that every flow of this time is to be named by; None when it takes `each`."""
        holdings = self._holdings.get(address) or self._outside.holdings(address)
        return sole(holdings, first_us, last_us) if holdings else self._outside.at(address)

    def each(self, address: bytes, first_us: Ints, last_us: Ints) -> list[Endpoint]:
        """For each flow, who held the address longest in its time; the later one where two did alike."""
        holdings = self._holdings.get(address) or self._outside.holdings(address)
        owners = [holding.endpoint for holding in holdings]
        owners.append(self._outside.at(address))  # which -1 means
        return [owners[index] for index in longest(holdings, first_us, last_us)]

    def name(self, address: bytes, first_us: int, last_us: int) -> Endpoint:
        """`each` of one flow."""
        return self.each(address, np.array([first_us]), np.array([last_us]))[0]

    def pod(self, pod: NodePod, named: Endpoint, address: bytes, node: str) -> Endpoint:
        """A pod whose agent says which one it is: more certain than the address, which alone means `named`."""
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

    def _end(self, now: dict[bytes, Endpoint], at_us: int) -> list[bytes]:
        """Owners that are no more, and forget those of long ago; the addresses that ended."""
        ended = []
        for address, holdings in list(self._holdings.items()):
            self._holdings[address] = kept = [h for h in holdings if h.until > at_us - KEEP_US]
            if kept and kept[-1].until == FOREVER and kept[-1].endpoint != now.get(address):
                kept[-1] = kept[-1]._replace(until=at_us)
                ended.append(address)
            if not kept:
                del self._holdings[address]
        return ended

    def _begin(self, now: dict[bytes, Endpoint], at_us: int, ended: set[bytes]) -> dict[int, list[Endpoint]]:
        """New owners by the time they began. While nobody looked, one may have come at any time since the last."""
        earliest = 0 if self._looked_us is None else self._looked_us if self._away else at_us
        begun = defaultdict(list)
        for address, endpoint in now.items():
            holdings = self._holdings.setdefault(address, [])
            if not holdings or holdings[-1].until != FOREVER:
                since = at_us if address in ended else max(earliest, holdings[-1].until if holdings else 0)
                holdings.append(Holding(since, FOREVER, endpoint))
                begun[since].append(endpoint)
            if endpoint.kind is not Kind.SERVICE:
                self._outside.networks.add(network(address))
        return begun

    def _remember_backends(self, cluster: Cluster, directory: Directory, at_us: int) -> None:
        for service in cluster.services:
            for address in service.addresses:
                for port in service.ports:
                    seen = self._backends.setdefault((address, port.port, port.protocol), {})
                    for endpoint, number in directory.backends(address, port.port, port.protocol):
                        seen[endpoint.address, number] = at_us
        for key, seen in list(self._backends.items()):
            self._backends[key] = {backend: at for backend, at in seen.items() if at > at_us - KEEP_US}

    def _replay(self, change: Change) -> None:
        match change:
            case Held(since, endpoints, until):
                for end in endpoints:
                    address = packed(end.address)
                    ending = FOREVER if until is None else until
                    self._holdings.setdefault(address, []).append(Holding(since, ending, end))
                    if end.kind is not Kind.SERVICE:
                        self._outside.networks.add(network(address))
            case Gone(at, addresses):
                for address in map(packed, addresses):
                    if holdings := self._holdings.get(address):
                        holdings[-1] = holdings[-1]._replace(until=at)
            case Looked(at):
                self._looked_us, self._away = at, True
            case Answered(title, name, at, until):
                self._outside.answered(packed(title), name, at, until)

    def _kept(self) -> Iterator[Change]:
        """All that is remembered, as changes."""
        if self._looked_us is None:
            return
        spans = defaultdict(list)
        for holdings in self._holdings.values():
            for holding in holdings:
                spans[holding.since, holding.until].append(holding.endpoint)
        for (since, until), ends in sorted(spans.items(), key=lambda span: span[0]):
            yield Held(since, tuple(ends), None if until == FOREVER else until)
        for since, until, end in self._outside.answers(self._looked_us - KEEP_US):
            yield Answered(end.address, end.name, since, until)
        yield Looked(self._looked_us)


def category(client: Endpoint, server: Endpoint, *, classified: bool = True) -> str:
    """`cloud service`, `external`, `unknown`, `node`, `intra-zone` or `inter-zone`, by both ends. Without published
    ranges (not `classified`) nobody knows whether who is outside is a cloud service."""
    kinds = {client.kind, server.kind}
    for kind, word in _CATEGORIES:
        if kind in kinds:
            return word if classified or kind is not Kind.EXTERNAL else NOT_CLASSIFIED
    if not client.zone or not server.zone:
        return "unknown"
    return "intra-zone" if client.zone == server.zone else "inter-zone"


NOT_CLASSIFIED: Final = "not classified"
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


def is_pod(endpoint: Endpoint, pod: NodePod) -> bool:
    """The endpoint is the pod that an agent speaks of."""
    return (endpoint.kind, endpoint.namespace, endpoint.name) == (Kind.POD, pod.namespace, pod.name)
