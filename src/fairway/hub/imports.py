"""Imports: files of flows that `fairway import --state` left for the hub become rows of the database, each once."""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.flows import counted_once
from fairway.hub.store import read_flows
from fairway.kit.errors import UsageError

ROWS: Final = 500_000
"""Of one insert."""


def take_imports(folder: Path, base: FlowBase) -> int:
    """Load and remove every file in `folder`; how many rows. A file that holds no flows is put aside: UsageError.
    DatabaseError leaves the file for the next time: what is in already is known by its name."""
    rows = 0
    for path in sorted(folder.glob("*.parquet")):
        try:
            flows = read_flows(path)
        except UsageError:
            path.replace(path.with_suffix(".refused"))
            raise
        reporting, holders = _reporting(flows), holders_in(flows)
        for number, start in enumerate(range(0, len(flows), ROWS)):
            part = flows.slice(start, ROWS)
            base.append(part, counted_once(part, reporting, holders), f"{path.stem}-{number}")
        path.unlink()
        rows += len(flows)
    return rows


def holders_in(flows: pa.Table) -> dict[str, str]:
    """The node of each pod's address, as the flows themselves tell."""
    holders = {}
    for end in ("client", "server"):
        names = [f"{end}_address", f"{end}_node", f"{end}_kind"]
        for row in flows.select(names).unify_dictionaries().group_by(names).aggregate([]).to_pylist():
            if row[names[2]] == "pod":
                holders[row[names[0]]] = row[names[1]]
    return holders


def _reporting(flows: pa.Table) -> set[str]:
    """The nodes whose side of connections is in the file: what their clients' nodes tell is the same again."""
    told = flows.filter(pc.equal(flows["reporter"].cast(pa.string()), "server"))
    return set(pc.unique(told["server_node"].cast(pa.string())).to_pylist()) - {""}
