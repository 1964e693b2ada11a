"""One agent's batch as a table of named flows."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.hub.cells import cells, coded
from fairway.hub.columns import END, SCHEMA, TCP_HEALTH
from fairway.hub.distinct import Ints, distinct
from fairway.hub.names import Names, category, is_pod
from fairway.wire import batch as wire
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Initiator, Reason, Verdict, protocol_name

LATEST_US: Final = 4_102_444_800_000_000
"""2100: later moments are garbage, and many readers of timestamps fail on them."""


def named(batch: wire.Batch, names: Names) -> pa.Table:
    """The batch's rows in the columns of `hub.columns`; BatchError when a row refers to nothing."""
    header, rows = batch.header, batch.rows
    check(batch)
    first, last = _times(header, rows)
    ends, pod, remote = _ends(batch, names, first, last)
    serves = rows["initiator"] == Initiator.REMOTE
    client, server = np.where(serves, remote, pod), np.where(serves, pod, remote)
    positions, pair = distinct(client, server)
    clients, servers = [ends[end] for end in client[positions]], [ends[end] for end in server[positions]]
    dialled = np.array([end.kind is Kind.SERVICE for end in ends] or [False])[remote] & ~serves
    service, backends, answered = _services(rows, dialled, ends, remote, names)
    columns: dict[str, Any] = {
        "time_start": np.full(len(rows), header.start_us),
        "time_end": np.full(len(rows), header.end_us),
        "first_seen": first,
        "last_seen": last,
        "kind": coded(rows["kind"], _KINDS),
        "reporter": coded(serves, ("client", "server")),
        # A Service address never opens a connection, so whoever talks to a port of one did.
        "initiator_known": (rows["initiator"] != Initiator.UNKNOWN) | answered,
        "protocol": coded(rows["protocol"], _PROTOCOLS),
        "family": rows["family"],
        "port": rows["port"],
        "category": coded(pair, [category(c, s) for c, s in zip(clients, servers, strict=True)]),
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
        "verdict_rule": coded(rows["verdict_rule"], header.rules),
        "staged_rule": coded(rows["staged_rule"], header.rules),
        "denied": rows["denied"],
        "service": service,
        "backends": backends,
    }
    written = [cells(end) for end in ends]
    for index, field in enumerate(END):
        words = [cell[index] for cell in written]
        columns[f"client_{field}"] = coded(client, words)
        columns[f"server_{field}"] = coded(server, words)
    return pa.table([pa.array(columns[field.name]).cast(field.type) for field in SCHEMA], schema=SCHEMA)


def check(batch: wire.Batch) -> None:
    """BatchError if a row refers to nothing, or the interval is none: such a batch can never be named."""
    header, rows = batch.header, batch.rows
    if not 0 <= header.start_us <= header.end_us <= LATEST_US:
        raise wire.BatchError(f"its interval {header.start_us}..{header.end_us} is no time")
    for name in ("verdict_rule", "staged_rule"):
        if len(rows) and int(rows[name].max()) >= len(header.rules):
            raise wire.BatchError(f"a row names rule {int(rows[name].max())} of {len(header.rules)}")


def _times(header: wire.Header, rows: NDArray[np.void]) -> tuple[Ints, Ints]:
    """First and last packet, in order and in reach; an agent that says nothing means its interval."""
    first = np.where(rows["first_us"] > 0, rows["first_us"], header.start_us).clip(0, LATEST_US)
    last = np.where(rows["last_us"] > 0, rows["last_us"], header.end_us).clip(0, LATEST_US)
    return first, np.maximum(first, last)


def _ends(batch: wire.Batch, names: Names, first: Ints, last: Ints) -> tuple[list[Endpoint], Ints, Ints]:
    """All endpoints once, and each row's index of its pod and of its remote end."""
    rows, header, ends = batch.rows, batch.header, dict[Endpoint, int]()
    window = (int(first.min()), int(last.max())) if len(rows) else (0, 0)

    def pod(row: int, start: int, end: int) -> Endpoint:
        return names.pod(header.pods[rows["pod"][row]], _address(rows, "pod", row), header.node, start, end)

    def only_pod(row: int) -> Endpoint | None:
        alone = names.only(_address(rows, "pod", row), *window)
        return alone if alone and is_pod(alone, header.pods[rows["pod"][row]]) else None

    def remote(row: int, start: int, end: int) -> Endpoint:
        return names.name(_address(rows, "remote", row), start, end)

    def only_remote(row: int) -> Endpoint | None:
        return names.only(_address(rows, "remote", row), *window)

    def indices(keys: Sequence[NDArray[Any]], only: _Only, each: _Each) -> Ints:
        """Name each distinct key once where one name holds for all its rows, else row by row."""
        positions, groups = distinct(*keys)
        shared = [only(int(row)) for row in positions]
        found = np.array([-1 if end is None else ends.setdefault(end, len(ends)) for end in shared], np.int64)
        result: Ints = found[groups]
        for row in np.flatnonzero(result < 0):
            result[row] = ends.setdefault(each(int(row), int(first[row]), int(last[row])), len(ends))
        return result

    pods = indices([rows["pod"], *_halves(rows["pod_address"])], only_pod, pod)
    remotes = indices(_halves(rows["remote_address"]), only_remote, remote)
    return list(ends), pods, remotes


def _services(
    rows: NDArray[np.void], dialled: NDArray[np.bool_], ends: Sequence[Endpoint], remote: Ints, names: Names
) -> tuple[pa.Array, pa.Array, NDArray[np.bool_]]:
    """For rows whose pod dialled a Service: which, where its connections end, and whether they do anywhere."""
    positions, groups = distinct(np.where(dialled, remote, -1), rows["port"], rows["protocol"])
    titles, backends = [], []
    for row in positions:
        server, port = ends[remote[row]], int(rows["port"][row])
        protocol = _PROTOCOLS[rows["protocol"][row]]
        ended = names.backends(server.address, port, protocol) if dialled[row] else ()
        titles.append(f"{server.namespace}/{server.name}:{port}" if dialled[row] else "")
        backends.append(msgspec.json.encode(ended).decode() if ended else "")
    return coded(groups, titles), coded(groups, backends), np.array(backends or [""])[groups] != ""


_Only = Callable[[int], Endpoint | None]
_Each = Callable[[int, int, int], Endpoint]


def _address(rows: NDArray[np.void], end: str, row: int) -> bytes:
    return bytes(rows[f"{end}_address"][row].tobytes())


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
