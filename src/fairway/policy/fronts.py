"""Fronts: Service addresses. A Service's port is open to a pod if every backend is, at the backend's own port."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

from fairway.policy.grants import OTHERS, SHUT, Grant, Openings, column_of
from fairway.policy.identities import Identities
from fairway.policy.intervals import Span, rule_at, subtract, union
from fairway.policy.model import Service
from fairway.wire.words import PROTOCOL_NUMBERS


class Front(NamedTuple):
    """One port of a Service address, and what stands behind it as (identity, port)."""

    column: int
    port: int
    targets: tuple[tuple[int, int], ...]


K = TypeVar("K")
Shape = tuple[tuple[int, int, tuple[int, ...]], ...]
"""Of a Service: each of its ports with its backends' ports. Services of one shape whose backends no rule names
are all alike."""


@dataclass(frozen=True)
class Fronts:
    """The Service addresses that have backends, by identity."""

    ports: Mapping[int, tuple[Front, ...]]
    behind: Mapping[int, frozenset[int]]
    """The Service identities by the identities of their backends."""
    shapes: Mapping[Shape, frozenset[int]]
    services: Mapping[int, tuple[Service, str]]
    """Each with the address that the identity stands for."""
    at: Mapping[str, frozenset[int]]
    """The Service identities by the addresses of their backends."""

    def behind_one(self, front: int) -> set[int]:
        """The identities of a Service's backends."""
        return _targets(self.ports.get(front, ()))

    def opened(self, grant: Grant) -> Grant:
        """The grant of an egress group, with what follows for Service addresses."""
        reached = {front for identity in grant.own for front in self.behind.get(identity, ())}
        own = {front: self.of(grant, front) for front in sorted(reached)}
        if grant.default != SHUT:
            for members in self.shapes.values():
                rest = members - reached
                if rest and (openings := self.of(grant, next(iter(rest)))) != grant.default:
                    own.update((front, openings) for front in sorted(rest))
        found = {front: openings for front, openings in own.items() if openings != grant.default}
        return replace(grant, own={**grant.own, **found}) if found else grant

    def of(self, grant: Grant, front: int) -> Openings:
        """What a group may open with one Service address."""
        columns = list(grant.default)
        for column, port, targets in self.ports.get(front, ()):
            rules = [rule_at(grant.of(identity)[column], number) for identity, number in targets]
            opened = () if None in rules else (Span(port, port, rules[0] or 0),)
            columns[column] = union(subtract(columns[column], (Span(port, port, 0),)), opened)
        one, two, three, other = columns
        return one, two, three, other


def find_fronts(services: Iterable[Service], identities: Identities) -> Fronts:
    """The fronts of a cluster's Services; backends are those of the address's own family."""
    places = {
        identities.services[address]: (service, address)
        for service in services
        for address in service.addresses
        if address in identities.services
    }
    return moved(Fronts({}, {}, {}, {}, {}), places, identities)


def moved(fronts: Fronts, places: Mapping[int, tuple[Service, str]], identities: Identities) -> Fronts:
    """The same, but for some Services that have other backends, or other identities behind them."""
    ports = dict(fronts.ports)
    behind, shapes, at = _Index(fronts.behind), _Index(fronts.shapes), _Index(fronts.at)
    for identity, (service, address) in places.items():
        for target in _targets(before := ports.pop(identity, ())):
            behind.remove(target, identity)
        if before:
            shapes.remove(_shape(before), identity)
        now = tuple(_fronts(service, address, identities))
        if now:
            ports[identity] = now
            shapes.add(_shape(now), identity)
        for target in _targets(now):
            behind.add(target, identity)
        for backend in _backends(fronts.services[identity][0]) if identity in fronts.services else ():
            at.remove(backend, identity)
        for backend in _backends(service):
            at.add(backend, identity)
    return Fronts(ports, behind.sets(), shapes.sets(), {**fronts.services, **places}, at.sets())


class _Index(Generic[K]):
    """Sets by key, of which only those that change are copied, once."""

    def __init__(self, sets: Mapping[K, frozenset[int]]) -> None:
        self._sets = dict(sets)
        self._own: dict[K, set[int]] = {}

    def add(self, key: K, identity: int) -> None:
        self._copied(key).add(identity)

    def remove(self, key: K, identity: int) -> None:
        self._copied(key).discard(identity)

    def _copied(self, key: K) -> set[int]:
        if key not in self._own:
            self._own[key] = set(self._sets.get(key, ()))
        return self._own[key]

    def sets(self) -> dict[K, frozenset[int]]:
        self._sets.update((key, frozenset(held)) for key, held in self._own.items())
        return self._sets


def _backends(service: Service) -> set[str]:
    return {address for port in service.ports for address, _ in port.backends}


def _targets(fronts: tuple[Front, ...]) -> set[int]:
    return {target for front in fronts for target, _ in front.targets}


def _fronts(service: Service, address: str, identities: Identities) -> Iterable[Front]:
    for port in service.ports:
        column = column_of(PROTOCOL_NUMBERS.get(port.protocol, 255))
        targets = tuple(
            dict.fromkeys(
                (identities.of(backend), number)
                for backend, number in port.backends
                if (":" in backend) == (":" in address)
            )
        )
        if targets and column != OTHERS:
            yield Front(column, port.port, targets)


def _shape(fronts: tuple[Front, ...]) -> Shape:
    return tuple((column, port, tuple(sorted({n for _, n in targets}))) for column, port, targets in fronts)
