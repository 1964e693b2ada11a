"""flatten: tiers in which the first rule wins become rows that only allow.

Ports are decided identity by identity and protocol by protocol, in the order of the tiers. What every identity may
do is said once for ANY; whatever one of them is denied, ANY does not say, and the others say it themselves.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from fairway.policy.intervals import ALL_PORTS, Span, Spans, intersect, rule_at, subtract, union
from fairway.policy.model import Action
from fairway.policy.rows import Allowance
from fairway.wire.rules import ANY
from fairway.wire.words import ANY_PROTOCOL, PROTOCOL_NUMBERS

_WITH_PORTS: Final = tuple(PROTOCOL_NUMBERS[name] for name in ("TCP", "UDP", "SCTP"))
_COLUMNS: Final = (*_WITH_PORTS, ANY_PROTOCOL)
"""What is decided apart: the protocols with ports, and all others alike."""
_OTHERS: Final = tuple(number for number in range(1, 256) if number not in _WITH_PORTS)
_FULL: Final[Spans] = (Span(*ALL_PORTS, 0),)

Ports = tuple[Spans, ...]
"""By column."""


class Front(NamedTuple):
    """One port of a Service address, and what stands behind it as (identity, port)."""

    identity: int
    protocol: int
    port: int
    targets: tuple[tuple[int, int], ...]


class Area:
    """An allowance by identity. Identities with equal ports are of one kind; kind 0 has those of ANY."""

    def __init__(self, allowance: Allowance) -> None:
        self.ports = [_read(allowance, ANY, ((),) * len(_COLUMNS))]
        numbers = {self.ports[0]: 0}
        self.kinds: dict[int, int] = {}
        for identity in {identity for identity, _ in allowance} - {ANY}:
            ports = _read(allowance, identity, self.ports[0])
            self.kinds[identity] = numbers.setdefault(ports, len(numbers))
            if len(numbers) > len(self.ports):
                self.ports.append(ports)


def _read(allowance: Allowance, identity: int, others: Ports) -> Ports:
    every = allowance.get((identity, ANY_PROTOCOL), ())
    return tuple(
        union(union(allowance.get((identity, protocol), ()), every), base)
        for protocol, base in zip(_COLUMNS, others, strict=True)
    )


class Layer(NamedTuple):
    """One rule of a tier: what happens to what it matches, the spans under its own number."""

    action: Action
    matched: Area


def flattened(
    admin: Sequence[Layer],
    policies: Area | None,
    baseline: Sequence[Layer],
    posture: int | None,
    fronts: Iterable[Front],
    identities: int,
) -> Allowance:
    """The permissions that the tiers leave: disjoint, nothing said twice.

    `policies` None: no NetworkPolicy isolates; `posture` is the rule's number if it allows. `fronts` are the
    Service ports that are open if all their targets are; `identities` counts those that there are.
    """
    course = _Course(admin, policies, baseline, posture)
    decided = [course.decide(identity) for identity in range(identities)]
    for front in fronts:
        if front.protocol not in _WITH_PORTS:
            continue
        column = _COLUMNS.index(front.protocol)
        rules = [rule_at(course.outcomes[decided[target]][column], port) for target, port in front.targets]
        opened = None if None in rules else rules[0]
        ports = _with_front(course.outcomes[decided[front.identity]], front, opened)
        decided[front.identity] = course.number(ports)
    return _as_rows(course.outcomes, decided, course.decide(ANY))


class _Course:
    """The tiers in their order. Identities that no rule tells apart are decided once: `outcomes` by number."""

    def __init__(
        self, admin: Sequence[Layer], policies: Area | None, baseline: Sequence[Layer], posture: int | None
    ) -> None:
        self._admin = admin
        self._policies = policies
        # Behind NetworkPolicies there is nothing: what they do not allow, they deny.
        self._baseline = baseline if policies is None else ()
        self._posture = posture
        areas = [layer.matched for layer in (*admin, *self._baseline)]
        self._areas = [*areas, policies] if policies is not None else areas
        self._seen: dict[tuple[int, ...], int] = {}
        self._numbers: dict[Ports, int] = {}
        self.outcomes: list[Ports] = []

    def decide(self, identity: int) -> int:
        """The number of the ports that are allowed with peers of one identity."""
        seen = tuple(area.kinds.get(identity, 0) for area in self._areas)
        if seen not in self._seen:
            ports = tuple(self._column(identity, column) for column in range(len(_COLUMNS)))
            self._seen[seen] = self.number(ports)
        return self._seen[seen]

    def number(self, ports: Ports) -> int:
        """The ports' own number."""
        if ports not in self._numbers:
            self._numbers[ports] = len(self.outcomes)
            self.outcomes.append(ports)
        return self._numbers[ports]

    def _column(self, identity: int, column: int) -> Spans:
        allowed, left = _first_match(self._admin, identity, column, _FULL)
        if self._policies is not None:
            return union(allowed, intersect(_of(self._policies, identity, column), left))
        more, left = _first_match(self._baseline, identity, column, left)
        allowed = union(allowed, more)
        if self._posture is None:
            return allowed
        return union(allowed, (Span(low, high, self._posture) for low, high, _ in left))


def _of(area: Area, identity: int, column: int) -> Spans:
    return area.ports[area.kinds.get(identity, 0)][column]


def _first_match(layers: Iterable[Layer], identity: int, column: int, asked: Spans) -> tuple[Spans, Spans]:
    """Of the ports that are asked: what the tier accepts, and what it leaves to the next."""
    accepted: Spans = ()
    passed: Spans = ()
    for action, area in layers:
        found = intersect(_of(area, identity, column), asked)
        asked = subtract(asked, found)
        if action is Action.ACCEPT:
            accepted = union(accepted, found)
        elif action is Action.PASS:
            passed = union(passed, found)
    return accepted, union(asked, passed)


def _with_front(ports: Ports, front: Front, opened: int | None) -> Ports:
    """The ports with one of them opened or closed."""
    point = Span(front.port, front.port, opened or 0)
    return tuple(
        union(subtract(spans, (point,)), (point,) if opened is not None else ())
        if protocol == front.protocol
        else spans
        for protocol, spans in zip(_COLUMNS, ports, strict=True)
    )


def _as_rows(outcomes: Sequence[Ports], decided: Sequence[int], default: int) -> Allowance:
    common = outcomes[default]
    for number in set(decided):
        common = tuple(intersect(ours, theirs) for ours, theirs in zip(common, outcomes[number], strict=True))
    allowance = {(ANY, protocol): spans for protocol, spans in _rows_of(common)}
    rest: dict[int, list[tuple[int, Spans]]] = {}
    for identity, number in enumerate(decided):
        if number not in rest:
            left = (subtract(ours, theirs) for ours, theirs in zip(outcomes[number], common, strict=True))
            rest[number] = list(_rows_of(tuple(left)))
        for protocol, spans in rest[number]:
            allowance[identity, protocol] = spans
    return allowance


def _rows_of(ports: Ports) -> Iterator[tuple[int, Spans]]:
    """One row for every protocol where all are open; else each by itself, those without ports by number."""
    *with_ports, others = ports
    if all(map(_is_full, ports)):
        yield ANY_PROTOCOL, (Span(*ALL_PORTS, others[0].rule),)
        return
    yield from ((protocol, spans) for protocol, spans in zip(_WITH_PORTS, with_ports, strict=True) if spans)
    if others:
        yield from ((protocol, others) for protocol in _OTHERS)


def _is_full(spans: Spans) -> bool:
    return not subtract(_FULL, spans)
