"""Promoting: a set that was rolled out in one cluster, held against what another cluster has recorded."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from fairway.hub.rollouts.known import called
from fairway.kit.documents import documents_in
from fairway.policy.read import read_policy_set
from fairway.policy.replay import Breakage, replay
from fairway.policy.rulings import Rulings, read_rulings
from fairway.rollout.order import Order
from fairway.rollout.state import State
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

if TYPE_CHECKING:
    from fairway.hub.service import Hub

MOST_EDGES = 100_000
Words = Annotated[str, msgspec.Meta(max_length=1000)]


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout as one hub hands it to another: its order, how far it came and when, and the edges that were seen
    there in the namespaces of its policies, in words."""

    order: Order
    phase: str
    since: datetime
    edges: Annotated[tuple[Words, ...], msgspec.Meta(max_length=MOST_EDGES)] = ()


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of a proven rollout here. `broken` of `judged` edges would be denied; `only_there` was proven
    and not seen here, `only_here` was seen here and never there; `absent` are namespaces that are not here."""

    judged: int
    broken: tuple[Breakage, ...]
    still_allowed: tuple[str, ...]
    only_there: tuple[str, ...]
    only_here: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def passes(self) -> bool:
        """Would nothing that was recorded be denied, and everything that people decided to?"""
        return not self.broken and not self.still_allowed


def proven(hub: "Hub", state: State) -> Proven:
    """What another hub needs to know of a rollout."""
    edges = _seen(hub.base.edges(), _namespaces(state.order))
    return Proven(order=state.order, phase=str(state.phase), since=state.since, edges=tuple(edges)[:MOST_EDGES])


def promotion(hub: "Hub", given: Proven) -> Promotion:
    """Hold it against what this hub recorded. UsageError for policies that cannot be read."""
    cluster, order, edges = hub.require_ready(), given.order, hub.base.edges()
    policies = read_policy_set(documents_in("policies", order.policies), posture=order.posture)
    rulings = Rulings(read_rulings(documents_in("decisions", order.decisions)), datetime.now(UTC).date())
    result = replay(edges, policies, cluster, rulings)
    namespaces = _namespaces(order)
    here, there = _seen(edges, namespaces), dict.fromkeys(given.edges)
    return Promotion(
        judged=result.judged,
        broken=result.broken,
        still_allowed=result.still_allowed,
        only_there=tuple(edge for edge in there if edge not in here),
        only_here=tuple(edge for edge in here if edge not in there),
        absent=tuple(sorted(namespaces - cluster.namespaces.keys())),
    )


def _namespaces(order: Order) -> frozenset[str]:
    policies = read_policy_set(documents_in("policies", order.policies))
    return frozenset(policy.namespace for policy in policies.policies)


def _seen(edges: Iterable[Edge], namespaces: frozenset[str]) -> dict[str, None]:
    """Edges that were answered, in words that mean the same in another cluster: nodes have no names in them."""
    words = {
        f"{_end(edge.client)} -> {called(_end(edge.server), edge.port, edge.protocol)}"
        for edge in edges
        if edge.answered and edge.initiator_known and {edge.client.namespace, edge.server.namespace} & namespaces
    }
    return dict.fromkeys(sorted(words))


def _end(endpoint: Endpoint) -> str:
    return "a node" if endpoint.kind is Kind.NODE else endpoint.group
