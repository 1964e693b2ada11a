"""Doors: protocols and ports, as many as some rules tell apart, each a bit. A set of them is one number."""

from bisect import bisect_right
from collections.abc import Iterable

_PROTOCOLS = ("TCP", "UDP", "SCTP")


class Doors:
    """The doors between ports where some rule begins or has ended (`cuts`); one more for the protocols that have no
    ports, which rules without ports alone can open."""

    def __init__(self, cuts: Iterable[int]) -> None:
        self._cuts = sorted({*cuts})
        width = len(self._cuts) + 1
        self._first = {protocol: index * width for index, protocol in enumerate(_PROTOCOLS)}
        self._portless = 1 << len(_PROTOCOLS) * width
        self.every = 2 * self._portless - 1

    def at(self, protocol: str, port: int) -> int:
        """The door of one port."""
        first = self._first.get(protocol)
        return self._portless if first is None else 1 << first + bisect_right(self._cuts, port)

    def between(self, protocol: str, low: int, high: int) -> int:
        """The doors of a range of ports, both ends included, whose beginning and end are cuts."""
        first = self._first[protocol]
        last = bisect_right(self._cuts, high)
        return (2 << first + last) - (1 << first + bisect_right(self._cuts, low))
