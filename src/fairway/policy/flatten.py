"""flatten: tiers in which the first rule wins become a grant, which only allows.

Ports are decided identity by identity and column by column, in the order of the tiers.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from fairway.policy.grants import OTHERS, Grant, Openings
from fairway.policy.intervals import EVERY_PORT, Span, Spans, intersect, subtract, union
from fairway.policy.model import Action


class Layer(NamedTuple):
    """One rule of a tier: what happens to what it matches, the spans under its own number."""

    action: Action
    matched: Grant


def flattened(
    admin: Sequence[Layer],
    policies: Grant | None,
    baseline: Sequence[Layer],
    posture: int | None,
    only: Collection[int] | None = None,
) -> Grant:
    """The permissions that the tiers leave; `only`: with peers of these identities.

    `policies` None: no NetworkPolicy isolates; `posture` is the rule's number if it allows.
    """
    course = _Course(admin, policies, baseline, posture)
    default = course.decide([grant.default for grant in course.grants])
    named = sorted({identity for grant in course.grants for identity in grant.own} if only is None else only)
    decided = ((identity, course.decide([grant.of(identity) for grant in course.grants])) for identity in named)
    return Grant(default, {identity: openings for identity, openings in decided if openings != default})


class _Course:
    """The tiers in their order. What no rule tells apart is decided once."""

    def __init__(
        self, admin: Sequence[Layer], policies: Grant | None, baseline: Sequence[Layer], posture: int | None
    ) -> None:
        self._admin = [action for action, _ in admin]
        self._isolated = policies is not None
        # Behind NetworkPolicies there is nothing: what they do not allow, they deny.
        behind = baseline if policies is None else ()
        self._behind = [action for action, _ in behind]
        self._posture = posture
        between = [] if policies is None else [policies]
        self.grants = [*(layer.matched for layer in admin), *between, *(layer.matched for layer in behind)]
        self._seen: dict[tuple[int, ...], Openings] = {}

    def decide(self, seen: Sequence[Openings]) -> Openings:
        """What is allowed, from what each of `grants` says of one peer."""
        # The grants hold the values while this lives, so that their addresses stand for them.
        key = tuple(map(id, seen))
        if key not in self._seen:
            one, two, three, other = (self._column([openings[i] for openings in seen]) for i in range(OTHERS + 1))
            self._seen[key] = (one, two, three, other)
        return self._seen[key]

    def _column(self, seen: Sequence[Spans]) -> Spans:
        count = len(self._admin)
        allowed, left = _first_match(self._admin, seen[:count], EVERY_PORT)
        if self._isolated:
            return union(allowed, more) if (more := intersect(seen[count], left)) else allowed
        more, left = _first_match(self._behind, seen[count:], left)
        allowed = union(allowed, more)
        if self._posture is None:
            return allowed
        return union(allowed, (Span(low, high, self._posture) for low, high, _ in left))


def _first_match(actions: Iterable[Action], matched: Iterable[Spans], asked: Spans) -> tuple[Spans, Spans]:
    """Of the ports that are asked: what the tier accepts, and what it leaves to the next."""
    accepted: Spans = ()
    passed: Spans = ()
    for action, spans in zip(actions, matched, strict=True):
        if not spans:
            continue
        found = intersect(spans, asked)
        asked = subtract(asked, found)
        if action is Action.ACCEPT:
            accepted = union(accepted, found)
        elif action is Action.PASS:
            passed = union(passed, found)
    return accepted, union(asked, passed) if passed else asked
