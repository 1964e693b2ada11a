"""Who calls whom for the first time: new edges, scans, fan-out, and much that is sent to a new place outside."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np

from fairway.signals.finding import Finding, of_pair, size, sureness
from fairway.signals.traffic import COUNTERS, Floats, Hour, Pair, Past

SETTLED: Final = 0.02
"""A namespace is settled for whom a new edge within an hour has at most this chance."""
SETTLING: Final = 72
"""Hours in which everything is seen for the first time, and nothing is new."""
_LOOKED: Final = 14 * 24
LEAST_TARGETS: Final = 15
TIMES: Final = 3.0
"""Times the most that was ever tried in an hour."""
LEAST_SENT: Final = 50e6
_DNS: Final = 53
_INDEX: Final[Mapping[str, int]] = {name: index for index, name in enumerate(COUNTERS)}


@dataclass(frozen=True, slots=True)
class _Call:
    """A pair's traffic in the hour."""

    pair: Pair
    counts: Floats

    def __getitem__(self, name: str) -> float:
        return float(self.counts[_INDEX[name]])

    @property
    def answered(self) -> bool:
        return self["received_packets"] > 0 and not 0 < self["connections"] <= self["failed"]


class Reach:
    """Whom everybody has called so far, and how often that was somebody new."""

    def __init__(self, past: Past) -> None:
        traffic = past.traffic
        self._days = (past.end - past.begin) / 24
        first = np.full(len(traffic.pairs), past.end, np.int64)
        np.minimum.at(first, traffic.of, traffic.hours)
        self._first = {pair: int(hour) for pair, hour in zip(traffic.pairs, first, strict=True) if hour < past.end}
        born: dict[str, int] = {}
        for pair, hour in self._first.items():
            for name in (pair.client, pair.server):
                born[name] = min(born.get(name, hour), hour)
        self._born, self._begin, self._end = born, past.begin, past.end
        self._news = self._counted(past)
        self._most_new = _most(
            (pair.client, hour)
            for pair, hour in self._first.items()
            if self._late(hour) and (pair.client, hour) not in past.left_out
        )
        unanswered = (traffic.column("received_packets") == 0) | (
            (traffic.column("connections") > 0) & (traffic.column("failed") >= traffic.column("connections"))
        )
        rows = np.flatnonzero(unanswered)
        tried = ((traffic.pairs[traffic.of[row]].client, int(traffic.hours[row])) for row in rows)
        self._most_unanswered = _most(told for told in tried if told not in past.left_out)
        self._most_sent = _most_sent(past)

    def find(self, hour: Hour) -> Iterator[Finding]:
        """What explains others goes first: of a client that scans no single new edges are told."""
        calls: dict[str, list[_Call]] = defaultdict(list)
        for row, number in enumerate(hour.traffic.of):
            pair = hour.traffic.pairs[number]
            if pair.pod:
                calls[pair.client].append(_Call(pair, hour.traffic.counts[row]))
        for client, made in sorted(calls.items()):
            found = self._scan(client, made, hour) or self._exfiltration(client, made, hour)
            if found is not None:
                yield found
            else:
                yield from self._new_edges(made, hour)

    def _late(self, hour: int) -> bool:
        return hour >= self._begin + SETTLING

    def _counted(self, past: Past) -> Counter[str]:
        """Hours of the last two weeks with new edges, by namespace, and to the outside by client. Those that came
        with one of their ends or its deploy are not counted, as they are not told; nor those that were wrong."""
        told: set[tuple[str, int]] = set()
        for pair, hour in self._first.items():
            known = min(hour - self._born[pair.client], hour - self._born[pair.server] + pair.outside * 24) >= 24
            came = {(pair.client, hour), (pair.server, hour)} & past.changed or (pair.client, hour) in past.left_out
            if pair.pod and known and not came and hour >= max(self._begin + SETTLING, self._end - _LOOKED):
                told.add((_scope(pair), hour))
        return Counter(scope for scope, _ in told)

    def _new_edges(self, made: Iterable[_Call], hour: Hour) -> Iterator[Finding]:
        watched = min(_LOOKED, self._end - self._begin - SETTLING) + 1
        for call in made:
            pair = call.pair
            if pair in self._first or pair.port == _DNS:
                continue
            ends = [pair.client] if pair.outside else [pair.client, pair.server]
            if any(self._end - self._born.get(end, self._end) < 24 or end in hour.changed for end in ends):
                continue  # it came with a workload, or with a deploy of one
            seen = self._news[_scope(pair)]
            # Gamma-Poisson with Jeffreys' prior, as in `rollout.drift`: no news in so many hours, then some in one.
            chance = 1 - (watched / (watched + 1)) ** (seen + 0.5)
            if chance > SETTLED:
                continue
            where = pair.client if pair.outside else f"namespace {pair.client.partition('/')[0]}"
            yield of_pair(
                "new-edge",
                pair,
                hour.number,
                what=f"first connection of {pair.client} to {pair.server} {pair.port}/{pair.protocol}"
                + ("" if call.answered else ", not answered"),
                compared=f"{where} had new edges {'to the outside ' if pair.outside else ''}"
                f"in {seen or 'no'} hour{'' if seen == 1 else 's'} of {watched / 24:.0f} days",
                sure=sureness(-log(chance), -log(SETTLED)),
            )

    def _scan(self, client: str, made: list[_Call], hour: Hour) -> Finding | None:
        silent = [call for call in made if not call.answered]
        fresh = [call for call in made if call.pair not in self._first]
        for kind, calls, most in (
            ("scan", silent, self._most_unanswered[client]),
            ("fan-out", fresh, self._most_new[client]),
        ):
            limit = max(LEAST_TARGETS, TIMES * most)
            if len(calls) < limit:
                continue
            ends = len({call.pair.server for call in calls})
            ports = len({(call.pair.port, call.pair.protocol) for call in calls})
            how = "did not answer" if kind == "scan" else "were never called before"
            return Finding(
                kind="scan" if kind == "scan" else "fan-out",
                subject=client,
                client=client,
                hour=hour.number,
                what=f"{len(calls)} ends of {ends} groups on {ports} ports were tried and {how}",
                compared=f"at most {most} in an hour of {self._days:.0f} days",
                sure=sureness(len(calls), limit),
            )
        return None

    def _exfiltration(self, client: str, made: list[_Call], hour: Hour) -> Finding | None:
        fresh = [call for call in made if call.pair.outside and call.pair not in self._first]
        sent, received = (sum(call[name] for call in fresh) for name in ("sent_bytes", "received_bytes"))
        most = self._most_sent.get(client, 0.0)
        limit = max(LEAST_SENT, 2 * most)
        if sent < limit or sent < 2 * received:
            return None
        place = max(fresh, key=lambda call: call["sent_bytes"]).pair
        more = f" and {len(fresh) - 1} more" if len(fresh) > 1 else ""
        return Finding(
            kind="exfiltration",
            subject=client,
            client=client,
            server=place.server,
            port=place.port,
            protocol=place.protocol,
            hour=hour.number,
            what=f"{size(sent)} sent to {place.server} {place.port}/{place.protocol}{more}, never called before",
            compared=f"it sent at most {size(most)} outside in an hour of {self._days:.0f} days",
            sure=sureness(sent, limit),
        )


def _scope(pair: Pair) -> str:
    """Where news are rare or not: within the cluster a namespace, to the outside a single client."""
    return f"outside {pair.client}" if pair.outside else pair.client.partition("/")[0]


def _most(told: Iterable[tuple[str, int]]) -> Counter[str]:
    """The most in one hour, by client."""
    most: Counter[str] = Counter()
    for (client, _), count in Counter(told).items():
        most[client] = max(most[client], count)
    return most


def _most_sent(past: Past) -> dict[str, float]:
    """The most bytes that each client sent outside within an hour."""
    traffic, sums = past.traffic, defaultdict[tuple[str, int], float](float)
    sent = traffic.column("sent_bytes")
    outside = np.array([pair.outside for pair in traffic.pairs], bool)
    for row in np.flatnonzero(outside[traffic.of]) if len(traffic.of) else ():
        sums[traffic.pairs[traffic.of[row]].client, int(traffic.hours[row])] += float(sent[row])
    most: dict[str, float] = {}
    for (client, hour), total in sums.items():
        if (client, hour) in past.left_out:
            continue
        most[client] = max(most.get(client, 0.0), total)
    return most
