"""flatten: tiers in which the first rule wins become rows that only allow.

Ports are decided identity by identity and protocol by protocol, in the order of the tiers. What every identity may
do is said once for ANY; whatever one of them is denied, ANY does not say, and the others say it themselves.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from fairway.policy.intervals import ALL_PORTS, Span, Spans, intersect, rule_at, subtract, union
from fairway.policy.model import Action
from fairway.policy.rows import Allowance, canonical
from fairway.wire.rules import ANY
from fairway.wire.words import ANY_PROTOCOL, PROTOCOL_NUMBERS

_WITH_PORTS: Final = tuple(PROTOCOL_NUMBERS[name] for name in ("TCP", "UDP", "SCTP"))
_COLUMNS: Final = (*_WITH_PORTS, ANY_PROTOCOL)
"""What is decided apart: the protocols with ports, and all others alike."""
_OTHERS: Final = tuple(number for number in range(1, 256) if number not in _WITH_PORTS)
_FULL: Final[Spans] = (Span(*ALL_PORTS, 0),)

Ports = tuple[Spans, ...]
"""By column."""


class Layer(NamedTuple):
    """One rule of a tier: what happens to what it matches, the spans under its own number."""

    action: Action
    matched: Allowance


class Front(NamedTuple):
    """One port of a Service address, and what stands behind it as (identity, port)."""

    identity: int
    protocol: int
    port: int
    targets: tuple[tuple[int, int], ...]


class _Area:
    """An allowance that can be asked by identity; one without rows of its own has those of ANY."""

    def __init__(self, allowance: Allowance) -> None:
        self.named = {identity for identity, _ in allowance} - {ANY}
        self._allowance = allowance
        self.any = self._read(ANY, ((),) * len(_COLUMNS))

    def of(self, identity: int) -> Ports:
        return self._read(identity, self.any) if identity in self.named else self.any

    def _read(self, identity: int, others: Ports) -> Ports:
        every = self._allowance.get((identity, ANY_PROTOCOL), ())
        return tuple(
            union(union(self._allowance.get((identity, protocol), ()), every), base)
            for protocol, base in zip(_COLUMNS, others, strict=True)
        )


def flattened(
    admin: Sequence[Layer],
    policies: Allowance | None,
    baseline: Sequence[Layer],
    posture: int | None,
    fronts: Iterable[Front],
    identities: int,
) -> Allowance:
    """The permissions that the tiers leave, canonical.

    `policies` None: no NetworkPolicy isolates; `posture` is the rule's number if it allows. `fronts` are the
    Service ports that are open if all their targets are; `identities` counts those that there are.
    """
    course = _Course(admin, policies, baseline, posture)
    decided = {identity: course.decide(identity) for identity in sorted(course.named)}
    default = course.decide(ANY)
    for front in fronts:
        if front.protocol not in _WITH_PORTS:
            continue
        rules = [
            rule_at(decided.get(target, default)[_COLUMNS.index(front.protocol)], port)
            for target, port in front.targets
        ]
        opened = None if None in rules else rules[0]
        ports = decided.get(front.identity, default)
        fitted = _with_front(ports, front, opened)
        if fitted != ports:
            decided[front.identity] = fitted
    return _as_rows(default, decided, identities)


class _Course:
    """The tiers in their order; identities that no rule tells apart are decided once."""

    def __init__(
        self, admin: Sequence[Layer], policies: Allowance | None, baseline: Sequence[Layer], posture: int | None
    ) -> None:
        self._admin = [(layer.action, _Area(layer.matched)) for layer in admin]
        self._policies = None if policies is None else _Area(policies)
        # Behind NetworkPolicies there is nothing: what they do not allow, they deny.
        self._baseline = [(layer.action, _Area(layer.matched)) for layer in baseline] if policies is None else []
        self._posture = posture
        areas = [area for _, area in (*self._admin, *self._baseline)]
        self._areas = [*areas, *((self._policies,) if self._policies else ())]
        self.named = {identity for area in self._areas for identity in area.named}
        self._decided: dict[tuple[Ports, ...], Ports] = {}

    def decide(self, identity: int) -> Ports:
        """The ports that are allowed with peers of one identity."""
        seen = tuple(area.of(identity) for area in self._areas)
        if seen not in self._decided:
            self._decided[seen] = tuple(self._column(identity, column) for column in range(len(_COLUMNS)))
        return self._decided[seen]

    def _column(self, identity: int, column: int) -> Spans:
        allowed, left = _first_match(self._admin, identity, column, _FULL)
        if self._policies is not None:
            return union(allowed, intersect(self._policies.of(identity)[column], left))
        more, left = _first_match(self._baseline, identity, column, left)
        allowed = union(allowed, more)
        if self._posture is None:
            return allowed
        return union(allowed, (Span(low, high, self._posture) for low, high, _ in left))


def _first_match(
    layers: Iterable[tuple[Action, _Area]], identity: int, column: int, asked: Spans
) -> tuple[Spans, Spans]:
    """Of the ports that are asked: what the tier accepts, and what it leaves to the next."""
    accepted: Spans = ()
    passed: Spans = ()
    for action, area in layers:
        found = intersect(area.of(identity)[column], asked)
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


def _as_rows(default: Ports, decided: dict[int, Ports], identities: int) -> Allowance:
    common = default
    for ports in set(decided.values()):
        common = tuple(intersect(ours, theirs) for ours, theirs in zip(common, ports, strict=True))
    rows = _rows_of(ANY, common)
    for identity in range(identities):
        ports = decided.get(identity, default)
        rest = tuple(subtract(ours, theirs) for ours, theirs in zip(ports, common, strict=True))
        rows |= _rows_of(identity, rest)
    return canonical(rows)


def _rows_of(identity: int, ports: Ports) -> Allowance:
    """One row for every protocol where all are open; else each by itself, those without ports by number."""
    *with_ports, others = ports
    if all(map(_is_full, ports)):
        return {(identity, ANY_PROTOCOL): (Span(*ALL_PORTS, others[0].rule),)}
    rows = {(identity, protocol): spans for protocol, spans in zip(_WITH_PORTS, with_ports, strict=True) if spans}
    if others:
        rows |= {(identity, protocol): others for protocol in _OTHERS}
    return rows


def _is_full(spans: Spans) -> bool:
    return not subtract(_FULL, spans)
