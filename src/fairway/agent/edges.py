"""Which conversations have been told, and which of them next to nothing would tell: edges are never cut.

Ranking decides what is told as a flow. A conversation that does not make it, and that no event told either (the
ring was full, or it is older than the agent), leaves as an edge with the interval.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairway.agent.config import Rank
from fairway.agent.conversations import conversation_hashes
from fairway.agent.positions import Positions
from fairway.wire.batch import EDGE, RECORD
from fairway.wire.rules import NodePod

KEPT: Final = 1 << 18
_OF_AN_EDGE: Final = (
    "family",
    "protocol",
    "initiator",
    "verdict",
    "staged",
    "reason",
    "staged_reason",
    "pod",
    "port",
    "first_us",
    "last_us",
    "pod_address",
    "remote_address",
)


class KnownEdges:
    """Remembers conversations by number: 8 bytes each, `limit` of them; beyond it all are told once more."""

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._known = np.zeros(0, "u8")

    def __len__(self) -> int:
        return len(self._known)

    def fresh(self, rows: NDArray[np.void], pods: Sequence[NodePod]) -> NDArray[np.intp]:
        """Indices of the rows that were not seen before; from now on they were. `pods` is what `pod` counts."""
        if not len(rows):
            return np.zeros(0, np.intp)
        edges = edges_of(rows)
        # A pod's place in the list changes, and its address may be another's tomorrow.
        edges["pod"] = 0
        numbers = np.array([hash(pod.uid) for pod in pods], "i8").view("u8")
        hashes = conversation_hashes(edges) ^ numbers[rows["pod"]]
        _, firsts = Positions(hashes).distinct()
        hashes = hashes[firsts]
        at = np.searchsorted(self._known, hashes)
        inside = at < len(self._known)
        new = np.ones(len(hashes), bool)
        new[inside] = self._known[at[inside]] != hashes[inside]
        more = np.sort(hashes[new])
        if len(self._known) + len(more) > self._limit:
            self._known = more[: self._limit]
        else:
            self._known = np.insert(self._known, np.searchsorted(self._known, more), more)
        return firsts[new]


def edges_of(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Rows as edges: who, when and how judged, without counters and without the numbers of rules."""
    edges = np.zeros(len(rows), RECORD)
    for name in _OF_AN_EDGE:
        edges[name] = rows[name]
    edges["kind"] = EDGE
    return edges


def ranked(rows: NDArray[np.void], rank: Rank, top: int) -> NDArray[np.intp]:
    """Indices of the `top` first rows by `rank`, ties by bytes, then as they came."""
    sent = rows["tx_bytes"] + rows["rx_bytes"]
    first = {
        Rank.BYTES: sent,
        Rank.PACKETS: rows["tx_packets"] + rows["rx_packets"],
        Rank.RETRANSMISSIONS: rows["retransmissions"].astype("u8"),
    }[rank]
    return np.lexsort((-sent.astype("i8"), -first.astype("i8")))[:top]
