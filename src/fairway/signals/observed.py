"""Observed: what is known of a trouble, before and while it lasts. All that causes are ranked by."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec

COUNTED: Final = (
    *("connections", "failed", "resets", "severed"),
    *("retransmissions", "handshake_retransmissions", "timeouts"),
    *("sent_packets", "received_packets", "sent_bytes", "received_bytes", "denied"),
    *("srtt_sum_us", "srtt_count", "connect_sum_us", "connect_count"),
)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What one side's agent counted; the meanings are those of `hub.columns`."""

    connections: float = 0
    failed: float = 0
    resets: float = 0
    severed: float = 0
    retransmissions: float = 0
    handshake_retransmissions: float = 0
    timeouts: float = 0
    sent_packets: float = 0
    received_packets: float = 0
    sent_bytes: float = 0
    received_bytes: float = 0
    denied: float = 0
    srtt_sum_us: float = 0
    srtt_count: float = 0
    connect_sum_us: float = 0
    connect_count: float = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in COUNTED})

    def __sub__(self, other: "Counts") -> "Counts":
        """What is left, never less than nothing."""
        return Counts(**{name: max(0.0, getattr(self, name) - getattr(other, name)) for name in COUNTED})

    @property
    def packets(self) -> float:
        return self.sent_packets + self.received_packets

    @property
    def lost(self) -> float:
        """Share of packets that had to be sent again."""
        return self.retransmissions / self.packets if self.packets else 0.0

    @property
    def broken(self) -> float:
        """Connections that came to nothing: refused, given up, or severed."""
        return self.failed + self.severed

    @property
    def trouble(self) -> float:
        """All bad events, whatever they are called."""
        return self.broken + self.retransmissions + self.denied

    @property
    def rtt_us(self) -> float | None:
        """The mean smoothed round-trip time."""
        return self.srtt_sum_us / self.srtt_count if self.srtt_count else None

    @property
    def answer_bytes(self) -> float | None:
        """What came back for each connection."""
        return self.received_bytes / self.connections if self.connections else None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One replica's traffic with another's, as one side's agent told it; `server` is empty where the client's agent
    knows a Service's address only. Ends are pods by name, or addresses. `of` is the workload that the server is a
    replica of."""

    reporter: str
    client: str
    server: str
    of: str = ""
    client_node: str = ""
    server_node: str = ""
    client_zone: str = ""
    server_zone: str = ""
    counts: Counts = Counts()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What one client replica asked DNS, in packets, and how much was answered."""

    client: str
    node: str
    asked: float
    answered: float

    @property
    def unanswered(self) -> float:
        """The share of questions without an answer."""
        return max(0.0, self.asked - self.answered) / self.asked if self.asked else 0.0


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """Connections that policies in force dropped, and why."""

    edge: str
    packets: int
    why: str
    first: datetime
    last: datetime
    rule: str = ""


ChangeKind = Literal["policy", "rollout", "deploy"]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody changed, or a pod that was new."""

    at: datetime
    kind: ChangeKind
    what: str
    who: str = ""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of a node: how full its table is (`used` of `most`), or how often it was hit (`most` 0)."""

    node: str
    name: str
    used: float
    most: float = 0

    @property
    def hit(self) -> bool:
        """Is it in the way?"""
        return self.used >= FULL * self.most if self.most else self.used > 0


FULL: Final = 0.95
"""Of a table, from which on it turns away newcomers."""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """The trouble's own rows (`now`, `before`), all rows between different nodes by node (`nodes`, `nodes_before`),
    and what else is known of the time. `client` and `server` are groups, either may be empty."""

    client: str
    server: str
    since: datetime
    until: datetime
    begin: datetime
    now: tuple[Row, ...] = ()
    before: tuple[Row, ...] = ()
    nodes: tuple[Row, ...] = ()
    nodes_before: tuple[Row, ...] = ()
    dns: tuple[Asked, ...] = ()
    dns_before: tuple[Asked, ...] = ()
    denied: tuple[Dropped, ...] = ()
    changes: tuple[Changed, ...] = ()
    limits: tuple[Limit, ...] = ()


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A replica, node or pair of zones: how much of all trouble it has, and what it counted."""

    name: str
    share: float
    counts: Counts


def summed(rows: Iterable[Row]) -> Counts:
    """All of them added up."""
    total = Counts()
    for row in rows:
        total += row.counts
    return total


def shares(rows: Iterable[Row], name: Callable[[Row], Iterable[str]]) -> list[Share]:
    """Rows by what they are called, most trouble first; a row may belong to several, and one without a name to
    none."""
    by: dict[str, Counts] = {}
    told = list(rows)
    for row in told:
        for one in set(name(row)) - {""}:
            by[one] = by.get(one, Counts()) + row.counts
    whole = summed(told).trouble
    found = [Share(name=one, share=c.trouble / whole if whole else 0.0, counts=c) for one, c in by.items()]
    return sorted(found, key=lambda share: (-share.share, -share.counts.packets, share.name))


def nodes_of(row: Row) -> tuple[str, str]:
    """Both ends' nodes."""
    return row.client_node, row.server_node
