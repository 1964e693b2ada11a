"""Cause: one candidate for what is behind a trouble."""

from typing import Final, Literal

import msgspec

CauseKind = Literal[
    "policy", "dns", "conntrack", "bandwidth", "loss", "replica", "server", "client", "zone", "deploy", "change"
]
ENOUGH: Final = 10.0
"""Bad events, below which nothing is said of where they are."""
QUESTIONS: Final = 4.0
"""DNS packets, or connections, below which their shares mean nothing."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate: what kind of thing, where, how much speaks for it, and what."""

    kind: CauseKind
    where: str
    score: float
    why: tuple[str, ...]
