"""Hearing: denials out of flows as they come in, so that a rollout need not wait until the database is asked."""

from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["denied", "would_deny"]
"""What the kernel dropped; and what policies on trial, or in force for audit, would have dropped."""
_COLUMNS: Final = {"denied": ("verdict", "reason"), "would_deny": ("staged", "staged_reason")}
_TOLD: Final = (
    *(f"{end}_{name}" for end in ("client", "server") for name in ("kind", "namespace", "workload", "name")),
    *("client_address", "server_address", "client_node", "server_node"),
    *("service", "port", "protocol", "reporter", "denied", "connections", "time_end"),
)


def heard(flows: pa.Table, kinds: tuple[Kind, ...]) -> list[dict[str, Any]]:
    """Denials of some kinds in flows, each as a row of `database.trials.denials_since`."""
    found = []
    for kind in kinds:
        verdict, reason = _COLUMNS[kind]
        denied = flows.filter(pc.equal(flows[verdict].cast(pa.string()), "deny"))
        if len(denied):
            found += [_grouped(row, reason) for row in denied.select((*_TOLD, reason)).to_pylist()]
    return found


def _grouped(row: dict[str, Any], reason: str) -> dict[str, Any]:
    for end in ("client", "server"):
        row[f"{end}_group"] = (
            row[f"{end}_workload"] if row[f"{end}_kind"] == "pod" else row[f"{end}_name"] or row[f"{end}_address"]
        )
    row["reason"] = row.pop(reason)
    row["node"] = row[f"{row['reporter']}_node"]
    row["count"] = max(1, row["denied"], row["connections"])
    row["last_us"] = row["time_end"].timestamp() * 1e6
    return row
