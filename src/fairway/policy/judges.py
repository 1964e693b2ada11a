"""judges: `decide` for the ends of recorded edges, with only the policies at hand that select one of them."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from fairway.policy.decide import Attempt, Decision, Judgement, decide
from fairway.policy.directory import Directory
from fairway.policy.matches import Matches
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.recorded import Array
from fairway.policy.settle import Names, moments, settle
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction, Verdict

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Denial:
    """One side of an edge that would be denied, at a real end of it."""

    direction: Direction
    judgement: Judgement
    client: Endpoint
    server: Endpoint
    port: int
    edge: Edge


class Judges:
    """A judge for each time at which domain names stood for the same addresses."""

    def __init__(self, policies: PolicySet, cluster: Cluster, names: Names | None) -> None:
        self._policies, self._cluster, self._names = policies, cluster, names
        self._times = moments(policies, names)
        self._judges: dict[int, Judge] = {}
        # At no time in particular: every network that may stand in a rule at some time.
        self._ever = Judge(settle(policies, cluster.nodes, names), cluster)

    def place(self, end: Endpoint) -> frozenset[int]:
        """What policies can see of an end's address."""
        return self._ever.matches.blocks(end)

    def moment(self, last_seen: Array) -> Array:
        """For each time in microseconds since 1970: the number of the judge who knows the names of then."""
        if not self._times:
            return np.zeros(len(last_seen), np.uint8)
        times = [(when - _EPOCH) // _MICROSECOND for when in self._times]
        return np.searchsorted(np.array(times, np.int64), last_seen, "right")

    def of(self, edge: Edge) -> "Judge":
        """Who judges an edge."""
        if not self._times:
            return self._ever
        moment = bisect_right(self._times, edge.last_seen)
        if moment not in self._judges:
            settled = settle(self._policies, self._cluster.nodes, self._names, edge.last_seen)
            self._judges[moment] = Judge(settled, self._cluster)
        return self._judges[moment]

    @property
    def used(self) -> set[str]:
        """The rules that had a say, by title."""
        return self._ever.used.union(*(judge.used for judge in self._judges.values()))


class Judge:
    """Judges edges by one set of settled policies; `used` are the titles of the rules that had a say."""

    def __init__(self, policies: PolicySet, cluster: Cluster) -> None:
        self._directory = Directory(cluster)
        self.matches = Matches(policies, cluster)
        self._beside: dict[object, tuple[tuple[Judgement, Endpoint, int], ...]] = {}
        self.used: set[str] = set()

    def denials(self, edge: Edge) -> Iterator[Denial]:
        """The sides that would deny the edge, and the backends of the Service it dialled that the client would
        not reach: in the kernel a Service address is open only if all of them are."""
        ends: Sequence[tuple[Endpoint, int]] = ()
        if edge.server.kind is Kind.SERVICE:
            ends = self._directory.backends(edge.server.address, edge.port, edge.protocol)
        for server, port in ends or ((edge.server, edge.port),):
            rules = self.matches.allowed(Attempt(edge.client, server, port, edge.protocol))
            if rules is not None:
                self.used.update(rules)
                continue
            decision = self._decide(edge.client, server, port, edge.protocol)
            self.used.update(decision.egress.matched, decision.ingress.matched)
            for direction, judgement in zip(Direction, (decision.ingress, decision.egress), strict=True):
                if judgement.verdict is Verdict.DENY:
                    yield Denial(direction, judgement, edge.client, server, port, edge)
        if edge.service and edge.server.kind is not Kind.SERVICE:
            for judgement, server, port in self._unreached(edge):
                yield Denial(Direction.EGRESS, judgement, edge.client, server, port, edge)

    def _unreached(self, edge: Edge) -> Sequence[tuple[Judgement, Endpoint, int]]:
        """The dialled Service's backends of other workloads that the client may not call."""
        client, own = edge.client, (edge.server.group, edge.port)
        key = (client.namespace, client.labels, edge.service, edge.family, edge.protocol, own)
        if key not in self._beside:
            found = []
            for server, port in self._directory.dialled(edge.service, edge.family, edge.protocol):
                if (server.group, port) != own:
                    judgement = self._decide(client, server, port, edge.protocol).egress
                    self.used.update(judgement.matched)
                    if judgement.verdict is Verdict.DENY:
                        found.append((judgement, server, port))
            self._beside[key] = tuple(found)
        return self._beside[key]

    def reversed_passes(self, edge: Edge) -> bool:
        """The same edge, had the other end opened it."""
        return self._decide(edge.server, edge.client, edge.port, edge.protocol).allowed

    def _decide(self, client: Endpoint, server: Endpoint, port: int, protocol: str) -> Decision:
        near = self.matches.near(client, server)
        return decide(near, self._directory.cluster.namespaces, client, server, port, protocol)
