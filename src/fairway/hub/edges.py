"""Edges out of flows: both agents' reports of one connection become one, Service addresses become their backends.

A connection between two pods is told twice. The server's agent knows both real ends, so its counters stand; the
client's adds its own retransmissions and denials, and the Service it dialled. Where no server's report is (the
server is no pod, or its agent saw nothing), the client's stands alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.columns import CLIENT, SERVER
from fairway.hub.rows import endpoint_of, rows_of
from fairway.kit.codes import Ints, distinct
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint

_KEYS: Final = (
    "client",
    "server",
    "port",
    "protocol",
    "family",
    "service",
    "reporter",
    "initiator_known",
    "category",
)
"""What reports are added up by; `client` and `server` are indices of endpoints."""
_SUMS: Final = (
    "connections",
    "sent_bytes",
    "received_bytes",
    "sent_packets",
    "received_packets",
    "failed",
    "resets",
    "severed",
    "retransmissions",
    "handshake_retransmissions",
    "timeouts",
    "handshake_timeouts",
    "connect_count",
    "connect_sum_us",
    "srtt_count",
    "srtt_sum_us",
    "denied",
    "would_deny",
)
_OF_EACH: Final = ("retransmissions", "handshake_retransmissions", "timeouts", "handshake_timeouts", "denied")
_OF_BOTH: Final = ("failed", "resets", "severed", "would_deny")
_TIMES: Final = (("connect_count", "connect_sum_us"), ("srtt_count", "srtt_sum_us"))

_Key = tuple[str, str, int, str]
_Backends = dict[tuple[str, int, str], set[tuple[str, int]]]


@dataclass(slots=True)
class _Report:
    """What agents on one side told of one edge, added up."""

    client: Endpoint
    client_key: str
    server: Endpoint
    server_key: str
    port: int
    protocol: str
    family: int
    service: str
    by_server: bool
    known: bool
    category: str
    counters: dict[str, int]
    first: datetime
    last: datetime

    @property
    def key(self) -> _Key:
        return self.client_key, self.server_key, self.port, self.protocol

    @property
    def mirrored(self) -> _Key:
        return self.server_key, self.client_key, self.port, self.protocol

    def add(self, other: "_Report") -> None:
        """Take in another report of the same traffic's other part."""
        for name in _SUMS:
            self.counters[name] += other.counters[name]
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.known |= other.known

    def flip(self) -> None:
        """The other end was the client after all."""
        self.client, self.server = self.server, self.client
        self.client_key, self.server_key = self.server_key, self.client_key
        self.by_server = not self.by_server
        for what in ("bytes", "packets"):
            sent, received = f"sent_{what}", f"received_{what}"
            self.counters[sent], self.counters[received] = self.counters[received], self.counters[sent]


def edges_of(flows: pa.Table) -> list[Edge]:
    """One Edge per (client, server, port, protocol), in the order of first sight."""
    # A pod's rest is no edge: it has no remote end.
    flows = flows.filter(pc.is_in(flows["kind"].cast(pa.string()), pa.array(["flow", "edge"])))
    return _combined(_reports(flows), _backends(flows))


def edges_of_reports(reports: pa.Table) -> list[Edge]:
    """The same out of what each side's agents told of each edge in all: rows of the database's `edges_seen`."""
    told = [_seen(row) for row in rows_of(reports)]
    return _combined(told, _backends(reports))


def _combined(reports: list[_Report], backends: _Backends) -> list[Edge]:
    oriented = _oriented(reports)
    edges = _merged([report for report in oriented if report.by_server])
    _add_clients(edges, _merged([report for report in oriented if not report.by_server]), backends)
    return sorted((_edge(report) for report in edges.values()), key=_order)


def _reports(flows: pa.Table) -> list[_Report]:
    staged = pc.equal(flows["staged"].cast(pa.string()), "deny")
    # A denial that dropped nothing was an audit of the policies in force: on trial as well.
    audited = pc.and_(pc.equal(flows["verdict"].cast(pa.string()), "deny"), pc.equal(flows["denied"], 0))
    would = pc.or_(staged, audited)
    moved = pc.greater(pc.add(flows["sent_packets"], flows["received_packets"]), 0)
    flows = flows.unify_dictionaries()
    clients, client = _endpoints(flows, "client")
    servers, server = _endpoints(flows, "server")
    table = (
        flows.drop_columns([*CLIENT, *SERVER])
        .append_column("client", pa.array(client))
        .append_column("server", pa.array(server))
        .append_column("would_deny", pc.if_else(would, flows["connections"], pa.scalar(0, pa.uint32())))
        .append_column("would_deny_open", pc.and_(would, moved).cast(pa.uint32()))
    )
    sums = [(name, "sum") for name in _SUMS]
    bounds = [("first_seen", "min"), ("last_seen", "max"), ("would_deny_open", "max")]
    grouped = table.group_by(list(_KEYS)).aggregate([*sums, *bounds])
    return [_report(row, clients[row["client"]], servers[row["server"]]) for row in rows_of(grouped)]


def _endpoints(flows: pa.Table, end: str) -> tuple[list[tuple[Endpoint, str]], Ints]:
    """The distinct endpoints at one end, each with the text that tells it from others; and each row's index."""
    columns = flows.select(CLIENT if end == "client" else SERVER)
    positions, groups = distinct(*(column.combine_chunks().indices.to_numpy() for column in columns.columns))
    found = [endpoint_of(row, end) for row in rows_of(columns.take(positions))]
    return [_keyed(one) for one in found], groups


def _keyed(one: Endpoint) -> tuple[Endpoint, str]:
    # Labels and the like may change; who it is does not.
    return one, f"{one.kind} {one.address} {one.namespace}/{one.name}"


def _report(row: dict[str, Any], client: tuple[Endpoint, str], server: tuple[Endpoint, str]) -> _Report:
    counters = {name: row[f"{name}_sum"] for name in _SUMS}
    # A connection that was open before the policies came is judged too, though none was opened.
    counters["would_deny"] = max(counters["would_deny"], row["would_deny_open_max"])
    bounds = row["first_seen_min"], row["last_seen_max"]
    return _told(row, client, server, counters, bounds)


def _seen(row: dict[str, Any]) -> _Report:
    client, server = (_keyed(endpoint_of(row, end)) for end in ("client", "server"))
    return _told(row, client, server, {name: row[name] for name in _SUMS}, (row["first_seen"], row["last_seen"]))


def _told(
    row: dict[str, Any],
    client: tuple[Endpoint, str],
    server: tuple[Endpoint, str],
    counters: dict[str, int],
    bounds: tuple[datetime, datetime],
) -> _Report:
    return _Report(
        client=client[0],
        client_key=client[1],
        server=server[0],
        server_key=server[1],
        port=row["port"],
        protocol=row["protocol"],
        family=row["family"],
        service=row["service"],
        by_server=row["reporter"] == "server",
        known=row["initiator_known"],
        category=row["category"],
        counters=counters,
        first=bounds[0],
        last=bounds[1],
    )


def _oriented(reports: list[_Report]) -> list[_Report]:
    """Turn reports without a known initiator to agree with one that knows, or with each other."""
    known = {report.key for report in reports if report.known}
    unknown = {report.key for report in reports if not report.known}
    for report in reports:
        if report.known or report.key in known:
            continue
        both_guess = report.mirrored in unknown and report.key > report.mirrored
        if report.mirrored in known or both_guess:
            report.flip()
    return reports


def _merged(reports: list[_Report]) -> dict[_Key, _Report]:
    """One report per key: the newest endpoint stands for one whose labels changed meanwhile."""
    merged: dict[_Key, _Report] = {}
    for report in sorted(reports, key=lambda report: (report.last, report.first), reverse=True):
        if (present := merged.get(report.key)) is None:
            merged[report.key] = report
        else:
            present.add(report)
    return merged


def _add_clients(edges: dict[_Key, _Report], told: dict[_Key, _Report], backends: _Backends) -> None:
    """Lay the clients' reports over the servers'."""
    served: dict[tuple[str, str, str], list[_Report]] = {}
    for edge in edges.values():
        served.setdefault((edge.client_key, edge.server.address, edge.protocol), []).append(edge)
    for key, report in told.items():
        if (twin := edges.get(key)) is not None:
            _overlay(twin, report)
            twin.first, twin.last = min(twin.first, report.first), max(twin.last, report.last)
            twin.known |= report.known
            continue
        ends = backends.get((report.server.address, report.port, report.protocol), ())
        among = (edge for address, _ in ends for edge in served.get((key[0], address, report.protocol), ()))
        behind = {edge.key: edge for edge in among if (edge.server.address, edge.port) in ends}
        if not behind:
            edges[key] = report
            continue
        for edge in behind.values():
            edge.service = max(edge.service, report.service)
        # Which backend the client's own figures belong to is not known: the busiest stands for all.
        _overlay(max(behind.values(), key=lambda edge: (edge.counters["connections"], edge.key)), report)


def _overlay(edge: _Report, report: _Report) -> None:
    """Add what only the client's agent can know. Where both know of a connection the larger figure stands; times
    are the client's, who waited."""
    for name in _OF_EACH:
        edge.counters[name] += report.counters[name]
    for name in _OF_BOTH:
        edge.counters[name] = max(edge.counters[name], report.counters[name])
    for count, total in _TIMES:
        if report.counters[count]:
            edge.counters[count], edge.counters[total] = report.counters[count], report.counters[total]


def _backends(flows: pa.Table) -> _Backends:
    """Where each Service's connections ended, by what its flows say."""
    names = ["server_address", "port", "protocol", "backends"]
    found: _Backends = {}
    for row in rows_of(flows.select(names).unify_dictionaries().group_by(names).aggregate([])):
        if row["backends"]:
            ends = found.setdefault((row["server_address"], row["port"], row["protocol"]), set())
            ends.update(msgspec.json.decode(row["backends"], type=list[tuple[str, int]]))
    return found


def _edge(report: _Report) -> Edge:
    return Edge(
        client=report.client,
        server=report.server,
        port=report.port,
        protocol=report.protocol,
        family=report.family,
        first_seen=report.first,
        last_seen=report.last,
        service=report.service,
        initiator_known=report.known,
        category=report.category,
        **report.counters,
    )


def _order(edge: Edge) -> tuple[datetime, str, str, int, str]:
    return edge.first_seen, edge.client.address, edge.server.address, edge.port, edge.protocol
