"""Outside: who an address is that the cluster never had, by published ranges and by DNS answers."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

import msgspec

from fairway.cloud.ranges import Ranges
from fairway.hub.owners import Holding
from fairway.wire.address import V4_PREFIX, text
from fairway.wire.endpoint import Endpoint, Kind

OUTLIVES_US: Final = 3_600_000_000
"""A connection may be older than the DNS answer it was opened by: so long after its end an answer still names."""
LONGEST_TTL: Final = 86400
"""Seconds that an answer is taken to hold at most."""
MOST_ADDRESSES: Final = 1 << 16
"""With names by DNS; the one that was first answered for makes room."""
MOST_NAMES: Final = 8
"""Of one address; a name that came before these is forgotten."""
_MOST_KNOWN: Final = 1 << 18


class Outside:
    """Addresses outside. `networks` are the cluster's own, as `network` cuts them: whoever is there is unknown."""

    def __init__(self, ranges: Ranges | None) -> None:
        self.ranges = ranges
        self.networks: set[bytes] = set()
        self._known: dict[bytes, Endpoint] = {}
        self._answers: dict[bytes, list[Holding]] = {}

    def changed(self) -> None:
        """The ranges or the cluster's networks did."""
        self._known.clear()

    def at(self, address: bytes) -> Endpoint:
        """Who it is, whatever it is called; always the same object until something changed."""
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[address] = self._classify(address)
        return known

    def holdings(self, address: bytes) -> list[Holding]:
        """The names it had, and when."""
        return self._answers.get(address, [])

    def answered(self, address: bytes, name: str, at_us: int, until: int) -> bool:
        """DNS said so; whether that is news. A name that goes on only lasts longer."""
        names = self._answers.get(address, [])
        last = names[-1] if names else None
        if last and at_us < last.since:
            return False  # late, and what came after it is known
        if last and last.endpoint.name == name:
            names[-1] = last._replace(until=max(last.until, until))
            return until > last.until + OUTLIVES_US // 2
        end = self.at(address)
        if end.kind is not Kind.EXTERNAL:
            return False
        if last:
            names[-1] = last._replace(until=min(last.until, at_us))
        if address not in self._answers and len(self._answers) >= MOST_ADDRESSES:
            del self._answers[next(iter(self._answers))]
        began = Holding(at_us, until, msgspec.structs.replace(end, name=name))
        self._answers[address] = [*names, began][-MOST_NAMES:]
        return True

    def answers(self, since_us: int) -> Iterator[Holding]:
        """All names that held at `since_us` or later."""
        for names in self._answers.values():
            yield from (holding for holding in names if holding.until > since_us)

    def _classify(self, address: bytes) -> Endpoint:
        parsed = ip_address(text(address))
        if service := self.ranges.service(parsed) if self.ranges else None:
            return Endpoint(kind=Kind.CLOUD, address=str(parsed), name=service)
        nobodys = parsed.is_multicast or parsed.is_unspecified or (parsed.version == 6 and parsed.is_link_local)
        inside = nobodys or network(address) in self.networks
        return Endpoint(kind=Kind.UNKNOWN if inside else Kind.EXTERNAL, address=str(parsed))


def network(address: bytes) -> bytes:
    """The /24 or /64 that an address is in."""
    return address[:15] if address.startswith(V4_PREFIX) else address[:8]
