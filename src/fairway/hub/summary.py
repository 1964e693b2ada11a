"""Edges added up for people: by workload or by pod, the busiest first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from fairway.kit import show
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

_SUMS: Final = (
    *("connections", "sent_bytes", "received_bytes", "denied", "would_deny"),
    *("failed", "resets", "severed", "retransmissions", "timeouts"),
    *("connect_count", "connect_sum_us", "srtt_count", "srtt_sum_us"),
)


@dataclass(slots=True)
class Line:
    """Edges with the same client, server, port and protocol as a person would name them."""

    client: str
    server: str
    port: int
    protocol: str
    service: str
    first_seen: datetime
    last_seen: datetime
    connections: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    failed: int = 0
    resets: int = 0
    severed: int = 0
    retransmissions: int = 0
    timeouts: int = 0
    connect_count: int = 0
    connect_sum_us: int = 0
    srtt_count: int = 0
    srtt_sum_us: int = 0
    denied: int = 0
    would_deny: int = 0
    edges: int = 0
    initiator_known: bool = False
    families: set[int] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)

    def add(self, edge: Edge) -> None:
        """Count one edge in."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(edge, name))
        self.service = max(self.service, edge.service)
        self.first_seen = min(self.first_seen, edge.first_seen)
        self.last_seen = max(self.last_seen, edge.last_seen)
        self.initiator_known |= edge.initiator_known
        self.families.add(edge.family)
        self.categories.add(edge.category)
        self.edges += 1

    def record(self) -> dict[str, Any]:
        """For JSON and YAML: plain values under stable names."""
        return {
            "client": self.client,
            "server": self.server,
            "port": self.port,
            "protocol": self.protocol,
            "service": self.service,
            "connections": self.connections,
            "sent_bytes": self.sent_bytes,
            "received_bytes": self.received_bytes,
            "failed": self.failed,
            "resets": self.resets,
            "severed": self.severed,
            "retransmissions": self.retransmissions,
            "timeouts": self.timeouts,
            "connect_mean_us": _mean(self.connect_sum_us, self.connect_count),
            "srtt_mean_us": _mean(self.srtt_sum_us, self.srtt_count),
            "denied": self.denied,
            "would_deny": self.would_deny,
            "categories": sorted(self.categories),
            "families": sorted(self.families),
            "edges": self.edges,
            "initiator_known": self.initiator_known,
            "first_seen": self.first_seen.isoformat(),
            "last_seen": self.last_seen.isoformat(),
        }

    def cells(self) -> dict[str, str]:
        """For a table."""
        verdicts = [f"denied {self.denied} packets"] * bool(self.denied)
        verdicts += [f"would deny {self.would_deny}"] * bool(self.would_deny)
        health = [f"{getattr(self, name)} {name}" for name in ("failed", "severed") if getattr(self, name)]
        return {
            "client": self.client if self.initiator_known else f"{self.client} ?",
            "server": self.server,
            "port": port_name(self.port, self.protocol),
            "conns": str(self.connections),
            "sent": show.size(self.sent_bytes),
            "received": show.size(self.received_bytes),
            "retr": str(self.retransmissions),
            "category": ", ".join(sorted(self.categories))
            .replace("inter-zone, intra-zone", "both zones")
            .replace("-zone", " zone"),
            "verdicts": ", ".join(verdicts + health),
        }


def _mean(total: int, count: int) -> int | None:
    return round(total / count) if count else None


def port_name(port: int, protocol: str) -> str:
    """`8080/TCP`; `53/UDP dns`: DNS is told apart by its port; `ICMP` alone."""
    if not port:
        return protocol
    return f"{port}/{protocol}" + (" dns" if port == 53 and protocol in {"TCP", "UDP"} else "")


def title(end: Endpoint) -> str:
    """An endpoint at the grain of pods."""
    if end.kind is Kind.SERVICE:
        return f"service {end.namespace}/{end.name}"
    return f"{end.name} {end.address}" if end.kind is Kind.CLOUD else end.title


def group(end: Endpoint) -> str:
    """An endpoint at the grain of workloads."""
    return title(end) if end.kind is Kind.SERVICE else end.group


def summarise(edges: Iterable[Edge], *, pods: bool = False) -> list[Line]:
    """Lines by bytes, connections and denials, the most first."""
    name: Callable[[Endpoint], str] = title if pods else group
    lines: dict[tuple[str, str, int, str], Line] = {}
    for edge in edges:
        key = (name(edge.client), name(edge.server), edge.port, edge.protocol)
        line = lines.setdefault(key, Line(*key, edge.service, edge.first_seen, edge.last_seen))
        line.add(edge)
    return sorted(lines.values(), key=_rank)


def _rank(line: Line) -> tuple[int, int, int, str, str, int]:
    volume = line.sent_bytes + line.received_bytes
    return -volume, -line.connections, -(line.denied + line.would_deny), line.client, line.server, line.port
