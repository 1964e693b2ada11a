"""A hub filled with the lab's recording: real flows of a real shop, moved to another time."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fairway.hub.auth import digest
from fairway.hub.serve import Listening
from fairway.hub.state import State
from fairway.hub.store import read_flows, write_flows
from fairway.lab.recording import SHIPPED
from fairway.wire.words import Initiator
from support.hubs import Serving, serving, until
from support.reports import SECOND, report

BOUND = "of somebody of orders"
LOOKING = "of somebody who sees all and changes nothing"
"""A token that sees one namespace."""
COPIES = 8
"""Of the recording: about three minutes, twenty thousand flows."""

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


@contextmanager
def recorded_hub(folder: Path, copies: int = COPIES, port: int = 0, oidc: Path | None = None) -> Iterator[Serving]:
    """A hub over the recording, whose agents report; with a folder that was filled before, over what is there."""
    filled = (folder / "cluster").exists()
    write_recorded_cluster(folder / "cluster")
    tokens = folder / "tokens.yaml"
    tokens.write_text(
        f"tokens:\n- {{name: jane, role: viewer, namespaces: [orders], sha256: {digest(BOUND)}}}\n"
        f"- {{name: vera, role: viewer, sha256: {digest(LOOKING)}}}\n"
    )
    with serving(folder, Listening(port=port, tokens=tokens, oidc=oidc), clean=False) as hub:
        if not filled:
            seed(hub.state, datetime.now(UTC), copies)
            until(lambda: not list(hub.state.imports.glob("*.parquet")), 120)
            tell(hub)
        yield hub


def tell(hub: Serving, *, bytes: int = 4242) -> None:
    """One more report of each node, just now: the ui calls carts on a port of its own."""
    cluster = hub.answers.hub.require_ready()
    pods = {pod.node: pod for pod in cluster.pods if pod.addresses and not pod.host_network}
    server = next(pod.addresses[0] for pod in cluster.pods if pod.namespace == "carts")
    at = time.time_ns() // 1000
    hub.put(
        *(
            report(
                pod.addresses[0],
                server,
                9999,
                Initiator.POD,
                name=(node, pod.namespace, pod.name),
                boot=f"b{at}",
                at=at - SECOND,
                connections=1,
                tx_bytes=bytes,
                rx_bytes=bytes,
            )
            for node, pod in pods.items()
        )
    )


def _moved(flows: pa.Table, by: timedelta) -> pa.Table:
    for name in _TIMES:
        index = flows.schema.get_field_index(name)
        moved = pc.add(flows[name], pa.scalar(by, type=pa.duration("us")))
        flows = flows.set_column(index, flows.schema.field(index), moved.cast(flows.schema.field(index).type))
    return flows
