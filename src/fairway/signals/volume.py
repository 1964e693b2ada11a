"""Volume far from its own rhythm, and DNS questions that look like a tunnel."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from fairway.signals.finding import Finding, size, sureness
from fairway.signals.rhythm import Rhythm
from fairway.signals.traffic import OUTSIDE, Floats, Grouped, Hour, Pair, Past

FAR: Final = 4.0
"""Scales from what is usual."""
FACTOR: Final = 4.0
"""Times what is usual, and as little as one of so many."""
PAST_WORST: Final = 1.5
"""Times the most that it ever strayed."""
LEAST_BYTES: Final = 50e6
"""In an hour: less than that nobody acts on."""
LEAST_HOURS: Final = 72
_LEAST_ACTIVE: Final = 12
_DNS: Final = 53
_LEAST_QUESTIONS: Final = 1000.0
_LONGER: Final = 1.3
"""Times the mean length of a question: names that carry something are long."""


class Volume:
    """What each pair moved; all that a client moves with the outside is one."""

    def __init__(self, past: Past) -> None:
        often = past.often(_LEAST_ACTIVE)
        self._groups = Grouped.by(
            past.traffic.pairs, lambda pair: _together(pair) if pair.outside or pair in often else None
        )
        self._index = {key: number for number, key in enumerate(self._groups.keys)}
        self._rhythm = Rhythm(past.sums(self._groups, past.traffic.bytes), past.begin)

    def find(self, hour: Hour) -> Iterator[Finding]:
        """Pairs that move far too much; in an hour that is over also far too little."""
        rhythm = self._rhythm
        now = _now(hour, self._index)
        strayed, expected = rhythm.strayed(now, hour.number), rhythm.expected(hour.number)
        enough = (rhythm.known >= LEAST_HOURS) & (np.abs(now - expected) >= LEAST_BYTES)
        far = np.abs(strayed) >= np.maximum(FAR * rhythm.scale, np.log(FACTOR))
        beyond = np.log(PAST_WORST)
        more = strayed > np.maximum(rhythm.highest, 0) + beyond
        less = (strayed < np.minimum(rhythm.lowest, 0) - beyond) & (now > 0) & hour.whole
        for number in np.flatnonzero(enough & far & (more | less)):
            pair = self._groups.keys[number]
            moved, usual = float(now[number]), float(expected[number])
            limit = max(FAR * float(rhythm.scale[number]), float(np.log(FACTOR)))
            yield Finding(
                kind="volume",
                subject=pair.title if pair.server != OUTSIDE else f"{pair.client} -> {OUTSIDE}",
                client=pair.client,
                server=pair.server,
                port=pair.port,
                protocol=pair.protocol,
                hour=hour.number,
                what=f"{size(moved)} in {'the' if hour.whole else 'this'} hour, "
                + (f"{moved / max(usual, 1):.3g} times its usual" if moved > usual else f"usually {size(usual)}"),
                compared=f"{size(usual)} is usual at this hour of the week; it never strayed by "
                f"more than a factor of {np.exp(max(rhythm.highest[number], -rhythm.lowest[number])):.1f} "
                f"in {rhythm.known[number] / 24:.0f} days",
                sure=sureness(abs(float(strayed[number])), limit),
            )


class Tunnels:
    """What each client asks of DNS: how many bytes, and how long a question is."""

    def __init__(self, past: Past) -> None:
        self._clients = Grouped.by(past.traffic.pairs, lambda pair: pair.client if _asks(pair) else None)
        self._index = {key: number for number, key in enumerate(self._clients.keys)}
        sent = past.sums(self._clients, past.traffic.column("sent_bytes"))
        packets = past.sums(self._clients, past.traffic.column("sent_packets"))
        self._rhythm = Rhythm(sent, past.begin)
        self._length = np.nansum(sent, 1) / np.maximum(np.nansum(packets, 1), 1)

    def find(self, hour: Hour) -> Iterator[Finding]:
        """Clients that ask far more and longer questions than they ever did."""
        asked: dict[str, Floats] = {}
        traffic = hour.traffic
        for row, number in enumerate(traffic.of):
            if _asks(traffic.pairs[number]):
                client = traffic.pairs[number].client
                asked[client] = asked.get(client, np.zeros(traffic.counts.shape[1])) + traffic.counts[row]
        for client, counts in sorted(asked.items()):
            found = self._judged(client, float(counts[2]), float(counts[4]), hour)
            if found is not None:
                yield found

    def _judged(self, client: str, sent: float, packets: float, hour: Hour) -> Finding | None:
        index = self._index.get(client)
        if index is None or self._rhythm.known[index] < LEAST_HOURS or packets < _LEAST_QUESTIONS:
            return None
        rhythm, usual_length = self._rhythm, max(float(self._length[index]), 1.0)
        strayed = float(np.log1p(sent / 1000.0) - rhythm.usual[index, hour.number % 168])
        limit = max(FAR * float(rhythm.scale[index]), float(np.log(FACTOR)))
        beyond = strayed > max(float(rhythm.highest[index]), 0) + float(np.log(PAST_WORST))
        if strayed < limit or not beyond or sent / packets < _LONGER * usual_length:
            return None
        usual = float(rhythm.expected(hour.number)[index])
        return Finding(
            kind="dns-tunnel",
            subject=client,
            client=client,
            port=_DNS,
            hour=hour.number,
            what=f"{packets:.0f} DNS questions of {sent / packets:.0f} bytes each in an hour, {size(sent)} in all",
            compared=f"{size(usual)} of {usual_length:.0f} bytes each are usual at this hour of the week",
            sure=sureness(strayed, limit),
        )


def _asks(pair: Pair) -> bool:
    return pair.port == _DNS and pair.pod


def _together(pair: Pair) -> Pair:
    """What is counted as one."""
    return Pair(pair.client, OUTSIDE, 0, "", True, pair.pod) if pair.outside else pair


def _now(hour: Hour, index: dict[Pair, int]) -> Floats:
    """What the known groups moved in the hour."""
    now = np.zeros(len(index))
    moved = hour.traffic.bytes
    for row, number in enumerate(hour.traffic.of):
        known = index.get(_together(hour.traffic.pairs[number]))
        if known is not None:
            now[known] += moved[row]
    return now
