"""Detect: all detectors over one hour, and what of their findings is worth a person's time."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from fairway.signals.finding import Finding
from fairway.signals.presence import Hours, Silence
from fairway.signals.reach import SETTLING, Reach
from fairway.signals.traffic import Hour, Past
from fairway.signals.trouble import Trouble
from fairway.signals.volume import Tunnels, Volume

WEEKS: Final = 4
"""Of history that a rhythm is made of."""
_PARTS: Final = (Reach, Volume, Tunnels, Trouble, Silence, Hours)
_EXPLAINS: Final[dict[str, frozenset[str]]] = {
    "scan": frozenset({"fan-out", "new-edge", "failures", "volume"}),
    "fan-out": frozenset({"new-edge", "volume"}),
    "exfiltration": frozenset({"volume", "new-edge"}),
    "dns-tunnel": frozenset({"volume"}),
}
"""Kinds of the same client that a finding of this kind is the better name for."""


class Detectors:
    """Everything that is learned from a past; `find` then judges the hour that follows it."""

    def __init__(self, past: Past) -> None:
        self._end = past.end
        # In its first days everything is new.
        self._all = tuple(part(past) for part in _PARTS) if past.end - past.begin >= SETTLING else ()

    def find(self, hour: Hour) -> list[Finding]:
        """Findings of the hour, the surest first. ValueError for another hour than the next."""
        if hour.number != self._end:
            raise ValueError(f"hour {hour.number} does not follow a past that ends with {self._end}")
        return settled([found for one in self._all for found in one.find(hour)])


def settled(found: Iterable[Finding]) -> list[Finding]:
    """What others do not explain, and one finding for what several clients have with one server."""
    told = list(found)
    explained = {
        (finding.client, kind) for finding in told for kind in _EXPLAINS.get(finding.kind, frozenset[str]())
    }
    left = [finding for finding in told if (finding.client, str(finding.kind)) not in explained]
    return sorted(_merged(left), key=lambda finding: (-finding.sure, finding.kind, finding.subject))


def _merged(found: list[Finding]) -> Iterable[Finding]:
    """Trouble that several clients have with one server is the server's; a server that is silent, or clients that
    are, move less: that is no finding of its own."""
    by_server: dict[tuple[str, str, int, str], list[Finding]] = defaultdict(list)
    silent = {finding.subject for finding in found if finding.kind == "silent"}
    for finding in found:
        if finding.kind in ("failures", "retransmissions"):
            by_server[finding.kind, finding.server, finding.port, finding.protocol].append(finding)
        elif finding.kind != "volume" or not silent & {finding.client, finding.server}:
            yield finding
    for several in by_server.values():
        worst = max(several, key=lambda finding: finding.sure)
        if len(several) == 1:
            yield worst
            continue
        yield msgspec.structs.replace(
            worst,
            subject=f"{worst.server} {worst.port}/{worst.protocol}",
            client=worst.server,
            what=f"{worst.what}, of {worst.client} alone; {len(several)} clients in all",
        )
