"""Sight: what one foreign record tells of one connection, before it is known which end is the client."""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray


class Opener(IntEnum):
    """Which end of the record opened the connection."""

    UNKNOWN = 0
    SOURCE = 1
    TARGET = 2  # the record is of a reply


class At(IntEnum):
    """Where the record was made. Two places may tell of the same packets; each connection is counted once."""

    HERE = 0  # the one place that tells of both directions
    SOURCE = 1
    TARGET = 2
    ELSEWHERE = 3  # another place told of these packets, too


SIGHT: Final = np.dtype(
    [
        ("start", "i8"),  # microseconds since 1970
        ("end", "i8"),
        ("source", "u4"),  # numbers of ends (importers.ends)
        ("target", "u4"),
        ("source_port", "u2"),  # 0 for protocols without ports, or where the record has none
        ("target_port", "u2"),
        ("protocol", "u1"),  # IP protocol number
        ("opener", "u1"),
        ("at", "u1"),
        ("verdict", "u1"),  # wire.words.Verdict
        ("staged", "u1"),
        ("rule", "u4"),  # numbers of words (importers.ends.Words); 0 none
        ("staged_rule", "u4"),
        ("service", "u4"),  # `namespace/name:port` that was dialled
        ("sent_bytes", "u8"),  # source to target
        ("back_bytes", "u8"),
        ("sent_packets", "u8"),
        ("back_packets", "u8"),
        ("connections", "u4"),  # opened, if the source turns out to be the client
        ("denied", "u4"),  # packets dropped
        ("retransmissions", "u4"),
        ("srtt_us", "u4"),
        ("unknown", "u4"),  # number of what the record says beside (importers.unknown)
    ]
)

Sights = NDArray[np.void]
"""An array of dtype SIGHT."""

NONE: Final = np.zeros(0, SIGHT)

PORTED: Final = (6, 17, 132)
"""Protocols with ports: TCP, UDP, SCTP."""


def sights(rows: list[tuple[int, ...]]) -> Sights:
    """Tuples in the order of SIGHT."""
    return np.array(rows, SIGHT) if rows else NONE
