"""Doors: protocols and ports, as many as the rules of some policies tell apart. A set of them is one number."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from itertools import chain, pairwise
from typing import Final

from fairway.policy.intervals import ALL_PORTS
from fairway.policy.model import Pod, PolicySet, Ports

_PROTOCOLS: Final = ("TCP", "UDP", "SCTP", "")
"""The last stands for all without ports, whose doors only rules without `ports` open."""
_HIGHEST: Final = ALL_PORTS[1]


class Doors:
    """A protocol has a door between any two ports where what some rule says begins or has ended.

    `before[port]` counts the doors of a protocol before that of a port; `every` is the set of all doors.
    """

    def __init__(self, policies: PolicySet, pods: Iterable[Pod]) -> None:
        rules = [r for p in policies.policies for r in chain(p.ingress or (), p.egress or ())]
        rules += [wrapped.rule for p in policies.tiered for wrapped in chain(p.ingress, p.egress)]
        ranges = [(p.port, p.end or p.port) for rule in rules for p in rule.ports or () if isinstance(p.port, int)]
        ranges += [(port.number, port.number) for pod in pods for port in pod.ports]
        cuts = {cut for low, high in ranges for cut in (low, high + 1)}
        self._cuts = sorted(cuts - {0, _HIGHEST + 1})
        size = "B" if len(self._cuts) < 256 else "H"
        self.before = array(size)
        for index, (low, high) in enumerate(pairwise((0, *self._cuts, _HIGHEST + 1))):
            self.before += array(size, (index,)) * (high - low)
        self._width = len(self._cuts) + 1
        self.every = (1 << len(_PROTOCOLS) * self._width) - 1

    def first(self, protocol: str) -> int:
        """The number of a protocol's first door."""
        return self._width * _PROTOCOLS.index(protocol if protocol in _PROTOCOLS else "")

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
        return f"{doors:0{len(_PROTOCOLS) * self._width}b}"[::-1]
