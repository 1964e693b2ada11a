"""Reading: traffic by the hour out of the database, Services by what is behind them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.hours import hours_between, newcomers, pairs_between
from fairway.hub.database.seen import backends
from fairway.hub.rows import rows_of
from fairway.policy.directory import pod_endpoint
from fairway.policy.model import Cluster
from fairway.signals.pointing import SERVICE
from fairway.signals.traffic import COUNTERS, Pair, Traffic, moment

_OUTSIDE: Final = ("external", "cloud")


def traffic_between(base: FlowBase, begin: int, end: int) -> Traffic:
    """Everything from hour `begin` to before `end`. DatabaseError when the database does not answer."""
    since, until = moment(begin), moment(end)
    services = behind(base)
    numbers, pairs = [], []
    for row in rows_of(base.ask(pairs_between(since, until))):
        numbers.append(row["pair"])
        pairs.append(pair_of(row, services))
    return _traffic(np.array(numbers, np.uint64), pairs, base.ask(hours_between(since, until)))


def pair_of(row: Mapping[str, Any], behind: Mapping[str, tuple[str, int]]) -> Pair:
    """Of a row with the keys of `database.hours`. What a client's agent tells of a Service belongs to the workload
    behind it, where there is only one."""
    server, port, kind = _group(row, "server"), int(row["port"]), row["server_kind"]
    if kind == "service" and row["service"] in behind:
        server, port = behind[row["service"]]
    elif kind == "service":
        server = SERVICE + server
    return Pair(
        client=_group(row, "client"),
        server=server,
        port=port,
        protocol=row["protocol"],
        outside=kind in _OUTSIDE,
        pod=row["client_kind"] == "pod",
    )


def alive(cluster: Cluster) -> frozenset[str]:
    """Workloads that have pods at work, as groups."""
    return frozenset(
        pod_endpoint(pod, pod.addresses[0]).group for pod in cluster.pods if pod.addresses and not pod.finished
    )


def changed(base: FlowBase, begin: int, end: int, lately: int) -> frozenset[tuple[str, int]]:
    """Workloads of which a new pod spoke from hour `begin` to before `end`, as groups, with each of the `lately`
    hours from then on."""
    rows = base.ask(newcomers(moment(begin), moment(end))).to_pylist()
    return frozenset(
        (f"{row['namespace']}/{row['workload'].partition('/')[2]}", int(row["first"].timestamp()) // 3600 + late)
        for row in rows
        for late in range(lately)
    )


def behind(base: FlowBase) -> dict[str, tuple[str, int]]:
    """The workload and port behind each Service that has only one."""
    found = {}
    for row in base.ask(backends()).to_pylist():
        workloads = [tuple(told.values()) if isinstance(told, dict) else tuple(told) for told in row["workloads"]]
        if len(workloads) == 1 and len(row["ports"]) == 1:
            namespace, workload = workloads[0]
            found[row["service"]] = f"{namespace}/{str(workload).partition('/')[2]}", int(row["ports"][0])
    return found


def _group(row: Mapping[str, Any], end: str) -> str:
    """As `wire.endpoint.Endpoint.group`, but for networks outside."""
    name, namespace = str(row[f"{end}_group"]), row[f"{end}_namespace"]
    if row[f"{end}_kind"] == "pod":
        name = name.partition("/")[2] or name
    return f"{namespace}/{name}" if namespace else name


def _traffic(numbers: Any, pairs: list[Pair], rows: pa.Table) -> Traffic:
    """One row for each pair and hour; pairs that several numbers mean are one."""
    own = tuple(dict.fromkeys(pairs))
    place = {pair: index for index, pair in enumerate(own)}
    order = np.argsort(numbers)
    to_own = np.array([place[pair] for pair in pairs], np.int64)[order]
    told = rows["pair"].to_numpy()
    found = np.searchsorted(numbers[order], told)
    known = np.flatnonzero(found < len(order))
    known = known[numbers[order][found[known]] == told[known]]
    counts = np.column_stack([rows[name].to_numpy() for name in COUNTERS]).reshape(-1, len(COUNTERS))[known]
    hours = rows["hour"].to_numpy()[known]
    cells, inverse = np.unique(np.column_stack([to_own[found[known]], hours]), axis=0, return_inverse=True)
    summed = np.zeros((len(cells), len(COUNTERS)))
    np.add.at(summed, inverse.reshape(-1), counts)
    there = summed.any(1)  # all of a Service's row may be its backends'
    return Traffic(own, cells[there, 0], cells[there, 1], summed[there])
