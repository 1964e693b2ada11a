"""Limits: what the node's kernel says of its own interfaces and of connections that it could not track."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

_INTERFACES: Final = Path("/proc/net/dev")
_TRACKING: Final = Path("/proc/net/stat/nf_conntrack")
MOST_INTERFACES: Final = 32
"""Interfaces with series of their own; a node has few beside its pods'."""

Ways = dict[str, tuple[int, int, int, int]]
"""By direction, as the node sees it (`ingress`, `egress`): bytes, packets, packets dropped, overruns of a queue."""


def interfaces(without: Collection[str], path: Path = _INTERFACES) -> dict[str, Ways]:
    """The counters of this network namespace's interfaces by name, without the loopback and `without`, and of the
    rest the first MOST_INTERFACES. Format: proc(5), /proc/net/dev; link-layer headers are counted."""
    found: dict[str, Ways] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[2:]:
        name, _, rest = line.partition(":")
        columns, name = [int(word) for word in rest.split()], name.strip()
        if name != "lo" and name not in without and len(found) < MOST_INTERFACES:
            found[name] = {
                "ingress": (columns[0], columns[1], columns[3], columns[4]),
                "egress": (columns[8], columns[9], columns[11], columns[12]),
            }
    return found


def untracked(path: Path = _TRACKING) -> dict[str, int]:
    """How often connection tracking failed, by the kernel's word for why, over all CPUs; empty where it is off.

    `drop`: the table was full and the packet was dropped; `early_drop`: it was full and another connection was
    forgotten for it; `insert_failed`: another one had its place. Format: net/netfilter/nf_conntrack_standalone.c,
    one line per CPU, hexadecimal.
    """
    try:
        head, *lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return {}
    names = head.split()
    return {
        name: sum(int(line.split()[names.index(name)], 16) for line in lines)
        for name in ("drop", "early_drop", "insert_failed")
        if name in names
    }
