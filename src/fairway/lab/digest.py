"""Edges in a few lines for a person: what is alike stands together, told apart by what it is for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from fairway.hub.summary import port_name
from fairway.kit import show
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

PROBE, DNS, SCRAPE, CLOUD, OUTSIDE, CLUSTER = "probe", "DNS", "scrape", "cloud service", "external", "cluster"
_TITLES: Final = {
    CLUSTER: "in the cluster",
    CLOUD: "cloud services, by published ranges",
    OUTSIDE: "outside",
    DNS: "DNS",
    SCRAPE: "scrapes",
    PROBE: "probes, each node to its own pods",
}


@dataclass(slots=True)
class Line:
    """Edges of one purpose between the same two ends, or of many alike ends."""

    what: str
    clients: set[str] = field(default_factory=set)
    servers: set[str] = field(default_factory=set)
    ports: set[str] = field(default_factory=set)
    zones: set[str] = field(default_factory=set)
    connections: int = 0
    bytes: int = 0
    retransmissions: int = 0

    def add(self, edge: Edge) -> None:
        self.clients.add(edge.client.group)
        self.servers.add(edge.server.group)
        self.ports.add(port_name(edge.port, edge.protocol).removesuffix(" dns"))
        self.zones.add(edge.category)
        self.connections += edge.connections
        self.bytes += edge.sent_bytes + edge.received_bytes
        self.retransmissions += edge.retransmissions

    def cells(self) -> dict[str, Any]:
        crossed = [word for zone, word in (("intra-zone", "same"), ("inter-zone", "cross")) if zone in self.zones]
        return {
            "client → server": f"{_few(self.clients)} → {_few(self.servers)}",
            "port": _few(self.ports, "ports"),
            "flows": self.connections or "older",
            "bytes": show.size(self.bytes),
            "retr": self.retransmissions,
            "zone": "both" if len(crossed) == 2 else "".join(crossed),
        }


def purpose(edge: Edge) -> str:
    """What an edge is for, as far as addresses and ports tell."""
    if edge.client.kind is Kind.NODE:
        return PROBE
    if edge.port == 53 and edge.protocol in {"TCP", "UDP"}:
        return DNS
    if edge.client.workload.endswith("/prometheus"):
        return SCRAPE
    ends = {edge.client.kind, edge.server.kind}
    if Kind.CLOUD in ends:
        return CLOUD
    return OUTSIDE if ends & {Kind.EXTERNAL, Kind.UNKNOWN} else CLUSTER


def digest(edges: Iterable[Edge]) -> dict[str, list[Line]]:
    """Lines by purpose, within each by bytes, the most first."""
    lines: dict[tuple[str, ...], Line] = {}
    for edge in edges:
        what = purpose(edge)
        lines.setdefault((what, *_ends(what, edge)), Line(what)).add(edge)
    ranked = sorted(lines.values(), key=lambda line: -line.bytes)
    return {_TITLES[what]: [line for line in ranked if line.what == what] for what in _TITLES}


def _ends(what: str, edge: Edge) -> tuple[str, ...]:
    """What keeps a line apart from others of its purpose."""
    if what == PROBE:
        return ()
    if what == SCRAPE:
        return (edge.client.group,)
    if what == DNS:
        return (edge.server.group if edge.server.kind is Kind.POD else OUTSIDE,)
    client = edge.client.group if edge.client.kind is Kind.POD else OUTSIDE
    return client, _server(edge.server), port_name(edge.port, edge.protocol)


def _server(end: Endpoint) -> str:
    return end.group if end.kind in {Kind.POD, Kind.CLOUD} else OUTSIDE


def _few(names: set[str], what: str = "") -> str:
    """The one name; of several how many they are, and of what sort if all are of one."""
    if len(names) == 1:
        return next(iter(names))
    sort = what or ("nodes" if all(n[:1].isalpha() and not {"/", "."} & set(n) for n in names) else "")
    return f"{len(names)} {sort or ('workloads' if all('/' in n for n in names) else 'addresses')}"
