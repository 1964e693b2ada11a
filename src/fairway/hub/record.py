"""Agents' batches as a table of named flows."""

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from itertools import accumulate
from typing import Any, Final, NamedTuple, Self

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.hub.cells import coded
from fairway.hub.columns import END, SCHEMA, TCP_HEALTH
from fairway.hub.names import Names, category
from fairway.hub.written import Written
from fairway.kit.codes import Ints, distinct
from fairway.wire import batch as wire
from fairway.wire.address import packed
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.rules import NodePod
from fairway.wire.words import Initiator, Reason, Verdict, protocol_name

LATEST_US: Final = 4_102_444_800_000_000
"""2100: later moments are garbage, and many readers of timestamps fail on them."""


def named(batches: Sequence[wire.Batch], names: Names) -> pa.Table:
    """The batches' rows, one after the other, in the columns of `hub.columns`; BatchError when a row refers to
    nothing. Many at a time, because each call costs as much as some thousand rows."""
    for batch in batches:
        check(batch)
    reports = _Reports.of(batches)
    rows = reports.rows
    first, last = _times(reports)
    pod, remote = _ends(reports, names, first, last)
    ends = names.written
    serves = rows["initiator"] == Initiator.REMOTE
    client, server = np.where(serves, remote, pod), np.where(serves, pod, remote)
    client_kind, server_kind = ends.column("kind", client), ends.column("kind", server)
    dialled = _is(server_kind, Kind.SERVICE) & ~serves
    service, backends, answered = _services(rows, dialled, remote, names)
    columns: dict[str, Any] = {
        "time_start": reports.start,
        "time_end": reports.end,
        "first_seen": first,
        "last_seen": last,
        "kind": coded(rows["kind"], _KINDS),
        "reporter": coded(serves, ("client", "server")),
        # A Service address never opens a connection, so whoever talks to a port of one did.
        "initiator_known": (rows["initiator"] != Initiator.UNKNOWN) | answered,
        "protocol": coded(rows["protocol"], _PROTOCOLS),
        "family": rows["family"],
        "port": rows["port"],
        "category": _categories(ends, client, server, names),
        "client_kind": client_kind,
        "server_kind": server_kind,
        "sent_bytes": np.where(serves, rows["rx_bytes"], rows["tx_bytes"]),
        "received_bytes": np.where(serves, rows["tx_bytes"], rows["rx_bytes"]),
        "sent_packets": np.where(serves, rows["rx_packets"], rows["tx_packets"]),
        "received_packets": np.where(serves, rows["tx_packets"], rows["rx_packets"]),
        # What was dropped was no conversation, however often it was tried.
        "connections": np.where(rows["denied"] > 0, 0, rows["connections"]),
        "retransmissions": rows["retransmissions"],
        "srtt_us": rows["srtt_us"],
        **{name: rows[name] for name in TCP_HEALTH},
        "verdict": coded(rows["verdict"], _VERDICTS),
        "staged": coded(rows["staged"], _VERDICTS),
        "reason": coded(rows["reason"], _REASONS),
        "staged_reason": coded(rows["staged_reason"], _REASONS),
        "verdict_rule": coded(rows["verdict_rule"] + reports.rule_base, reports.rules),
        "staged_rule": coded(rows["staged_rule"] + reports.rule_base, reports.rules),
        "denied": rows["denied"],
        "service": service,
        "backends": backends,
    }
    for field in END[1:]:
        columns[f"client_{field}"], columns[f"server_{field}"] = (
            ends.column(field, end) for end in (client, server)
        )
    return pa.table([pa.array(columns[field.name]).cast(field.type) for field in SCHEMA], schema=SCHEMA)


def check(batch: wire.Batch) -> None:
    """BatchError if a row refers to nothing, or the interval is none: such a batch can never be named."""
    header, rows = batch.header, batch.rows
    if not 0 <= header.start_us <= header.end_us <= LATEST_US:
        raise wire.BatchError(f"its interval {header.start_us}..{header.end_us} is no time")
    for answer in header.answers:
        if not _is_address(answer.address):
            raise wire.BatchError(f"`{answer.name}` was answered with `{answer.address}`, which is no address")
    for name in ("verdict_rule", "staged_rule"):
        if len(rows) and int(rows[name].max()) >= len(header.rules):
            raise wire.BatchError(f"a row names rule {int(rows[name].max())} of {len(header.rules)}")


def _is_address(written: str) -> bool:
    try:
        return bool(packed(written))
    except ValueError:
        return False


class _Reports(NamedTuple):
    """Batches laid end to end: `start`, `end` and `node` of each row's header, `pod` its place among all pods, and
    what is to be added to a row's rule to find it among all rules."""

    rows: NDArray[np.void]
    start: Ints
    end: Ints
    node: Ints
    nodes: list[str]
    pod: Ints
    pods: list[NodePod]
    rule_base: Ints
    rules: list[str]

    @classmethod
    def of(cls, batches: Sequence[wire.Batch]) -> Self:
        headers, sizes = [batch.header for batch in batches], [len(batch.rows) for batch in batches]
        rows = np.concatenate([batch.rows for batch in batches] or [np.zeros(0, wire.RECORD)])

        def each(values: Iterable[int]) -> Ints:
            return np.repeat(np.fromiter(values, np.int64, len(sizes)), sizes)

        return cls(
            rows=rows,
            start=each(header.start_us for header in headers),
            end=each(header.end_us for header in headers),
            node=each(range(len(headers))),
            nodes=[header.node for header in headers],
            pod=rows["pod"] + each(accumulate((len(header.pods) for header in headers[:-1]), initial=0)),
            pods=[pod for header in headers for pod in header.pods],
            rule_base=each(accumulate((len(header.rules) for header in headers[:-1]), initial=0)),
            rules=[rule for header in headers for rule in header.rules],
        )


def _times(reports: _Reports) -> tuple[Ints, Ints]:
    """First and last packet, in order and in reach; an agent that says nothing means its interval."""
    rows = reports.rows
    first = np.where(rows["first_us"] > 0, rows["first_us"], reports.start).clip(0, LATEST_US)
    last = np.where(rows["last_us"] > 0, rows["last_us"], reports.end).clip(0, LATEST_US)
    return first, np.maximum(first, last)


def _ends(reports: _Reports, names: Names, first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """The numbers of each row's pod and of its remote end, as `names.written` counts them."""
    rows, ends = reports.rows, names.written
    ends.bound()
    window = (int(first.min()), int(last.max())) if len(rows) else (0, 0)

    def owners(end: str, keys: Sequence[NDArray[Any]], correct: _Correct) -> Ints:
        """Name each distinct key once where one name holds for all its rows, else its rows each."""
        positions, groups = distinct(*keys)
        raw = rows[f"{end}_address"][positions].tobytes()
        addresses = [raw[start : start + 16] for start in range(0, len(raw), 16)]
        shared = []
        for row, address in zip(positions.tolist(), addresses, strict=True):
            alone = names.only(address, *window)
            shared.append(-1 if alone is None else ends.number(correct(row, alone)))
        result: Ints = np.array(shared, np.int64)[groups]
        order = np.argsort(groups, kind="stable") if -1 in shared else groups
        for group in (group for group, index in enumerate(shared) if index < 0):
            mine = order[slice(*np.searchsorted(groups, (group, group + 1), sorter=order))]
            owned = names.each(addresses[group], first[mine], last[mine])
            result[mine] = [ends.number(correct(int(row), one)) for row, one in zip(mine, owned, strict=True)]
        return result

    def pod(row: int, named: Endpoint) -> Endpoint:
        node = reports.nodes[reports.node[row]]
        return names.pod(reports.pods[reports.pod[row]], named, rows["pod_address"][row].tobytes(), node)

    pods = owners("pod", [reports.pod, *_halves(rows["pod_address"])], pod)
    remotes = owners("remote", _halves(rows["remote_address"]), lambda _, named: named)
    return pods, remotes


def _services(
    rows: NDArray[np.void], dialled: NDArray[np.bool_], remote: Ints, names: Names
) -> tuple[pa.Array, pa.Array, NDArray[np.bool_]]:
    """For rows whose pod dialled a Service: which, where its connections end, and whether they do anywhere."""
    mine = np.flatnonzero(dialled)
    codes, titles, backends = np.zeros(len(rows), np.int64), [""], [""]
    if len(mine):
        positions, groups = distinct(remote[mine], rows["port"][mine], rows["protocol"][mine])
        codes[mine] = groups + 1
        for row in mine[positions]:
            server, port = names.written.ends[remote[row]], int(rows["port"][row])
            ended = names.backends(server.address, port, _PROTOCOLS[rows["protocol"][row]])
            titles.append(f"{server.namespace}/{server.name}:{port}")
            backends.append(msgspec.json.encode(ended).decode() if ended else "")
    return coded(codes, titles), coded(codes, backends), np.array([bool(written) for written in backends])[codes]


def _categories(ends: Written, client: Ints, server: Ints, names: Names) -> pa.DictionaryArray:
    """Each pair's word, asked for once for each pair of kinds and zones."""
    keys = (ends.column(field, end).indices.to_numpy() for field in ("kind", "zone") for end in (client, server))
    positions, pairs = distinct(*keys)
    places = ((ends.ends[client[row]], ends.ends[server[row]]) for row in positions)
    return coded(pairs, [category(*both, classified=names.classified) for both in places])


def _is(column: pa.DictionaryArray, word: str) -> NDArray[np.bool_]:
    places = column.dictionary.to_pylist()
    found: NDArray[np.bool_] = column.indices.to_numpy() == (places.index(word) if word in places else -1)
    return found


_Correct = Callable[[int, Endpoint], Endpoint]
"""What a row's own words make of the endpoint that its address means."""


def _halves(addresses: NDArray[np.void]) -> list[NDArray[np.uint64]]:
    halves = np.ascontiguousarray(addresses).view(np.uint64).reshape(-1, 2)
    return [halves[:, 0], halves[:, 1]]


def _words(kind: type[IntEnum]) -> list[str]:
    names = {member.value: member.name.lower() for member in kind}
    return [names.get(number, str(number)) for number in range(256)]


_KINDS: Final = [{wire.FLOW: "flow", wire.REST: "rest", wire.EDGE: "edge"}.get(n, str(n)) for n in range(256)]
_PROTOCOLS: Final = [protocol_name(number) for number in range(256)]
_VERDICTS: Final = _words(Verdict)
_REASONS: Final = _words(Reason)
