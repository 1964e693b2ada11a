"""Fronts: Service addresses. A Service's port is open to a pod if every backend is, at the backend's own port."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

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


Shape = tuple[tuple[int, int, tuple[int, ...]], ...]
"""Of a Service: each of its ports with its backends' ports. Services of one shape whose backends no rule names
are all alike."""


@dataclass(frozen=True)
class Fronts:
    """The Service addresses that have backends, by identity."""

    ports: Mapping[int, tuple[Front, ...]]
    behind: Mapping[int, Iterable[int]]
    """The Service identities by the identities of their backends."""
    shapes: Mapping[Shape, tuple[int, ...]]

    def opened(self, grant: Grant) -> Grant:
        """The grant of an egress group, with what follows for Service addresses."""
        reached = {front for identity in grant.own for front in self.behind.get(identity, ())}
        own = {front: self.of(grant, front) for front in sorted(reached)}
        if grant.default != SHUT:
            for members in self.shapes.values():
                alike = next((front for front in members if front not in reached), None)
                if alike is not None and (openings := self.of(grant, alike)) != grant.default:
                    own.update((front, openings) for front in members if front not in reached)
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
    ports: dict[int, tuple[Front, ...]] = {}
    behind: dict[int, set[int]] = defaultdict(set)
    shapes: dict[Shape, list[int]] = defaultdict(list)
    for service in services:
        for address in service.addresses:
            identity = identities.services.get(address)
            fronts = () if identity is None else tuple(_fronts(service, address, identities))
            if identity is None or not fronts:
                continue
            ports[identity] = fronts
            for front in fronts:
                for target, _ in front.targets:
                    behind[target].add(identity)
            shapes[_shape(fronts)].append(identity)
    return Fronts(ports, behind, {shape: tuple(sorted(members)) for shape, members in shapes.items()})


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
