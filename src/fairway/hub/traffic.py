"""Traffic: what came in, added up for metrics: by category, between zones, and edges that are new or were denied.

An edge here is between workloads, as on the map; addresses outside go by their DNS name or their network. What was
seen before the hub's start is known from the database, so that a restart makes nothing new.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.hub.distinct import distinct
from fairway.kit.openmetrics import Family, counter, gauge

MOST_KNOWN: Final = 200_000
"""Edges that are remembered; of more the ones seen longest ago are forgotten, and are new when they come again."""
MOST_PAIRS: Final = 1024
"""Pairs of zones with series of their own; what is between further ones is under `other`."""
OUTSIDE: Final = ("cloud service", "external", "not classified")
"""Categories of edges that leave the cluster."""
_OTHER: Final = ("other", "other")
_ENDS: Final = ("client", "server")
_FIELDS: Final = ("kind", "namespace", "workload", "name", "address")
_COLUMNS: Final = (*(f"{end}_{field}" for end in _ENDS for field in _FIELDS), "port", "protocol", "category")

Numbers = NDArray[np.int64]


class EdgeKey(NamedTuple):
    """Who talks to whom, by workload. A namespace is empty where an end is no pod or Service."""

    client_namespace: str
    client: str
    server_namespace: str
    server: str
    port: int
    protocol: str

    @property
    def place(self) -> str:
        """The namespace that it counts for: the server's, or the client's where the server has none."""
        return self.server_namespace or self.client_namespace


class Traffic:
    """`tell` it what a segment brought, from the hub's thread; `families` may be asked from any. `most_edges` have
    series of their own."""

    def __init__(self, most_edges: int = 0) -> None:
        self._most_edges = most_edges
        self._known: OrderedDict[EdgeKey, bool] = OrderedDict()
        self._categories: Counter[str] = Counter()
        self._zones: Counter[tuple[str, str]] = Counter()
        self._new: Counter[str] = Counter(dict.fromkeys(OUTSIDE, 0))
        self._denied: Counter[str] = Counter()
        self._edges: dict[EdgeKey, Numbers] = {}
        self._untold: set[EdgeKey] = set()

    def know(self, seen: pa.Table) -> None:
        """What the database has seen (`database.seen.settled`), the latest first."""
        for row in reversed(seen.to_pylist()):
            self._remember(EdgeKey(*(row[name] for name in EdgeKey._fields)), bool(row["answered"]))

    def tell(self, flows: pa.Table, counted: NDArray[np.bool_]) -> None:
        """Add what a segment brought: named flows, and which of them count."""
        kinds = _words(flows, "kind")
        moved = kinds.among("flow")
        once = np.flatnonzero(moved & counted)
        if len(once):
            self._add_bytes(flows.take(once))
        told = np.flatnonzero((moved | kinds.among("edge")) & flows["initiator_known"].to_numpy())
        if len(told):
            self._add_edges(flows.take(told), counted[told])

    def _add_bytes(self, flows: pa.Table) -> None:
        sent, received = (flows[name].to_numpy().astype("f8") for name in ("sent_bytes", "received_bytes"))
        self._categories.update(_words(flows, "category").sums(sent + received))
        client, server = (_words(flows, f"{end}_zone") for end in _ENDS)
        for source, target, weights in ((client, server, sent), (server, client, received)):
            pairs = source.codes * len(target.words) + target.codes
            sums = np.bincount(pairs, weights, len(source.words) * len(target.words))
            for pair in np.flatnonzero(sums):
                zones = source.words[pair // len(target.words)], target.words[pair % len(target.words)]
                if all(zones):
                    self._zones[zones if zones in self._zones or len(self._zones) < MOST_PAIRS else _OTHER] += int(
                        sums[pair]
                    )

    def _add_edges(self, flows: pa.Table, counted: NDArray[np.bool_]) -> None:
        ends = (_end_codes(flows, end) for end in _ENDS)
        positions, groups = distinct(*ends, flows["port"].to_numpy(), _words(flows, "protocol").codes)
        denied, received = (flows[name].to_numpy().astype("f8") for name in ("denied", "received_packets"))
        dropped, answered = (np.bincount(groups, one) for one in (denied, received))
        rows = flows.select(_COLUMNS).take(positions).to_pylist()
        keys = [
            EdgeKey(*_group(row, "client"), *_group(row, "server"), row["port"], row["protocol"]) for row in rows
        ]
        for key, row, drops, answers in zip(keys, rows, dropped.tolist(), answered.tolist(), strict=True):
            before = self._known.pop(key, None)
            if before is None:
                self._new[row["category"]] += 1
            if before and drops:
                self._denied[key.place] += int(drops)
            self._remember(key, bool(before or answers))
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        if self._most_edges:
            self._add_series(keys, flows, counted, groups)

    def _remember(self, key: EdgeKey, answered: bool) -> None:
        self._known[key] = answered
        # From the start: of a series that begins with its first denial, Prometheus would not see that one.
        self._denied.setdefault(key.place, 0)

    def _add_series(
        self, keys: list[EdgeKey], flows: pa.Table, counted: NDArray[np.bool_], groups: Numbers
    ) -> None:
        """Counters of single edges, for those that came first."""
        moved = (flows["sent_bytes"].to_numpy() + flows["received_bytes"].to_numpy()) * counted
        columns = (moved, *(flows[name].to_numpy() for name in ("failed", "retransmissions", "denied")))
        sums = np.stack([np.bincount(groups, column) for column in columns], axis=1).astype(np.int64)
        for key, row in zip(keys, sums, strict=True):
            if key in self._edges:
                self._edges[key] += row
            elif len(self._edges) < self._most_edges:
                self._edges[key] = row
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
        shown = [({**key._asdict(), "port": str(key.port)}, sums) for key, sums in list(self._edges.items())]
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


class _Words(NamedTuple):
    """A column of words: `words[codes[row]]`."""

    codes: Numbers
    words: list[str]

    def among(self, word: str) -> NDArray[np.bool_]:
        """Which rows have this word."""
        found: NDArray[np.bool_] = self.codes == (self.words.index(word) if word in self.words else -1)
        return found

    def sums(self, weights: NDArray[np.float64]) -> dict[str, int]:
        """By word, of the rows that have it."""
        added = np.bincount(self.codes, weights, len(self.words))
        return {self.words[code]: int(added[code]) for code in np.unique(self.codes)}


def _words(flows: pa.Table, name: str) -> _Words:
    column = flows[name].combine_chunks()
    return _Words(column.indices.to_numpy().astype(np.int64), column.dictionary.to_pylist())


def _end_codes(flows: pa.Table, end: str) -> Numbers:
    """A number for each end of an edge: pods of one workload have the same."""
    codes = {field: flows[f"{end}_{field}"].combine_chunks().indices.to_numpy() for field in _FIELDS}
    workloads = len(flows[f"{end}_workload"].combine_chunks().dictionary) + 1
    pods = _words(flows, f"{end}_kind").among("pod")
    mine = codes["namespace"].astype(np.int64) * workloads + codes["workload"]
    others = codes["address"].astype(np.int64)
    result: Numbers = np.where(pods, mine, -1 - others)
    return result


def _group(row: dict[str, Any], end: str) -> tuple[str, str]:
    """Namespace and name of an end, as `database.schema.group_of` has it."""
    kind, namespace = row[f"{end}_kind"], row[f"{end}_namespace"]
    if kind == "pod":
        return namespace, row[f"{end}_workload"]
    if name := row[f"{end}_name"]:
        return namespace, name
    address = row[f"{end}_address"]
    return namespace, _network(address) if kind == "external" else address


@lru_cache(maxsize=65536)
def _network(address: str) -> str:
    return str(ip_network((address, 64 if ":" in address else 24), strict=False))
