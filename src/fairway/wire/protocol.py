"""How agents and the hub talk over HTTPS; docs/agent.md tells the same in prose.

An agent posts each batch with its identity in headers, so that a hub can refuse or recognise it before it reads the
body. It forgets a batch only when the answer names it: a proxy's friendly page is no receipt.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

FLOWS_PATH: Final = "/api/v1/flows"
CONTENT_TYPE: Final = "application/vnd.apache.arrow.stream"
NODE, BOOT, SEQUENCE, PART = "Fairway-Node", "Fairway-Boot", "Fairway-Sequence", "Fairway-Part"
WHOLE: Final = 1
"""The part number of a batch that was not split. A part p that is too large goes as the parts 2p and 2p+1, the
first and the second half of its rows."""
MAX_PART: Final = 1 << 21
"""A batch has at most 2^20 rows: no part of a single row has a higher number."""
WAIT: Final = "wait"
"""Parameter of the feed: seconds that the hub may keep the question open until it has something new."""
MAX_WAIT: Final = 60


class BatchId(msgspec.Struct, frozen=True):
    """Which batch: the hub keeps each once. `boot` differs each time an agent starts, `sequence` counts from 1."""

    node: str
    boot: str
    sequence: int
    part: int = WHOLE

    def headers(self) -> dict[str, str]:
        """The identity as HTTP headers."""
        return {NODE: self.node, BOOT: self.boot, SEQUENCE: str(self.sequence), PART: str(self.part)}


class Receipt(msgspec.Struct, frozen=True):
    """Answer 200 to a batch: it is kept for good. `duplicate`: it had been before."""

    node: str
    boot: str
    sequence: int
    part: int = WHOLE
    duplicate: bool = False

    @property
    def identity(self) -> BatchId:
        """The batch that is meant."""
        return BatchId(self.node, self.boot, self.sequence, self.part)


class Refusal(msgspec.Struct, frozen=True):
    """Answer 4xx or 5xx: why, in one line."""

    error: str


def identity_of(headers: Mapping[str, str]) -> BatchId | None:
    """The identity in a request's headers (any mapping with `get`); None if it is missing or malformed."""
    numbers = [headers.get(name, "") for name in (SEQUENCE, PART)]
    node, boot = headers.get(NODE, ""), headers.get(BOOT, "")
    if not node or not boot or not all(n.isascii() and n.isdigit() and len(n) <= 18 for n in numbers):
        return None
    sequence, part = map(int, numbers)
    return BatchId(node, boot, sequence, part) if sequence >= 1 and WHOLE <= part <= MAX_PART else None


def feed_path(node: str) -> str:
    """Where a node's pods and rules are."""
    return f"/api/v1/nodes/{quote(node, safe='')}/feed"
