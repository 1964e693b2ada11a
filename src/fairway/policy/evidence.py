"""Evidence: what was seen of the traffic behind a rule, in one line of a comment."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from fairway.policy.sift import Seen
from fairway.wire.endpoint import Endpoint, Kind

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Evidence:
    """Connections and IP bytes (both ways) added up; which of the subject's replicas took part."""

    connections: int = 0
    bytes: int = 0
    first: datetime = _LATEST
    last: datetime = _EARLIEST
    replicas: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    rulings: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)
    """What must be allowed although it may not have been seen, and why."""
    names: set[str] = field(default_factory=set)
    """By which the address outside was looked up."""

    def add(self, seen: Seen, subject: Endpoint) -> None:
        """Take in one edge of the workload that `subject` is a replica of."""
        edge = seen.edge
        self.connections += edge.connections
        self.bytes += edge.sent_bytes + edge.received_bytes
        self.first = min(self.first, _utc(edge.first_seen))
        self.last = max(self.last, _utc(edge.last_seen))
        self.replicas.add(subject.name)
        if seen.service:
            self.services.add(seen.service)
        self.names |= {end.name for end in (edge.client, edge.server) if end.kind is Kind.EXTERNAL and end.name}
        if seen.ruling:
            self.rulings.add(seen.ruling)

    def merge(self, other: "Evidence") -> None:
        """Take in the evidence of another peer."""
        self.connections += other.connections
        self.bytes += other.bytes
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.replicas |= other.replicas
        self.services |= other.services
        self.rulings |= other.rulings
        self.needs |= other.needs
        self.names |= other.names

    def line(self, replicas: int, unit: str = "replicas") -> str:
        """`42 connections, 10.2 KiB, 2026-11-22 20:10 to 20:14 UTC, 2 of 2 replicas, dialled orders/orders:80`."""
        if self.first > self.last:  # nothing was seen
            return ", ".join((*sorted(self.rulings), *sorted(self.needs)))
        parts = [
            f"{self.connections} connection{'' if self.connections == 1 else 's'}",
            _size(self.bytes),
            _period(self.first, self.last),
            f"{len(self.replicas)} of {max(replicas, len(self.replicas))} {unit}",
        ]
        if self.services:
            parts.append(f"dialled {', '.join(sorted(self.services))}")
        if self.names:
            parts.append(f"looked up as {', '.join(sorted(self.names))}")
        return ", ".join((*parts, *sorted(self.rulings), *sorted(self.needs)))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _period(first: datetime, last: datetime) -> str:
    start, end = f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}"
    if start == end:
        return f"{start} UTC"
    return f"{start} to {end[11:] if start[:10] == end[:10] else end} UTC"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
