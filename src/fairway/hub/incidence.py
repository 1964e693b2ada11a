"""Incidence: in which bins of time each edge was seen, out of stored flows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.client import Client, read_door
from fairway.hub.edges import edges_of
from fairway.hub.rows import rows_of
from fairway.hub.state import State
from fairway.policy.watch import Sighting, Watch
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint

_WHO: Final = ("kind", "address", "namespace", "name")
_ENDS: Final = tuple(f"{end}_{name}" for end in ("client", "server") for name in _WHO)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Key = tuple[object, ...]


def watch_of(flows: pa.Table, length: timedelta, lost: dict[str, int] | None = None) -> Watch:
    """The edges of the flows with their bins of `length`; bin 0 begins at a whole multiple of it since 1970.

    A row counts in the bin in which its agent's interval began. Rows that an edge was not made of (a client's
    report of a Service address whose backends told of it themselves) say nothing of their own.
    """
    edges = edges_of(flows)
    step = int(length / timedelta(microseconds=1))
    since = pc.divide(flows["time_start"].cast(pa.int64()), pa.scalar(step))
    zero = pc.min(since).as_py() or 0
    table = flows.append_column("bin", pc.subtract(since, pa.scalar(zero)))
    watched = sorted(pc.unique(table["bin"]).to_pylist())
    seen: dict[_Key, set[int]] = {}
    for row in rows_of(_grouped(table)):
        key = tuple(row[name] for name in (*_ENDS, "port", "protocol"))
        seen.setdefault(key, set()).update(row["bin_distinct"])
    bounds = [pc.min(flows["time_start"]).as_py(), pc.max(flows["time_end"]).as_py()]
    return Watch(
        start=_EPOCH + zero * length,
        length=length,
        extent=bounds[1] - bounds[0] if watched else timedelta(),
        watched=tuple(watched),
        sightings=tuple(_sighting(edge, seen) for edge in edges),
        lost=lost,
    )


def losses_at(path: Path) -> dict[str, int] | None:
    """Events and batches lost, by node, as agents told the hub of a state folder; None where `path` is none."""
    door = read_door(State(path))
    if door is None:
        return None
    return Client(door).agents().lost


def _grouped(table: pa.Table) -> pa.Table:
    told = table.filter(pc.is_in(table["kind"].cast(pa.string()), pa.array(["flow", "edge"])))
    keys = [*_ENDS, "port", "protocol"]
    return told.select([*keys, "bin"]).unify_dictionaries().group_by(keys).aggregate([("bin", "distinct")])


def _sighting(edge: Edge, seen: dict[_Key, set[int]]) -> Sighting:
    client, server = _end(edge.client), _end(edge.server)
    told = ((*pair, edge.port, edge.protocol) for pair in ((*client, *server), (*server, *client)))
    bins = set[int]().union(*(seen.get(key, ()) for key in told))
    return Sighting(edge, tuple(sorted(bins)))


def _end(end: Endpoint) -> tuple[Any, ...]:
    return str(end.kind), end.address, end.namespace, end.name
