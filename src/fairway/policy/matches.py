"""matches: which rules match a connection, for the many connections of a replay.

The verdict and the rules are those of `decide`, in a fraction of the time: what the peers of all rules see of an
end is found once, and a rule is then two set operations.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fairway.policy.decide import (
    Attempt,
    from_own_node,
    peer_matches,
    ports_match,
    rule_title,
    rules_of,
    tiered_rules_of,
    tiered_title,
    to_itself,
)
from fairway.policy.identities import Identities
from fairway.policy.model import Action, Cluster, PolicySet, Rule, Tier
from fairway.policy.select import Selected
from fairway.policy.vocabulary import Eye, Vocabulary
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction, Posture

Labels = tuple[tuple[str, str], ...]


class _Clause(NamedTuple):
    """A rule by the numbers of its peers."""

    title: str
    rule: Rule
    selections: frozenset[int]
    blocks: frozenset[int]
    action: Action


class _Sight(NamedTuple):
    """What the peers of rules see of an end."""

    selections: frozenset[int]
    blocks: frozenset[int]


class _Subject(NamedTuple):
    """What judges a pod in one direction: the NetworkPolicies' rules, if any isolates it, and the tiers'."""

    isolated: bool
    clauses: tuple[_Clause, ...]
    admin: tuple[_Clause, ...]
    baseline: tuple[_Clause, ...]


class Matches:
    """The rules of settled policies over one cluster."""

    def __init__(self, policies: PolicySet, cluster: Cluster) -> None:
        self._policies = policies
        self._namespaces = cluster.namespaces
        self._vocabulary = Vocabulary()
        self._homes: dict[str, Selected[int]] = defaultdict(Selected)
        for number, policy in enumerate(policies.policies):
            self._vocabulary.learn(policy, number)
            self._homes[policy.namespace].add(policy.subject, number)
        self._tiered = [policy for tier in Tier for policy in policies.of_tier(tier)]
        for number, tiered in enumerate(self._tiered):
            self._vocabulary.learn(tiered, number)
        self._eye = Eye(cluster, self._vocabulary)
        self._networks = Identities(Cluster(), self._vocabulary)
        self._selected: dict[tuple[Kind, str, Labels], tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self._subjects: tuple[dict[tuple[str, Labels], _Subject], ...] = tuple({} for _ in Direction)
        self._blocks: dict[str, frozenset[int]] = {}
        self._clauses: dict[tuple[bool, int, Direction], tuple[_Clause, ...]] = {}

    def near(self, client: Endpoint, server: Endpoint) -> PolicySet:
        """The policies that select one of the ends; the others have no say between them."""
        (policies, tiered), (more, above) = self._selecting(client), self._selecting(server)
        return PolicySet(
            tuple(self._policies.policies[number] for number in sorted({*policies, *more})),
            self._policies.posture,
            tuple(self._tiered[number] for number in sorted({*tiered, *above})),
        )

    def allowed(self, attempt: Attempt) -> tuple[str, ...] | None:
        """The titles of all rules that had a say; None if a side denies the connection."""
        client, server = attempt.client, attempt.server
        own, kubelet = to_itself(client, server), from_own_node(client, server)
        found: tuple[str, ...] = ()
        for direction, subject, peer in ((Direction.EGRESS, client, server), (Direction.INGRESS, server, client)):
            exempt = own or (kubelet and direction is Direction.INGRESS)
            if subject.kind is Kind.POD and not exempt:
                said = self._side(self._subject(subject, direction), self._sight(peer), attempt)
                if said is None:
                    return None
                found += said
        return found

    def _side(self, subject: _Subject, peer: _Sight, attempt: Attempt) -> tuple[str, ...] | None:
        passed: tuple[str, ...] = ()
        for clauses in (subject.admin,) if subject.isolated else (subject.admin, subject.baseline):
            first = next(_matching(clauses, peer, attempt), None) if clauses else None
            if first is not None and first.action is not Action.PASS:
                return (*passed, first.title) if first.action is Action.ACCEPT else None
            passed += (first.title,) if first else ()
        if subject.isolated:
            rules = tuple(clause.title for clause in _matching(subject.clauses, peer, attempt))
            return (*passed, *rules) if rules else None
        return passed if self._policies.posture is Posture.ALLOW else None

    def _subject(self, end: Endpoint, direction: Direction) -> _Subject:
        key = end.namespace, end.labels
        known = self._subjects[direction]
        if key not in known:
            policies, tiered = self._selecting(end)
            isolating = [n for n in policies if rules_of(self._policies.policies[n], direction) is not None]
            admin, baseline = (
                tuple(
                    clause
                    for number in tiered
                    if self._tiered[number].tier is tier
                    for clause in self._tiered_of(number, direction)
                )
                for tier in Tier
            )
            clauses = tuple(clause for number in isolating for clause in self._clauses_of(number, direction))
            known[key] = _Subject(bool(isolating), clauses, admin, baseline)
        return known[key]

    def _selecting(self, end: Endpoint) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The numbers of the policies that select an end, and of the cluster-wide ones, in their order."""
        sort = end.kind, end.namespace, end.labels
        if sort not in self._selected:
            home = self._homes.get(end.namespace) if end.kind is Kind.POD else None
            tiered = (
                number
                for number, policy in enumerate(self._tiered)
                if peer_matches(policy.subject, "", self._namespaces, end)
            )
            self._selected[sort] = tuple(sorted(home.by(dict(end.labels)))) if home else (), tuple(tiered)
        return self._selected[sort]

    def blocks(self, end: Endpoint) -> frozenset[int]:
        """The address blocks of rules that an end is in; a Service's address is in none."""
        if end.kind is Kind.SERVICE:
            return frozenset()
        if end.address not in self._blocks:
            identity = self._networks.outside(end.address)
            self._blocks[end.address] = self._networks.traits[identity].blocks
        return self._blocks[end.address]

    def _sight(self, end: Endpoint) -> _Sight:
        blocks = self.blocks(end)
        return _Sight(self._eye.selections(end) if end.kind is Kind.POD else frozenset(), blocks)

    def _clauses_of(self, number: int, direction: Direction) -> Sequence[_Clause]:
        key = False, number, direction
        if key not in self._clauses:
            policy = self._policies.policies[number]
            self._clauses[key] = tuple(
                self._clause(rule_title(policy, direction, index), policy.namespace, rule, Action.ACCEPT)
                for index, rule in enumerate(rules_of(policy, direction) or ())
            )
        return self._clauses[key]

    def _tiered_of(self, number: int, direction: Direction) -> Sequence[_Clause]:
        key = True, number, direction
        if key not in self._clauses:
            policy = self._tiered[number]
            self._clauses[key] = tuple(
                self._clause(tiered_title(policy, direction, index), "", wrapped.rule, wrapped.action)
                for index, wrapped in enumerate(tiered_rules_of(policy, direction))
            )
        return self._clauses[key]

    def _clause(self, title: str, home: str, rule: Rule, action: Action) -> _Clause:
        selections, blocks = self._vocabulary.seen(rule.peers or (), home)
        return _Clause(title, rule, frozenset(selections), frozenset(blocks), action)


def _matching(clauses: Iterable[_Clause], peer: _Sight, attempt: Attempt) -> Iterator[_Clause]:
    selections, blocks = peer
    for clause in clauses:
        if (
            clause.rule.peers is None
            or not clause.selections.isdisjoint(selections)
            or not clause.blocks.isdisjoint(blocks)
        ) and ports_match(clause.rule, attempt):
            yield clause
