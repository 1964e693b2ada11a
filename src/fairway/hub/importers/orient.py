"""Orient: which end of each record is the client, by what the record says, or by what else is known.

A record says so itself (a handshake's flags, `is_reply`), or the cluster does: a Service address never opens a
connection, and a pod that declares a port serves it. What is left is guessed, by ports that served others
before or by the lower port. A guess is known to be right once the other end came from several ports: clients
change theirs, servers do not. Until then it stays marked as a guess, and makes no policy rule by itself.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairway.hub.importers.ends import Ends
from fairway.hub.importers.sight import PORTED, Opener, Sights
from fairway.kit.codes import distinct
from fairway.wire.endpoint import Kind
from fairway.wire.words import PROTOCOL_NUMBERS

MAX_SERVERS: Final = 1 << 17
"""Of ports seen to serve; beyond, the oldest are as good as guesses."""
SEVERAL: Final = 4
MAX_CLIENTS: Final = 1 << 18
"""Of pairs whose ports are counted; beyond, counting starts anew."""

Keys = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Oriented:
    """For each sight: does the target serve (else the source does), and is that known."""

    forward: Flags
    known: Flags


class Orient:
    """Remembers what it learned from one chunk of records for the next ones of the same ends."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._looked_at = 0
        self._declared = np.zeros(0, np.int64)
        self._services = np.zeros(0, np.int64)
        self._served = np.zeros(0, np.int64)
        self._ports: dict[tuple[int, int], set[int]] = {}

    def __call__(self, sights: Sights) -> Oriented:
        self._look_at_ends()
        source = _keys(sights["source"], sights["source_port"], sights["protocol"])
        target = _keys(sights["target"], sights["target_port"], sights["protocol"])
        told = sights["opener"] != Opener.UNKNOWN
        forward = sights["opener"] != Opener.TARGET
        ported = np.isin(sights["protocol"], PORTED)
        self._learn(np.where(forward, target, source)[told & ported])
        forward, known = forward.copy(), told.copy()
        ask = np.flatnonzero(~told & ported)
        if len(ask):
            forward[ask], known[ask] = self._judge(sights[ask], source[ask], target[ask])
        return Oriented(forward, known)

    def _judge(self, sights: Sights, source: Keys, target: Keys) -> tuple[Flags, Flags]:
        """By Services, by declared ports, by ports that served, by the lower port: the first that tells."""
        # Where a record leaves one port out, it is the client's.
        lower = (sights["target_port"] <= sights["source_port"]) | (sights["source_port"] == 0)
        forward, known = lower & (sights["target_port"] != 0), np.zeros(len(sights), bool)
        undecided = np.ones(len(sights), bool)
        for left, right, places, sure in (
            (sights["source"], sights["target"], self._services, True),
            (source, target, self._declared, True),
            (source, target, self._served, False),
        ):
            at_source, at_target = np.isin(left, places), np.isin(right, places)
            tells = undecided & (at_source != at_target)
            forward[tells] = at_target[tells]
            known[tells] = sure
            undecided &= ~tells
        known |= self._several(sights, source, target, forward)
        return forward, known

    def _several(self, sights: Sights, source: Keys, target: Keys, forward: Flags) -> Flags:
        """Where the client has come to this port of the server from several ports of its own."""
        server, client = np.where(forward, target, source), np.where(forward, sights["source"], sights["target"])
        port = np.where(forward, sights["source_port"], sights["target_port"])
        pairs, groups = distinct(server, client)
        if len(self._ports) > MAX_CLIENTS:
            self._ports.clear()
        ports = [self._ports.setdefault((int(server[row]), int(client[row])), set()) for row in pairs]
        fresh = np.array([len(seen) < SEVERAL for seen in ports], bool)[groups]
        rows = np.flatnonzero(fresh)
        if len(rows):
            for row in rows[distinct(groups[rows], port[rows])[0]]:
                seen = ports[groups[row]]
                if port[row] and len(seen) < SEVERAL:
                    seen.add(int(port[row]))
        enough: Flags = np.array([len(seen) >= SEVERAL for seen in ports], bool)[groups]
        return enough

    def _learn(self, servers: Keys) -> None:
        found = np.union1d(self._served, servers)
        self._served = found if len(found) <= MAX_SERVERS else np.unique(servers)[:MAX_SERVERS]

    def _look_at_ends(self) -> None:
        """Take in the ends that were numbered since the last chunk."""
        fresh = self._ends.endpoints[self._looked_at :]
        declared, services = [], []
        for number, end in enumerate(fresh, self._looked_at):
            if end.kind is Kind.SERVICE:
                services.append(number)
            declared += [
                _key(number, port.number, PROTOCOL_NUMBERS[port.protocol])
                for port in end.ports
                if port.protocol in PROTOCOL_NUMBERS
            ]
        self._looked_at += len(fresh)
        self._declared = np.append(self._declared, np.array(declared, np.int64))
        self._services = np.append(self._services, np.array(services, np.int64))


def _keys(ends: NDArray[Any], ports: NDArray[Any], protocols: NDArray[Any]) -> Keys:
    keys: Keys = ends.astype(np.int64) << 24 | ports.astype(np.int64) << 8 | protocols
    return keys


def _key(end: int, port: int, protocol: int) -> int:
    return end << 24 | port << 8 | protocol
