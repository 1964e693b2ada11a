"""Groups: pods that the same policies isolate in a direction, and that serve the same of the names these use."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from fairway.policy.decide import peer_matches, rule_title, rules_of, tiered_rules_of, tiered_title
from fairway.policy.directory import pod_endpoint
from fairway.policy.model import Cluster, NetworkPolicy, Pod, PolicySet, Tier, TieredPolicy
from fairway.policy.rows import NumberedRule
from fairway.policy.select import Selected
from fairway.wire.endpoint import NamedPort
from fairway.wire.rules import CLOSED, FIRST_POLICY, OPEN, UNUSED
from fairway.wire.words import Direction, Posture

P = TypeVar("P", NetworkPolicy, TieredPolicy)
Numbers = tuple[int, int]
"""Policy numbers: (ingress, egress)."""
_Sort = tuple[str, tuple[tuple[str, str], ...], tuple[NamedPort, ...]]
"""What policies can see of a pod they may isolate: namespace, labels, ports."""


class GroupKey(NamedTuple):
    """`members` are the policies that isolate the pods, `own` their ports of names these use in ingress.

    `tiered` are the cluster-wide policies with rules for them, in order; only with some `posture` matters.
    """

    direction: Direction
    members: tuple[int, ...]
    own: tuple[NamedPort, ...]
    tiered: tuple[int, ...] = ()
    posture: Posture = Posture.ALLOW


Groups = dict[GroupKey, int]
"""The groups' policy numbers; it only grows, so that a number always means the same."""


class Catalogue:
    """Policies, cluster-wide ones and rules, numbered; equal policies of two sets have one number."""

    def __init__(self, sets: Iterable[PolicySet]) -> None:
        self.policies: list[NetworkPolicy] = []
        self.tiered: list[TieredPolicy] = []
        self.titles = [""]
        self._rules = {"": 0}
        self._named: dict[str, list[int]] = defaultdict(list)
        for chosen in sets:
            for policy in chosen.policies:
                _enter(self.policies, policy, self._named[policy.title])
            for tiered in chosen.tiered:
                _enter(self.tiered, tiered, self._named[f"tiered {tiered.title}"])

    def number(self, policy: NetworkPolicy) -> int:
        """The policy's own number."""
        return next(i for i in self._named[policy.title] if self.policies[i] == policy)

    def tiered_number(self, policy: TieredPolicy) -> int:
        """The cluster-wide policy's own number."""
        return next(i for i in self._named[f"tiered {policy.title}"] if self.tiered[i] == policy)

    def rule(self, title: str) -> int:
        """The rule's number in tables."""
        if title not in self._rules:
            self._rules[title] = len(self.titles)
            self.titles.append(title)
        return self._rules[title]

    def rules_of(self, number: int, direction: Direction) -> Iterator[NumberedRule]:
        """The rules of a policy."""
        policy = self.policies[number]
        for index, rule in enumerate(rules_of(policy, direction) or ()):
            yield self.rule(rule_title(policy, direction, index)), policy.namespace, rule

    def tiered_rule(self, number: int, direction: Direction, index: int) -> NumberedRule:
        """One rule of a cluster-wide policy."""
        policy = self.tiered[number]
        title = tiered_title(policy, direction, index)
        return self.rule(title), "", tiered_rules_of(policy, direction)[index].rule


def _enter(listed: list[P], policy: P, alike: list[int]) -> None:
    if not any(listed[i] == policy for i in alike):
        alike.append(len(listed))
        listed.append(policy)


class Grouping:
    """Which groups the pods are of under one policy set; pods of one sort are looked at once."""

    def __init__(self, chosen: PolicySet | None, catalogue: Catalogue, cluster: Cluster, groups: Groups) -> None:
        self._chosen = chosen
        self._catalogue = catalogue
        self._namespaces = cluster.namespaces
        self._groups = groups
        self._homes: dict[str, Selected[int]] = defaultdict(Selected)
        self._tiered: list[int] = []
        if chosen is not None:
            for policy in chosen.policies:
                self._homes[policy.namespace].add(policy.subject, catalogue.number(policy))
            self._tiered = [catalogue.tiered_number(policy) for tier in Tier for policy in chosen.of_tier(tier)]
        self._seen: dict[_Sort, Numbers] = {}

    def numbers(self, pod: Pod) -> Numbers:
        """The pod's policy numbers."""
        if self._chosen is None:
            return UNUSED, UNUSED
        sort = (pod.namespace, pod.labels, pod.ports)
        if sort not in self._seen:
            labels = dict(pod.labels)
            home = self._homes.get(pod.namespace)
            selecting = sorted(home.by(labels)) if home else []
            endpoint = pod_endpoint(pod, "")
            tiered = [
                number
                for number in self._tiered
                if peer_matches(self._catalogue.tiered[number].subject, "", self._namespaces, endpoint)
            ]
            ingress, egress = (self._number(direction, selecting, tiered, pod) for direction in Direction)
            self._seen[sort] = (ingress, egress)
        return self._seen[sort]

    def _number(self, direction: Direction, selecting: Iterable[int], tiered: Iterable[int], pod: Pod) -> int:
        posture = self._chosen.posture if self._chosen else Posture.ALLOW
        policies, cluster_wide = self._catalogue.policies, self._catalogue.tiered
        members = tuple(n for n in selecting if rules_of(policies[n], direction) is not None)
        above = tuple(n for n in tiered if tiered_rules_of(cluster_wide[n], direction))
        if not members and not above:
            return OPEN if posture is Posture.ALLOW else CLOSED
        own: tuple[NamedPort, ...] = ()
        if direction is Direction.INGRESS:
            rules = [rule for n in members for rule in policies[n].ingress or ()]
            rules += [wrapped.rule for n in above for wrapped in cluster_wide[n].ingress]
            names = {(ports.port, ports.protocol) for rule in rules for ports in rule.ports or ()}
            own = tuple(sorted({port for port in pod.ports if (port.name, port.protocol) in names}))
        key = GroupKey(direction, members, own, above, posture if above else Posture.ALLOW)
        return self._groups.setdefault(key, FIRST_POLICY + len(self._groups))
