"""The API's answers as a terminal shows them."""

from collections.abc import Mapping
from typing import Any

from fairway.kit import show

Plain = Mapping[str, Any]
NUMBERS = (
    "conns",
    "sent",
    "received",
    "retr",
    "failed",
    "timeouts",
    "rtt",
    "denied",
    "would_deny",
    "cross_zone",
    "cost",
    "share",
)
"""Columns of figures: to the right."""


def end_title(end: Plain) -> str:
    """An end at the grain of pods: `shop/ui-1`, `service shop/ui`, `S3 192.0.2.1`, an address."""
    kind, namespace, name, address = (end[part] for part in ("kind", "namespace", "name", "address"))
    if kind == "cloud":
        return f"{name} {address}"
    whole = f"{namespace}/{name}" if namespace else name or address
    return f"service {whole}" if kind == "service" else str(whole)


def group_title(key: Plain, end: str) -> str:
    """A group's end at the grain of workloads: `shop/ui`, an address' network."""
    kind, namespace, group = (key[f"{end}_{part}"] for part in ("kind", "namespace", "group"))
    name = group.partition("/")[2] or group if kind == "pod" else group
    whole = f"{namespace}/{name}" if namespace else name
    return f"service {whole}" if kind == "service" else str(whole)


def key_cells(key: Plain) -> dict[str, str]:
    """What sums are of, in columns."""
    cells = {end: group_title(key, end) for end in ("client", "server") if f"{end}_group" in key}
    others = (name for name in key if name.partition("_")[0] not in cells)
    return {**cells, **{name: str(key[name]) for name in others}}


def sum_cells(sums: Plain) -> dict[str, str]:
    """Sums in columns; what is not known is a dash."""
    rtt = sums["rtt_us"]
    return {
        "conns": str(sums["connections"]),
        "sent": show.size(sums["sent_bytes"]),
        "received": show.size(sums["received_bytes"]),
        "retr": str(sums["retransmissions"]),
        "failed": str(sums["failed"]),
        "timeouts": str(sums["timeouts"]),
        "rtt": "-" if rtt is None else f"{rtt / 1000:.1f} ms",
        "denied": str(sums["denied"]),
        "would_deny": str(sums["would_deny"]),
    }
