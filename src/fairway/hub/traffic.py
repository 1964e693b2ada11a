"""Traffic: what came in, added up for metrics: by category, between zones, and edges that are new or were denied.

An edge here is between workloads, as on the map; addresses outside go by their DNS name or their network. What was
seen before the hub's start is known from the database, so that a restart makes nothing new.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_network
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.kit.codes import Words, distinct, words_of
from fairway.kit.openmetrics import Family, counter, gauge

MOST_KNOWN: Final = 200_000
"""Edges that are remembered; of more the first ones are forgotten, and are new when they come again."""
MOST_PAIRS: Final = 1024
"""Pairs of zones with series of their own; what is between further ones is under `other`."""
OUTSIDE: Final = ("cloud service", "external", "not classified")
"""Categories of edges that leave the cluster."""
_OTHER: Final = ("other", "other")
_ENDS: Final = ("client", "server")
_FIELDS: Final = ("kind", "namespace", "workload", "name", "address")

Numbers = NDArray[np.int64]
End = tuple[str, str]
"""Namespace and name of an end, by workload; the namespace is empty where it is no pod or Service."""


class EdgeKey(NamedTuple):
    """Who talks to whom."""

    client: End
    server: End
    port: int
    protocol: str

    @property
    def place(self) -> str:
        """The namespace that it counts for: the server's, or the client's where the server has none."""
        return self.server[0] or self.client[0]

    @property
    def labels(self) -> dict[str, str]:
        """Of its series."""
        (client_namespace, client), (server_namespace, server) = self.client, self.server
        ends = {"client_namespace": client_namespace, "client": client}
        ends |= {"server_namespace": server_namespace, "server": server}
        return ends | {"port": str(self.port), "protocol": self.protocol}


class Traffic:
    """`tell` it what a segment brought, from the hub's thread; `families` may be asked from any. `most_edges` have
    series of their own."""

    def __init__(self, most_edges: int = 0) -> None:
        self._most_edges = most_edges
        self._known: dict[EdgeKey, bool] = {}
        self._categories: Counter[str] = Counter()
        self._zones: Counter[tuple[str, str]] = Counter()
        self._new: Counter[str] = Counter(dict.fromkeys(OUTSIDE, 0))
        self._denied: Counter[str] = Counter()
        self._edges: dict[EdgeKey, Numbers] = {}
        self._untold: set[EdgeKey] = set()

    def know(self, seen: pa.Table) -> None:
        """What the database has seen (`database.seen.settled`), the latest first."""
        for row in reversed(seen.to_pylist()):
            client, server = ((row[f"{end}_namespace"], row[end]) for end in _ENDS)
            self._remember(EdgeKey(client, server, row["port"], row["protocol"]), bool(row["answered"]))

    def tell(self, flows: pa.Table, counted: NDArray[np.bool_]) -> None:
        """Add what a segment brought: named flows, and which of them count."""
        kinds = _words(flows, "kind")
        moved = kinds.among("flow")
        once = np.flatnonzero(moved & counted)
        if len(once):
            self._add_bytes(flows, once)
        told = np.flatnonzero((moved | kinds.among("edge")) & flows["initiator_known"].to_numpy())
        if len(told):
            self._add_edges(flows, told, counted[told])

    def _add_bytes(self, flows: pa.Table, rows: Numbers) -> None:
        sent, received = (flows[name].to_numpy()[rows].astype("f8") for name in ("sent_bytes", "received_bytes"))
        self._categories.update(_sums(_words(flows, "category", rows), sent + received))
        client, server = (_words(flows, f"{end}_zone", rows) for end in _ENDS)
        for source, target, weights in ((client, server, sent), (server, client, received)):
            width = len(target.words)
            sums = np.bincount(source.codes * width + target.codes, weights)
            for pair in np.flatnonzero(sums):
                self._add_pair(source.words[pair // width], target.words[pair % width], int(sums[pair]))

    def _add_pair(self, source: str, target: str, size: int) -> None:
        if source and target:
            known = (source, target) in self._zones or len(self._zones) < MOST_PAIRS
            self._zones[(source, target) if known else _OTHER] += size

    def _add_edges(self, flows: pa.Table, rows: Numbers, counted: NDArray[np.bool_]) -> None:
        (clients, client_names), (servers, server_names) = (_ends(flows, rows, end) for end in _ENDS)
        ports, protocols = flows["port"].to_numpy()[rows], _words(flows, "protocol", rows)
        firsts, groups = distinct(clients, servers, ports, protocols.codes)
        keys = [
            EdgeKey(client_names[client], server_names[server], port, protocols.words[protocol])
            for client, server, port, protocol in zip(
                *(column[firsts].tolist() for column in (clients, servers, ports, protocols.codes)), strict=True
            )
        ]
        categories = _words(flows, "category", rows)
        dropped, answered = (
            np.bincount(groups, flows[name].to_numpy()[rows]).tolist() for name in ("denied", "received_packets")
        )
        for place, (key, drops, answers) in enumerate(zip(keys, dropped, answered, strict=True)):
            before = self._known.get(key)
            if before is None:
                self._new[categories.words[categories.codes[firsts[place]]]] += 1
            elif before and drops:
                self._denied[key.place] += int(drops)
            if before is None or (answers and not before):
                self._remember(key, answers > 0)
        if self._most_edges:
            self._add_series(keys, flows, rows, counted, groups)

    def _remember(self, key: EdgeKey, answered: bool) -> None:
        self._known[key] = answered
        # From the start: of a series that begins with its first denial, Prometheus would not see that one.
        self._denied.setdefault(key.place, 0)
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _add_series(
        self, keys: list[EdgeKey], flows: pa.Table, rows: Numbers, counted: NDArray[np.bool_], groups: Numbers
    ) -> None:
        """Counters of single edges, for those that came first."""
        failed, *others = (flows[name].to_numpy()[rows] for name in ("failed", "retransmissions", "denied"))
        # Both ends may tell of a connection that failed; the client knows best.
        clients = _words(flows, "reporter", rows).among("client") | ~_words(flows, "client_kind", rows).among("pod")
        moved = (flows["sent_bytes"].to_numpy()[rows] + flows["received_bytes"].to_numpy()[rows]) * counted
        sums = np.stack([np.bincount(groups, one) for one in (moved, failed * clients, *others)], axis=1).astype(
            np.int64
        )
        for key, added in zip(keys, sums, strict=True):
            if key in self._edges:
                self._edges[key] += added
            elif len(self._edges) < self._most_edges:
                self._edges[key] = added
            elif len(self._untold) < MOST_KNOWN:
                self._untold.add(key)

    def families(self) -> Iterator[Family]:
        """As of now."""
        yield counter(
            "fairway_hub_traffic_bytes",
            "IP bytes of told conversations both ways, each once, by the category that their ends make.",
            *(({"category": word}, count) for word, count in sorted(self._categories.copy().items())),
        )
        yield counter(
            "fairway_hub_zone_bytes",
            "IP bytes of told conversations from zone to zone, each once.",
            *(
                ({"source_zone": source, "destination_zone": target}, count)
                for (source, target), count in sorted(self._zones.copy().items())
            ),
        )
        yield counter(
            "fairway_hub_new_edges",
            "Edges between workloads that nobody had ever seen, by the category that their ends make.",
            *(({"category": word}, count) for word, count in sorted(self._new.copy().items())),
        )
        yield counter(
            "fairway_hub_known_edge_denied_packets",
            "Packets that rules dropped on edges that had been answered before, by the server's namespace.",
            *(({"namespace": word}, count) for word, count in sorted(self._denied.copy().items())),
        )
        yield from self._of_edges()

    def _of_edges(self) -> Iterator[Family]:
        shown = [(key.labels, sums) for key, sums in list(self._edges.items())]
        for column, (name, about) in enumerate(_SERIES):
            yield counter(name, about, *((labels, int(sums[column])) for labels, sums in shown))
        yield gauge(
            "fairway_hub_edges_known", "Edges between workloads remembered as seen.", ({}, len(self._known))
        )
        yield gauge(
            "fairway_hub_edges_not_shown",
            "Edges beyond --metric-edges, since the start; 0 where none have series of their own.",
            ({}, len(self._untold)),
        )


_SERIES: Final = (
    ("fairway_hub_edge_bytes", "IP bytes of an edge both ways."),
    ("fairway_hub_edge_failed_connections", "TCP connections of an edge that failed."),
    ("fairway_hub_edge_retransmissions", "TCP segments of an edge that were sent again."),
    ("fairway_hub_edge_denied_packets", "Packets of an edge that rules dropped."),
)


def _sums(words: Words, weights: NDArray[np.float64]) -> dict[str, int]:
    """By word, of the rows that have it."""
    totals = np.bincount(words.codes, weights, len(words.words))
    return {words.words[code]: int(totals[code]) for code in np.unique(words.codes)}


def _words(flows: pa.Table, name: str, rows: Numbers | slice = slice(None)) -> Words:
    words = words_of(flows[name])
    return words._replace(codes=words.codes[rows])


def _ends(flows: pa.Table, rows: Numbers, end: str) -> tuple[Numbers, list[End]]:
    """The number of each row's end, and its name by number: pods of one workload are one end."""
    kind, namespace, workload, name, address = (_words(flows, f"{end}_{field}", rows) for field in _FIELDS)
    pods = kind.among("pod")
    mine = namespace.codes * len(workload.words) + workload.codes
    firsts, numbers = distinct(np.where(pods, mine, -1 - address.codes))
    named = []
    for row in firsts.tolist():
        place, title = namespace.words[namespace.codes[row]], name.words[name.codes[row]]
        where = address.words[address.codes[row]]
        outside = kind.words[kind.codes[row]] == "external"
        other = title or (_network(where) if outside else where)
        named.append((place, workload.words[workload.codes[row]] if pods[row] else other))
    return numbers, named


@lru_cache(maxsize=65536)
def _network(address: str) -> str:
    """Of an address outside without a name, as `database.schema.group_of` has it."""
    return str(ip_network((address, 64 if ":" in address else 24), strict=False))
