"""Answers: by which names addresses outside were looked up, as resolvers told this node's pods."""

import re
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairway.agent.ring import Ring
from fairway.wire.address import text
from fairway.wire.batch import Answer

MOST: Final = 4096
"""In one batch; the others go with the next."""
_LABEL: Final = re.compile(rb"[a-z0-9_-]+")


class Answers:
    """`take` what the kernel told since the last time. A name whose bytes no host name has is left out."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._waiting: list[NDArray[np.void]] = []

    def take(self) -> tuple[Answer, ...]:
        """The news, oldest first."""
        news = np.concatenate([*self._waiting, self._ring.read()])
        self._waiting = [news[MOST:]]
        zero_us = (time.time_ns() - time.monotonic_ns()) // 1000
        named = ((row, written_name(row["name"].tobytes())) for row in news[:MOST])
        return tuple(_answer(row, name, zero_us) for row, name in named if name)

    def close(self) -> None:
        """Let go of the ring."""
        self._ring.close()


def _answer(row: Any, name: str, zero_us: int) -> Answer:
    address = text(row["address"].tobytes())
    return Answer(address, name, zero_us + int(row["at"]) // 1000, int(row["ttl"]))


def written_name(wire: bytes) -> str:
    """A name as people write it (RFC 1035 section 3.1), empty if it is none."""
    labels, at = [], 0
    while length := wire[at]:
        label = wire[at + 1 : at + 1 + length]
        if not _LABEL.fullmatch(label):
            return ""
        labels.append(label.decode())
        at += length + 1
        if at >= len(wire):
            return ""
    return ".".join(labels)
