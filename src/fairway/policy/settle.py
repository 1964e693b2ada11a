"""settle: nodes and domain names in policies become the addresses that they stand for at a moment.

Nothing else is done to the policies, so `decide` and the compiled rows know addresses only. What stands for no
address at that time matches nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_network

from fairway.policy.fields import parse_address
from fairway.policy.model import IPBlock, NetworkPolicy, Node, Peer, PolicySet, Rule, TieredPolicy, TieredRule
from fairway.policy.select import selects
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Kind


@dataclass(frozen=True, slots=True)
class Answer:
    """An address that a name resolved to, from `since` until `until`; None is without bound."""

    address: str
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, at: datetime | None) -> bool:
        """Whether it held at a time; without one, whether it ever did."""
        return at is None or ((self.since is None or self.since <= at) and (self.until is None or at < self.until))


Names = Mapping[str, Sequence[Answer]]
"""What domain names resolved to, by name in lower case and without a final dot."""


def plain_names(names: Mapping[str, Iterable[str]]) -> Names:
    """Names whose addresses hold at any time. ValueError for text that is no address."""
    return {
        name.lower().removesuffix("."): [Answer(str(parse_address(address))) for address in addresses]
        for name, addresses in names.items()
    }


def names_seen(edges: Iterable[Edge], given: Names | None = None) -> Names:
    """By which names pods were seen to look up who is outside, each from when its edge was first seen; what is
    `given` of a name comes before that."""
    seen: dict[str, list[Answer]] = {}
    for edge in edges:
        if edge.server.kind is Kind.EXTERNAL and edge.server.name:
            first = edge.first_seen if edge.first_seen.tzinfo else edge.first_seen.replace(tzinfo=UTC)
            seen.setdefault(edge.server.name.lower(), []).append(Answer(edge.server.address, first))
    return {**seen, **(given or {})}


def name_matches(pattern: str, name: str) -> bool:
    """`*.` stands for one or more whole labels, never for none; both in lower case and without a final dot."""
    if not pattern.startswith("*."):
        return pattern == name
    return name.endswith(pattern[1:]) and len(name) >= len(pattern)


def settle(
    policies: PolicySet, nodes: Iterable[Node] = (), names: Names | None = None, at: datetime | None = None
) -> PolicySet:
    """The same policies without `nodes` and `domains` peers; themselves if they have none."""
    if not any(map(_moving, _rules(policies))):
        return policies
    places = _Places(tuple(nodes), names or {}, at)
    return replace(
        policies,
        policies=tuple(places.policy(policy) for policy in policies.policies),
        tiered=tuple(places.tiered(policy) for policy in policies.tiered),
    )


def moments(policies: PolicySet, names: Names | None) -> tuple[datetime, ...]:
    """When what the policies' domain names stand for may have changed; between two of them it did not."""
    if not names or not domains_of(policies):
        return ()
    answers = [answer for found in names.values() for answer in found]
    return tuple(sorted({when for answer in answers for when in (answer.since, answer.until) if when is not None}))


def domains_of(policies: PolicySet) -> tuple[str, ...]:
    """The domain names that rules have, in their order."""
    return tuple(name for rule in _rules(policies) for peer in rule.peers or () for name in peer.domains)


def _rules(policies: PolicySet) -> Iterable[Rule]:
    for policy in policies.policies:
        yield from (*(policy.ingress or ()), *(policy.egress or ()))
    for tiered in policies.tiered:
        yield from (wrapped.rule for wrapped in (*tiered.ingress, *tiered.egress))


def _moving(rule: Rule) -> bool:
    return any(peer.nodes is not None or peer.domains for peer in rule.peers or ())


class _Places:
    """Who is where at the moment."""

    def __init__(self, nodes: tuple[Node, ...], names: Names, at: datetime | None) -> None:
        self._nodes = nodes
        self._names = names
        self._at = at

    def policy(self, policy: NetworkPolicy) -> NetworkPolicy:
        if not any(map(_moving, policy.egress or ())):
            return policy
        return replace(policy, egress=tuple(map(self._rule, policy.egress or ())))

    def tiered(self, policy: TieredPolicy) -> TieredPolicy:
        egress = tuple(TieredRule(r.action, self._rule(r.rule), r.name) for r in policy.egress)
        return replace(policy, egress=egress)

    def _rule(self, rule: Rule) -> Rule:
        if not _moving(rule):
            return rule
        return replace(rule, peers=tuple(settled for peer in rule.peers or () for settled in self._peer(peer)))

    def _peer(self, peer: Peer) -> Iterable[Peer]:
        if peer.nodes is None and not peer.domains:
            return (peer,)
        addresses = self._of_nodes(peer) if peer.nodes is not None else self._of_names(peer.domains)
        networks = dict.fromkeys(ip_network(parse_address(address)) for address in addresses)
        return tuple(Peer(block=IPBlock(network)) for network in networks)

    def _of_nodes(self, peer: Peer) -> Iterable[str]:
        for node in self._nodes:
            if peer.nodes is not None and selects(peer.nodes, dict(node.labels)):
                yield from (*node.addresses, *node.external)

    def _of_names(self, patterns: tuple[str, ...]) -> Iterable[str]:
        for name, answers in self._names.items():
            if any(name_matches(pattern, name) for pattern in patterns):
                yield from (answer.address for answer in answers if answer.holds(self._at))
