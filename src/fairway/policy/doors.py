"""Doors: protocols and ports, as many as the rules of some policies tell apart. A set of them is one number."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import Final

from fairway.policy.intervals import ALL_PORTS
from fairway.policy.model import Pod, PolicySet, Ports, Service

_PROTOCOLS: Final = ("TCP", "UDP", "SCTP", "")
"""The last stands for all without ports, whose doors only rules without `ports` open."""
_HIGHEST: Final = ALL_PORTS[1]


class Doors:
    """A protocol has a door between any two ports where what some rule says begins or has ended; ports that pods
    name or Services have, have doors of their own.

    `before[port]` counts the doors of a protocol before that of a port; `every` is the set of all doors.
    """

    def __init__(self, policies: PolicySet, pods: Iterable[Pod], services: Iterable[Service] = ()) -> None:
        rules = [r for p in policies.policies for r in chain(p.ingress or (), p.egress or ())]
        rules += [wrapped.rule for p in policies.tiered for wrapped in chain(p.ingress, p.egress)]
        ranges = [(p.port, p.end or p.port) for rule in rules for p in rule.ports or () if isinstance(p.port, int)]
        ranges += [(port.number, port.number) for pod in pods for port in pod.ports]
        ranges += [(port.port, port.port) for service in services for port in service.ports]
        cuts = {cut for low, high in ranges for cut in (low, high + 1)}
        self._cuts = sorted(cuts - {0, _HIGHEST + 1})
        between = enumerate(pairwise((0, *self._cuts, _HIGHEST + 1)))
        self.before: Sequence[int]
        if len(self._cuts) < 256:
            self.before = b"".join([bytes((count,)) * (high - low) for count, (low, high) in between])
        else:
            self.before = [count for count, (low, high) in between for _ in range(low, high)]
        width = len(self._cuts) + 1
        self._first = {protocol: index * width for index, protocol in enumerate(_PROTOCOLS)}
        self._count = len(_PROTOCOLS) * width
        self.every = (1 << self._count) - 1

    def first(self, protocol: str) -> int:
        """The number of a protocol's first door."""
        return self._first.get(protocol, self._first[""])

    def of(self, element: Ports) -> int:
        """The doors of an element of `ports` without a name."""
        low = element.port if isinstance(element.port, int) else 0
        high = element.end or low or _HIGHEST
        first = self.first(element.protocol)
        return (2 << first + bisect_right(self._cuts, high)) - (1 << first + bisect_right(self._cuts, low))

    def at(self, protocol: str, port: int) -> int:
        """The door of one port."""
        return 1 << self.first(protocol) + self.before[port]

    def digits(self, doors: int) -> str:
        """`1` for each door, in order, that is among these, else `0`."""
        return f"{doors:0{self._count}b}"[::-1]
