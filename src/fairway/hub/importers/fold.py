"""Fold: sights into conversations by windows of time, then into rows of flows. What memory holds is bounded."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.hub.cells import cells, coded
from fairway.hub.columns import END, IMPORTED, TCP_HEALTH, UNKNOWN_FIELDS
from fairway.hub.importers.ends import Ends, Words
from fairway.hub.importers.orient import Orient
from fairway.hub.importers.sight import PORTED, At, Sights
from fairway.hub.importers.unknown import Unknown
from fairway.hub.names import category
from fairway.kit.codes import distinct
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Verdict, protocol_name

MAX_ROWS: Final = 1 << 19
"""Rows held before they are added up, and written if that does not make them few."""

_KEYS: Final = (
    "window",
    "client",
    "server",
    "port",
    "protocol",
    "known",
    "by_server",
    "verdict",
    "staged",
    "service",
)
_SUMS: Final = (
    "sent_bytes",
    "received_bytes",
    "sent_packets",
    "received_packets",
    "connections",
    "denied",
    "retransmissions",
)
_LAST: Final = ("srtt_us", "rule", "staged_rule", "unknown")
_HOW: Final = (
    ("first", "min"),
    ("last", "max"),
    *((name, "sum") for name in _SUMS),
    *((name, "max") for name in _LAST),
)
_MOST: Final = (1 << 32) - 1

Sink = Callable[[pa.Table], None]


class Fold:
    """Takes sights, gives tables of flows to `sink`. `interval` is the length of a window in microseconds."""

    def __init__(self, ends: Ends, words: Words, interval: int, sink: Sink, unknown: Unknown) -> None:
        self._ends = ends
        self._unknown = unknown
        self._words = words
        self._interval = interval
        self._sink = sink
        self._orient = Orient(ends)
        self._parts: list[pa.Table] = []
        self._held = 0
        self.rows = 0

    def add(self, sights: Sights) -> None:
        """Take in a chunk of records."""
        if len(sights):
            part = _grouped(self._conversations(sights))
            self._parts.append(part)
            self._held += len(part)
        if self._ends.full:
            self.flush()
            self._ends.forget()
            self._orient = Orient(self._ends)
        elif self._unknown.full:
            self.flush()
        elif self._held > MAX_ROWS:
            self._shrink()
            if self._held > MAX_ROWS // 2:
                self.flush()

    def flush(self) -> None:
        """Give away all that is held."""
        self._shrink()
        if self._parts:
            self._sink(self._flows(self._parts[0]))
            self.rows += self._held
        self._parts, self._held = [], 0
        self._unknown.forget()

    def _shrink(self) -> None:
        if self._parts:
            whole = _grouped(pa.concat_tables(self._parts))
            self._parts, self._held = [whole], len(whole)

    def _conversations(self, sights: Sights) -> pa.Table:
        oriented = self._orient(sights)
        forward = oriented.forward

        def either(ahead: str, behind: str) -> NDArray[Any]:
            return np.where(forward, sights[ahead], sights[behind])

        at = sights["at"]
        by_server = (at == At.HERE) | (at == np.where(forward, At.TARGET, At.SOURCE))
        columns: dict[str, NDArray[Any]] = {
            "window": sights["start"] // self._interval,
            "client": either("source", "target"),
            "server": either("target", "source"),
            "port": np.where(np.isin(sights["protocol"], PORTED), either("target_port", "source_port"), 0),
            "protocol": sights["protocol"],
            "known": oriented.known,
            "by_server": by_server,
            "verdict": sights["verdict"],
            "staged": sights["staged"],
            "service": np.where(forward, sights["service"], 0),
            "first": sights["start"],
            "last": np.maximum(sights["end"], sights["start"]),
            "sent_bytes": either("sent_bytes", "back_bytes"),
            "received_bytes": either("back_bytes", "sent_bytes"),
            "sent_packets": either("sent_packets", "back_packets"),
            "received_packets": either("back_packets", "sent_packets"),
            # What was dropped was no conversation, however often it was tried.
            "connections": np.where(forward & (sights["denied"] == 0), sights["connections"], 0),
            **{name: sights[name] for name in ("denied", "retransmissions", *_LAST)},
        }
        return pa.table({name: pa.array(np.ascontiguousarray(column)) for name, column in columns.items()})

    def _flows(self, table: pa.Table) -> pa.Table:
        """The rows in the columns of IMPORTED."""
        column = {name: table[name].to_numpy() for name in table.column_names}
        ends = self._ends.endpoints
        client, server = column["client"], column["server"]
        start = column["window"] * self._interval
        positions, pair = distinct(client, server)
        pairs = [(ends[client[at]], ends[server[at]]) for at in positions]
        service, backends, known = self._services(column, ends)
        words = self._words.all()
        flows: dict[str, Any] = {
            "time_start": start,
            "time_end": np.maximum(start + self._interval, column["last"]),
            "first_seen": column["first"],
            "last_seen": column["last"],
            "kind": coded(np.zeros(len(table), np.int64), ("flow",)),
            "reporter": coded(column["by_server"], ("client", "server")),
            "initiator_known": column["known"] | known,
            "protocol": coded(column["protocol"], _PROTOCOLS),
            "family": np.array([6 if ":" in a.address else 4 for a, _ in pairs], np.uint8)[pair],
            "port": column["port"],
            **{name: np.minimum(column[name], _MOST) for name in ("connections", "denied", "retransmissions")},
            **{name: column[name] for name in (*_SUMS[:4], "srtt_us")},
            # What other tools' records do not tell.
            **{name: np.zeros(len(pair), np.uint32) for name in TCP_HEALTH},
            "verdict": coded(column["verdict"], _VERDICTS),
            "staged": coded(column["staged"], _VERDICTS),
            "reason": coded(column["verdict"] == Verdict.DENY, _REASONS),
            "staged_reason": coded(column["staged"] == Verdict.DENY, _REASONS),
            "verdict_rule": coded(column["rule"], words),
            "staged_rule": coded(column["staged_rule"], words),
            "service": service,
            "backends": backends,
            UNKNOWN_FIELDS: coded(column["unknown"], self._unknown.all()),
            "category": coded(pair, [category(*both, classified=self._ends.names.classified) for both in pairs]),
        }
        flows |= _named("client", client, ends) | _named("server", server, ends)
        return pa.table([pa.array(flows[field.name]).cast(field.type) for field in IMPORTED], schema=IMPORTED)

    def _services(
        self, column: dict[str, NDArray[Any]], ends: Sequence[Endpoint]
    ) -> tuple[pa.Array, pa.Array, NDArray[np.bool_]]:
        """Which Service was dialled, where its connections end, and whether they do anywhere."""
        positions, groups = distinct(column["server"], column["port"], column["protocol"], column["service"])
        words, titles, backends = self._words.all(), [], []
        for row in positions:
            server, port = ends[column["server"][row]], int(column["port"][row])
            dialled = server.kind is Kind.SERVICE
            protocol = _PROTOCOLS[column["protocol"][row]]
            ended = self._ends.names.backends(server.address, port, protocol) if dialled else ()
            told = words[column["service"][row]]
            titles.append(f"{server.namespace}/{server.name}:{port}" if dialled else told)
            backends.append(msgspec.json.encode(ended).decode() if ended else "")
        return coded(groups, titles), coded(groups, backends), np.array(backends or [""])[groups] != ""


def _named(which: str, numbers: NDArray[Any], ends: Sequence[Endpoint]) -> dict[str, pa.Array]:
    """The columns of one end."""
    used, codes = np.unique(numbers, return_inverse=True)
    written = [cells(ends[number]) for number in used]
    return {f"{which}_{field}": coded(codes, [cell[at] for cell in written]) for at, field in enumerate(END)}


def _grouped(table: pa.Table) -> pa.Table:
    """Added up by conversation and window."""
    grouped = table.group_by(list(_KEYS), use_threads=False).aggregate(list(_HOW))
    return grouped.rename_columns([_plain(name) for name in grouped.column_names]).select(table.column_names)


def _plain(name: str) -> str:
    return name if name in _KEYS else name.rpartition("_")[0]


_PROTOCOLS: Final = [protocol_name(number) for number in range(256)]
_VERDICTS: Final = [verdict.name.lower() for verdict in Verdict]
_REASONS: Final = ("none", "no_rule")
