"""Finding: something that is unlike itself. What, since when, compared to what, how sure."""

from typing import Final, Literal

import msgspec

from fairway.signals.traffic import Pair

Kind = Literal[
    "new-edge", "scan", "fan-out", "volume", "failures", "retransmissions", "silent", "dns-tunnel", "off-hours",
    "exfiltration",
]  # fmt: skip

MEANS: Final[dict[Kind, str]] = {
    "new-edge": "a connection that was never there, where new ones are rare",
    "scan": "many addresses or ports tried that do not answer",
    "fan-out": "many ends called that were never called before",
    "volume": "far more or far less than usual at this hour of the week",
    "failures": "more connections fail than its own past lets expect",
    "retransmissions": "more packets are sent again than its own past lets expect",
    "silent": "a workload that should speak now says nothing",
    "dns-tunnel": "far more and far longer DNS questions than usual",
    "off-hours": "regular traffic at an hour that it never had",
    "exfiltration": "much sent to a place outside that was never called before",
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding about one hour. `subject` is a workload or an edge as a person names it, and `kind` with it tells
    one finding from another; `client` and `server` are its ends, where it has them. `what` happened and what it is
    `compared` to are sentences; `sure` is from 0 to 1, see `sureness`."""

    kind: Kind
    subject: str
    client: str
    hour: int
    what: str
    compared: str
    sure: float
    server: str = ""
    port: int = 0
    protocol: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from another."""
        return self.kind, self.subject


def of_pair(kind: Kind, pair: Pair, hour: int, what: str, compared: str, sure: float) -> Finding:
    """A finding about one pair of ends."""
    return Finding(
        kind=kind,
        subject=pair.title,
        client=pair.client,
        server=pair.server,
        port=pair.port,
        protocol=pair.protocol,
        hour=hour,
        what=what,
        compared=compared,
        sure=sure,
    )


def sureness(evidence: float, limit: float) -> float:
    """How far past its limit something is: 0.5 at the limit, 0.67 at twice, 0.9 at nine times; no probability."""
    return round(min(0.99, evidence / (evidence + limit)), 2) if evidence > 0 else 0.0


def size(count: float) -> str:
    """Bytes for a person: `1.5 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
