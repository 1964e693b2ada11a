"""A hub's folder filled with the lab's recording: real flows of a real shop, moved to another time."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fairway.hub.state import State
from fairway.hub.store import read_flows, write_flows
from fairway.lab.recording import SHIPPED

_TIMES = ("time_start", "time_end", "first_seen", "last_seen")


def write_recorded_cluster(folder: Path) -> None:
    """The manifests of the recording's end."""
    folder.mkdir(parents=True, exist_ok=True)
    header = msgspec.json.decode(pq.read_schema(SHIPPED).metadata[b"fairway.recording"])
    items = [value for _, value in header["after"]["documents"]]
    (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def recorded_flows(until: datetime, copies: int = 1) -> pa.Table:
    """The recording, its end moved to a time; more copies end one length earlier each."""
    flows = read_flows(SHIPPED)
    first, last = pc.min(flows["time_start"]).as_py(), pc.max(flows["time_end"]).as_py()
    length = last - first
    parts = [_moved(flows, until.astimezone(UTC) - last - number * length) for number in range(copies)]
    return pa.concat_tables(reversed(parts))


def seed(state: State, until: datetime, copies: int = 1) -> int:
    """Leave the flows where the hub takes imports from; how many."""
    flows = recorded_flows(until, copies)
    state.imports.mkdir(parents=True, exist_ok=True)
    partial = state.imports / "recorded.partial"
    write_flows(partial, flows)
    partial.rename(state.imports / "recorded.parquet")
    return len(flows)


def _moved(flows: pa.Table, by: timedelta) -> pa.Table:
    for name in _TIMES:
        index = flows.schema.get_field_index(name)
        moved = pc.add(flows[name], pa.scalar(by, type=pa.duration("us")))
        flows = flows.set_column(index, flows.schema.field(index), moved.cast(flows.schema.field(index).type))
    return flows
