"""Checks of rules in their tiers: what earlier rules decide before they are asked, and orders that nobody defines.

Ports are followed through the tiers as the rows would be flattened: identity by identity, protocol by protocol.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from fairway.policy.ends import listed
from fairway.policy.findings import Check, Finding, Severity
from fairway.policy.grants import Grant
from fairway.policy.identities import Identities
from fairway.policy.intervals import EVERY_PORT, Spans, intersect, subtract, union
from fairway.policy.model import Action, NetworkPolicy, Tier, TieredPolicy
from fairway.policy.rows import RowMaker
from fairway.policy.scene import Placed, Policy, Scene, place
from fairway.policy.vocabulary import Vocabulary
from fairway.wire.endpoint import NamedPort
from fairway.wire.words import Direction

_COLUMNS: Final = 4
_REMOVE: Final = "remove it, unless it is there for pods to come"
_GROUPS: Final = {
    "AdminNetworkPolicy": "policy.networking.k8s.io/v1alpha1",
    "BaselineAdminNetworkPolicy": "policy.networking.k8s.io/v1alpha1",
    "ClusterNetworkPolicy": "policy.networking.k8s.io/v1alpha2",
    "ClusterNetworkPolicy.networking.k8s.aws": "networking.k8s.aws/v1alpha1",
}
_Ports = tuple[Spans, ...]
"""By protocol: TCP, UDP, SCTP, all others."""
_Rules = tuple[tuple[Placed, Grant], ...]


@dataclass(slots=True)
class _Fate:
    """What became of one rule wherever it matches something."""

    asked: bool = False
    before: set[Placed] = field(default_factory=set)
    isolated: set[str] = field(default_factory=set)
    """The NetworkPolicies behind which a Baseline rule is not asked."""


@dataclass(frozen=True, slots=True)
class _Course:
    """The rules for one sort of pods, in the order in which they are asked, each with what it matches."""

    admin: _Rules
    own: _Rules
    isolating: tuple[str, ...]
    baseline: _Rules


def _unasked(scene: Scene) -> Iterator[Finding]:
    """Rules that never have a say, and policies of equal rank that disagree."""
    fates: dict[Placed, _Fate] = defaultdict(_Fate)
    ties: dict[tuple[TieredPolicy, TieredPolicy], set[str]] = defaultdict(set)
    for course in _courses(scene):
        for sort in set(_sorts(course)):
            _follow(course, sort, fates, ties)
    for placed, fate in fates.items():
        if not fate.asked:
            yield _told(placed, fate)
    for (first, second), rules in ties.items():
        what = (
            f"has the priority of {place(first)} ({second.priority}) and decides otherwise about the same "
            f"connections ({listed(sorted(rules))}); the API leaves open which is asked first"
        )
        yield Finding(Severity.WARNING, "priority-tie", place(second), what, "give them different priorities")


def _told(placed: Placed, fate: _Fate) -> Finding:
    if fate.isolated and not fate.before:
        names = listed(sorted(fate.isolated))
        what = f"is never asked: wherever it could match, NetworkPolicies isolate the pods ({names})"
        return Finding(Severity.NOTE, "shadowed", placed.where, what, _REMOVE)
    before = sorted({one.where for one in fate.before})
    names, plural = listed(before), "" if len(before) > 1 else "s"
    if all(one.action is placed.action for one in fate.before):
        what = f"never has a say: {names} decide{plural} all of it before, and alike"
        return Finding(Severity.NOTE, "shadowed", placed.where, what, _REMOVE)
    what = f"never has a say: {names} decide{plural} otherwise about all of it before"
    do = "put it before them, by its place or the policy's priority, or remove it"
    if isinstance(placed.policy, NetworkPolicy):
        denies = "deny" if plural == "" else "denies"
        what, do = f"allows nothing: {names} {denies} all of it before", "remove it, or ask for an exception there"
    return Finding(Severity.WARNING, "contradicted", placed.where, what, do)


class _Matches:
    """What rules match, as rows over one cluster's identities."""

    def __init__(self, scene: Scene) -> None:
        self._of = scene.of
        vocabulary = Vocabulary()
        for policy in scene.every:
            vocabulary.learn(policy)
        self._maker = RowMaker(Identities(scene.cluster, vocabulary), vocabulary)
        self._made: dict[tuple[Placed, tuple[NamedPort, ...]], Grant] = {}

    def of(self, policies: Iterable[Policy], direction: Direction, own: tuple[NamedPort, ...]) -> _Rules:
        """The policies' rules in one direction for pods whose own ports are `own`."""
        found = [placed for policy in policies for placed in self._of[id(policy), direction]]
        for placed in found:
            if (placed, own) not in self._made:
                rule = (0, placed.home, placed.rule)
                self._made[placed, own] = self._maker.grant([rule], direction, own)
        return tuple((placed, self._made[placed, own]) for placed in found)


def _courses(scene: Scene) -> Iterator[_Course]:
    """One for each direction and sort of pods that cluster-wide policies judge."""
    if not scene.policies.tiered:
        return
    matches = _Matches(scene)
    seen = set()
    for end in scene.pods:
        for direction in Direction:
            judging = {id(policy) for policy in scene.judging(direction, end)}
            isolating = scene.isolating(direction, end)
            own = end.ports if direction is Direction.INGRESS else ()
            key = (direction, frozenset(judging), tuple(policy.title for policy in isolating), own)
            if judging and key not in seen:
                seen.add(key)
                tiers = (scene.policies.of_tier(tier) for tier in (Tier.ADMIN, Tier.BASELINE))
                first, last = ([policy for policy in tier if id(policy) in judging] for tier in tiers)
                yield _Course(
                    admin=matches.of(first, direction, own),
                    own=matches.of(isolating, direction, own),
                    isolating=tuple(policy.title for policy in isolating),
                    baseline=matches.of(last, direction, own),
                )


def _sorts(course: _Course) -> Iterator[tuple[_Ports, ...]]:
    """For each identity of a peer what each rule matches of its ports; equal ones need to be followed once."""
    grants = [grant for _, grant in (*course.admin, *course.own, *course.baseline)]
    yield tuple(grant.default for grant in grants)
    for identity in {identity for grant in grants for identity in grant.own}:
        yield tuple(grant.of(identity) for grant in grants)


def _follow(
    course: _Course,
    sort: tuple[_Ports, ...],
    fates: dict[Placed, _Fate],
    ties: dict[tuple[TieredPolicy, TieredPolicy], set[str]],
) -> None:
    """Hand every port through the tiers to the rule that decides it."""
    matched = dict(zip((p for p, _ in (*course.admin, *course.own, *course.baseline)), sort, strict=True))
    left, decided = _through([p for p, _ in course.admin], matched, (EVERY_PORT,) * _COLUMNS, {}, fates)
    for placed, _ in course.own:
        _ask(placed, matched[placed], left, decided, fates)
    behind = [p for p, _ in course.baseline]
    if course.isolating:
        for placed in behind:
            if any(matched[placed]):
                fates[placed].isolated.update(course.isolating)
    else:
        _through(behind, matched, left, decided, fates)
    for tier in ([p for p, _ in course.admin], behind):
        for first, second in _tied(tier, matched):
            ties[first.policy, second.policy] |= {first.title, second.title}  # type: ignore[index]  # of tiers


def _through(
    rules: list[Placed],
    matched: dict[Placed, _Ports],
    left: _Ports,
    decided: dict[Placed, _Ports],
    fates: dict[Placed, _Fate],
) -> tuple[_Ports, dict[Placed, _Ports]]:
    """One tier: what it leaves to the next, passed on or not matched, and who decided what so far. What was passed
    on counts as decided only within the tier."""
    here = dict(decided)
    passed: _Ports = ((),) * _COLUMNS
    for placed in rules:
        taken = _ask(placed, matched[placed], left, here, fates)
        here[placed] = taken
        left = tuple(subtract(spans, gone) for spans, gone in zip(left, taken, strict=True))
        if placed.action is Action.PASS:
            passed = tuple(union(spans, more) for spans, more in zip(passed, taken, strict=True))
    final = {placed: taken for placed, taken in here.items() if placed.action is not Action.PASS}
    return tuple(union(spans, more) for spans, more in zip(left, passed, strict=True)), final


def _ask(
    placed: Placed, wanted: _Ports, left: _Ports, decided: dict[Placed, _Ports], fates: dict[Placed, _Fate]
) -> _Ports:
    """What the rule decides of the ports that are left."""
    taken = tuple(intersect(spans, rest) for spans, rest in zip(wanted, left, strict=True))
    if any(wanted):
        fate = fates[placed]
        fate.asked = fate.asked or any(taken)
        if not fate.asked:
            fate.before |= {earlier for earlier, gone in decided.items() if _meet(wanted, gone)}
    return taken


def _meet(first: _Ports, second: _Ports) -> bool:
    return any(intersect(spans, others) for spans, others in zip(first, second, strict=True))


def _tied(rules: list[Placed], matched: dict[Placed, _Ports]) -> Iterator[tuple[Placed, Placed]]:
    """Pairs of rules whose order is open and whose answers differ."""
    for first, second in combinations(rules, 2):
        one, other = first.policy, second.policy
        if isinstance(one, TieredPolicy) and isinstance(other, TieredPolicy) and one is not other:
            differ = one.priority == other.priority and first.action is not second.action
            if differ and _meet(matched[first], matched[second]):
                yield first, second


def _mixed(scene: Scene) -> Iterator[Finding]:
    """Tiers with policies of several API groups, which no specification puts into one order."""
    for tier in Tier:
        groups = sorted({_GROUPS[policy.kind] for policy in scene.policies.of_tier(tier)})
        if len(groups) > 1:
            what = f"has policies of {' and '.join(groups)}; no specification says which are asked first"
            do = "write them in one group; Fairway asks them by their priorities"
            yield Finding(Severity.NOTE, "mixed-groups", f"the {tier} tier", what, do)


CHECKS: Final[tuple[Check, ...]] = (_unasked, _mixed)
