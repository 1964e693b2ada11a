"""The tables: flows as they came, what they add up to per minute and hour, and what was ever seen.

Almost every other table fills itself from `flows`, by materialized views: one insert feeds all of them, and a
repeated insert with the same token adds to none (`deduplicate_blocks_in_dependent_materialized_views`).
"""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from fairway.hub.columns import END, MOMENT, SCHEMA, WORD

TOKENS_KEPT: Final = 10_000
"""A segment that is inserted again is known among so many since; a restart repeats at most a few."""

SOON_ONE: Final = 120
"""Seconds after which parts of `edges_seen` are merged into the large one, whatever their sizes: its questions read
all parts, and have to put them together."""

MERGED_AT_ONCE: Final = 16
"""Parts of about one size, instead of 5: a row is written again half as often until it lies in a large part, and
there are some dozens of parts to read instead of one."""

Columns = tuple[tuple[str, str], ...]
"""Names and ClickHouse types, codec included."""

_WORD: Final = "LowCardinality(String)"
_COUNT: Final = "CODEC(T64, ZSTD(1))"
_TIME: Final = "CODEC(Delta, ZSTD(1))"
_TYPES: Final = {
    WORD: _WORD,
    MOMENT: f"DateTime64(3, 'UTC') {_TIME}",
    pa.bool_(): "Bool CODEC(ZSTD(1))",
    pa.uint8(): "UInt8 CODEC(ZSTD(1))",
    pa.uint16(): f"UInt16 {_COUNT}",
    pa.uint32(): f"UInt32 {_COUNT}",
    pa.uint64(): f"UInt64 {_COUNT}",
}

ONCE: Final = ("connections", "sent_bytes", "received_bytes", "sent_packets", "received_packets")
"""Counters that both ends' agents tell of the same packets: added up where `counted`."""
EACH: Final = (
    *("retransmissions", "handshake_retransmissions", "timeouts", "handshake_timeouts"),
    *("denied", "would_deny"),
)
"""Counters of an agent's own pod: each side's are other events."""
CLIENTS: Final = (
    *("failed", "resets", "severed"),
    *("connect_count", "connect_sum_us", "srtt_count", "srtt_sum_us"),
)
"""What both may know and the client knows best: the client's, where it is a pod."""
SUMS: Final = ONCE + EACH + CLIENTS
OF_CLIENT: Final = "reporter = 'client' OR client_kind != 'pod'"

BEFORE_END: Final = {"time_start": "interval_ms", "first_seen": "first_ms", "last_seen": "last_ms"}
"""Moments that are kept as milliseconds before `time_end`: half the bytes, as they lie in one interval."""


def moment_of(name: str) -> str:
    """The expression of a moment that is kept so."""
    return f"subtractMilliseconds(time_end, {BEFORE_END[name]})"


FLOW_COLUMNS: Final[Columns] = (
    *((field.name, _TYPES[field.type]) for field in SCHEMA if field.name not in BEFORE_END),
    ("would_deny", f"UInt32 {_COUNT}"),
    *((name, f"Int32 {_COUNT}") for name in BEFORE_END.values()),
    ("counted", "Bool CODEC(ZSTD(1))"),
)
"""A flow's own columns. `counted` is false where the other end's agent tells of the same packets: a question about
traffic takes one of the two. `would_deny` are the connections opened that policies on trial, or in force for audit,
would have dropped."""

_ALIASES: Final[Columns] = tuple((name, f"DateTime64(3, 'UTC') ALIAS {moment_of(name)}") for name in BEFORE_END)


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `keys` order it; rows with equal keys become one where `sums` says how.

    `select` is what fills it: expressions by column, over `source`, which reads the table `of`. `grouped` adds rows
    with equal keys up before they go in; without, merges do it later, which is cheaper where few rows of one insert
    are alike. `keep` is the column of time that retention goes by.
    """

    name: str
    columns: Columns
    keys: tuple[str, ...]
    partition: str
    keep: str
    select: tuple[tuple[str, str], ...] = ()
    source: str = "{of} WHERE kind = 'flow'"
    of: str = "flows"
    grouped: bool = True

    @property
    def engine(self) -> str:
        return "AggregatingMergeTree" if "AggregateFunction(" in self.body else "MergeTree"

    @property
    def body(self) -> str:
        """Columns and types."""
        return ",\n  ".join(f"{name} {kind}" for name, kind in self.columns)


FLOWS: Final = Table(
    name="flows",
    columns=FLOW_COLUMNS + _ALIASES,
    keys=(
        "toStartOfHour(time_end)",
        *("server_namespace", "server_workload", "client_namespace", "client_workload"),
        *("port", "server_name", "client_name", "reporter", "time_end"),
    ),
    partition="toDate(time_end)",
    keep="time_end",
)


def raw_sums() -> tuple[tuple[str, str], ...]:
    """How each sum is made of flows."""
    once = tuple((name, f"sumIf({name}, counted)") for name in ONCE)
    each = tuple((name, f"sum({name})") for name in EACH)
    clients = tuple((name, f"sumIf({name}, {OF_CLIENT})") for name in CLIENTS)
    return once + each + clients


def row_sums() -> tuple[tuple[str, str], ...]:
    """What one flow adds to each sum."""
    once = tuple((name, f"if(counted, {name}, 0)") for name in ONCE)
    each = tuple((name, name) for name in EACH)
    clients = tuple((name, f"if({OF_CLIENT}, {name}, 0)") for name in CLIENTS)
    return once + each + clients


_SUM_COLUMNS: Final[Columns] = tuple((name, f"SimpleAggregateFunction(sum, UInt64) {_COUNT}") for name in SUMS)


def group_of(end: str) -> str:
    """A workload's or another end's name on a map: addresses outside go by their network, /24 or /64."""
    four = f"concat(toString(IPv4CIDRToRange(toIPv4OrDefault({end}_address), 24).1), '/24')"
    six = f"concat(toString(IPv6CIDRToRange(toIPv6OrDefault({end}_address), 64).1), '/64')"
    network = f"if(position({end}_address, ':') = 0, {four}, {six})"
    return (
        f"multiIf({end}_kind = 'pod', {end}_workload, {end}_name != '', {end}_name, "
        f"{end}_kind = 'external', {network}, {end}_address)"
    )


_BOTH: Final = ("client", "server")
_ROLLUP_ENDS: Final[Columns] = tuple(
    (f"{end}_{field}", _WORD)
    for end in _BOTH
    for field in ("kind", "namespace", "group", "replica", "node", "zone")
)
_ROLLUP_REST: Final[Columns] = (
    ("service", _WORD),
    ("port", "UInt16"),
    ("protocol", _WORD),
    ("category", _WORD),
    ("verdict", _WORD),
    ("staged", _WORD),
)


_OF_PODS: Final = tuple(f"{end}_{field}" for end in _BOTH for field in ("replica", "node"))


def _rollup(name: str, partition: str, time: str, *, replicas: bool = False, of: str = "flows") -> Table:
    """Sums per span of time; of single pods on single nodes where `replicas`, else of workloads. `of` flows, or of
    another rollup's sums."""
    keys = tuple(column for column in (*_ROLLUP_ENDS, *_ROLLUP_REST) if replicas or column[0] not in _OF_PODS)
    made = {
        **{f"{end}_group": group_of(end) for end in _BOTH},
        **{f"{end}_replica": f"if({end}_name != '', {end}_name, {end}_address)" for end in _BOTH},
    }
    raw = of == "flows"
    added_up = tuple((name, name) for name in SUMS) if not raw else row_sums() if replicas else raw_sums()
    return Table(
        name=name,
        columns=(("time", "DateTime('UTC') CODEC(DoubleDelta, ZSTD(1))"), *keys, *_SUM_COLUMNS),
        keys=("toStartOfHour(time)", *(column for column, _ in keys), "time"),
        partition=partition,
        keep="time",
        select=(
            ("time", time),
            *((column, made.get(column, column) if raw else column) for column, _ in keys),
            *added_up,
        ),
        source="{of} WHERE kind = 'flow'" if raw else "{of}",
        of=of,
        grouped=raw and not replicas,
    )


_TOLD: Final = "{of} WHERE kind IN ('flow', 'edge')"

_WHO: Final = ("kind", "address", "namespace", "name")
"""Of an endpoint, who it is; the rest may change while it lives."""
_SEEN_KEYS: Final = (
    *(f"{end}_{field}" for end in _BOTH for field in _WHO),
    *("port", "protocol", "family", "service", "reporter", "initiator_known", "category"),
)
_LAST: Final = tuple(f"{end}_{field}" for end in _BOTH for field in END if field not in _WHO)
_FLOW_TYPES: Final = dict(FLOW_COLUMNS)

SEEN: Final = Table(
    name="edges_seen",
    columns=(
        *((name, _FLOW_TYPES[name]) for name in _SEEN_KEYS),
        *((name, f"SimpleAggregateFunction(anyLast, {_WORD})") for name in (*_LAST, "backends")),
        *((name, f"SimpleAggregateFunction(sum, UInt64) {_COUNT}") for name in SUMS),
        ("first_seen", "SimpleAggregateFunction(min, DateTime64(3, 'UTC'))"),
        ("last_seen", "SimpleAggregateFunction(max, DateTime64(3, 'UTC'))"),
    ),
    keys=_SEEN_KEYS,
    partition="tuple()",
    keep="last_seen",
    select=(
        *((name, name) for name in _SEEN_KEYS),
        *((name, name) for name in (*_LAST, "backends", *SUMS)),
        ("first_seen", moment_of("first_seen")),
        ("last_seen", moment_of("last_seen")),
    ),
    source=_TOLD,
    grouped=False,
)

_FIRST_AND_LAST: Final = f"{moment_of('first_seen')} AS first, {moment_of('last_seen')} AS last"

ENDPOINTS: Final = Table(
    name="endpoints",
    columns=(
        *((field, _WORD) for field in END),
        ("first_seen", "SimpleAggregateFunction(min, DateTime64(3, 'UTC'))"),
        ("last_seen", "SimpleAggregateFunction(max, DateTime64(3, 'UTC'))"),
    ),
    keys=END,
    partition="tuple()",
    keep="last_seen",
)
"""The hub fills it: it knows distinct endpoints by their codes, the database would compare all their words."""

_SLOTS: Final = (
    "[('active', verdict, reason, verdict_rule, toUInt64(denied)), "
    "('staged', staged, staged_reason, staged_rule, toUInt64(0))]"
)
_EVENT_ENDS: Final = tuple(f"{end}_{field}" for end in _BOTH for field in (*_WHO, "workload", "labels"))
_EVENT_KEYS: Final = (*_EVENT_ENDS, "port", "protocol", "service", "reporter")

VERDICTS: Final = Table(
    name="verdicts",
    columns=(
        ("time", "DateTime('UTC') CODEC(DoubleDelta, ZSTD(1))"),
        ("slot", _WORD),
        ("reason", _WORD),
        ("rule", _WORD),
        *((name, _FLOW_TYPES[name]) for name in _EVENT_KEYS),
        *((name, f"SimpleAggregateFunction(sum, UInt64) {_COUNT}") for name in ("packets", "connections")),
        ("open_before", "SimpleAggregateFunction(max, UInt8)"),
        ("first_seen", "SimpleAggregateFunction(min, DateTime64(3, 'UTC'))"),
        ("last_seen", "SimpleAggregateFunction(max, DateTime64(3, 'UTC'))"),
    ),
    keys=("time", "slot", "reason", "rule", *_EVENT_KEYS),
    partition="toYYYYMM(time)",
    keep="time",
    select=(
        ("time", "toStartOfMinute(time_end)"),
        ("slot", "judged.1"),
        ("reason", "judged.3"),
        ("rule", "judged.4"),
        *((name, name) for name in _EVENT_KEYS),
        ("packets", "sum(judged.5)"),
        ("connections", "sum(opened)"),
        ("open_before", "max(moved > 0)"),
        ("first_seen", "min(first)"),
        ("last_seen", "max(last)"),
    ),
    source=(
        f"(SELECT arrayJoin({_SLOTS}) AS judged, time_end, {', '.join(_EVENT_KEYS)}, connections AS opened, "
        f"sent_packets + received_packets AS moved, {_FIRST_AND_LAST} "
        "FROM {of} WHERE kind = 'flow' AND (verdict = 'deny' OR staged = 'deny')) WHERE judged.2 = 'deny'"
    ),
)
"""Who was kept from whom, or would be, per minute: kept longer than the flows it is made of."""

EDGES_1M: Final = _rollup("edges_1m", "toDate(time)", "toStartOfMinute(time_end)", replicas=True)
WORKLOADS_1M: Final = _rollup("workloads_1m", "toDate(time)", "toStartOfMinute(time_end)")
"""What a map of a short time reads: a hundredth of the pods' rows where workloads have ten pods each."""
EDGES_1H: Final = _rollup("edges_1h", "toYYYYMM(time)", "toStartOfHour(time)", of="workloads_1m")

BATCHES: Final = Table(
    name="batches",
    columns=(
        ("node", _WORD),
        ("boot", _WORD),
        ("sequence", "UInt64 CODEC(Delta, ZSTD(1))"),
        ("part", "UInt32 CODEC(ZSTD(1))"),
        ("rows", f"UInt32 {_COUNT}"),
        ("time_end", f"DateTime64(6, 'UTC') {_TIME}"),
        ("revision", f"UInt64 {_COUNT}"),
        ("packets", f"UInt64 {_COUNT}"),
        ("losses", _WORD),
    ),
    keys=("node", "boot", "part", "sequence"),
    partition="toYYYYMM(time_end)",
    keep="time_end",
)
"""Which batches are in: an agent that asks again is told so, whatever happened to the hub meanwhile."""

NAMES_ASKED: Final = Table(
    name="names_asked",
    columns=(
        ("time_end", f"DateTime64(3, 'UTC') {_TIME}"),
        *((f"client_{name}", _WORD) for name in ("namespace", "workload", "name", "node", "zone")),
        ("name", "String CODEC(ZSTD(1))"),
        *((name, f"UInt64 {_COUNT}") for name in ("asked", "noerror", "servfail", "nxdomain", "refused", "other")),
        *((name, f"UInt64 {_COUNT}") for name in ("waited_us", "longest_us")),
    ),
    keys=("toStartOfHour(time_end)", "client_namespace", "client_workload", "name", "client_name"),
    partition="toDate(time_end)",
    keep="time_end",
)
"""What pods asked resolvers for: `waited_us` for all answers together. The name is empty for all those that agents
told without one."""

LIMITS: Final = Table(
    name="limits",
    columns=(
        ("time_end", f"DateTime64(3, 'UTC') {_TIME}"),
        ("node", _WORD),
        ("name", _WORD),
        ("used", "Float64 CODEC(ZSTD(1))"),
        ("most", "Float64 CODEC(ZSTD(1))"),
    ),
    keys=("toStartOfHour(time_end)", "node", "name", "time_end"),
    partition="toDate(time_end)",
    keep="time_end",
)
"""How near nodes came to what they may: `used` of `most`; without `most` how often it was hit, or bits a second."""

VERSIONS: Final = Table(
    name="schema_versions",
    columns=(("version", "UInt32"), ("applied", "DateTime DEFAULT now()")),
    keys=("version",),
    partition="tuple()",
    keep="",
)
"""Which migrations a node has had."""

HUBS: Final = Table(
    name="hubs",
    columns=(
        ("hub", "String"),
        ("host", "String"),
        ("state", "String"),
        ("at", "DateTime64(3, 'UTC') DEFAULT now64(3)"),
    ),
    keys=("hub", "at"),
    partition="toDate(at)",
    keep="at",
)
"""Which hub works with these tables; see `hub.database.claim`."""

TABLES: Final = (FLOWS, BATCHES, EDGES_1M, WORKLOADS_1M, EDGES_1H, SEEN, ENDPOINTS, VERDICTS, NAMES_ASKED, LIMITS)
