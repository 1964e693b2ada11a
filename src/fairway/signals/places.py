"""Places: the node whose link is to blame, or the server replica that is unlike its siblings."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from statistics import median, median_low
from typing import Final, NamedTuple

from fairway.signals.cause import ENOUGH, QUESTIONS, Cause
from fairway.signals.observed import Counts, Observed, Row, Share, nodes_of, shares, summed

_LOSS: Final = 0.003
"""Share of packets sent again that a person notices."""
_TIMES: Final = 3.0
_SLOWER: Final = 2.5
_NEWCOMERS: Final = 0.9
"""Share of what is sent again that handshakes must have."""
_PLATEAU: Final = 0.6
"""Of the bytes before: a limit lets through what it allows, loss makes TCP give way."""
_NOTICED_US: Final = 2000.0
"""Microseconds of a round trip, below which nobody waits."""
_MOST: Final = 5
"""Nodes that are blamed at once; where more are in trouble, it is not the nodes'."""


def of_nodes(seen: Observed) -> Iterator[Cause]:
    """What is lost, or waits, on the way does so wherever one node takes part, and hardly elsewhere. Of nodes that
    the subject has to do with, or had.

    Whoever talks to a lossy node waits as well: what crosses a node that is blamed is left out when the others are
    judged, and loss is blamed first."""
    own = {node for row in (*seen.now, *seen.before) for node in nodes_of(row)}
    blamed: set[str] = set()
    while len(blamed) < _MOST:
        places = list(_places(seen, blamed))
        found = [_lost(at) for at in places if at.lossy] or [_waiting(at) for at in places if at.queued]
        if not found:
            return
        worst = max(found, key=lambda cause: cause.score)
        if worst.where in own:
            yield worst
        blamed.add(worst.where)


class _Place(NamedTuple):
    """A node: what crosses its link `now` and did `before`, and what crosses no link of its own. `rtt_us` is the
    round trip in the middle of those to its peers: a queue is in every peer's way, loss makes some wait by chance.
    `length` is how long now is by how long before was; `whole` are all packets that anybody sent again."""

    name: str
    now: Counts
    outside: Counts
    before: Counts
    rtt_us: float | None
    length: float
    whole: float

    @property
    def lossy(self) -> bool:
        """More is sent again than a person overlooks, than before, and than elsewhere."""
        least = max(_LOSS, _TIMES * self.before.lost, 1.5 * self.outside.lost)
        return self.whole >= ENOUGH and self.now.lost >= least

    @property
    def queued(self) -> bool:
        """Round trips are long enough to be noticed, longer than before, and longer than elsewhere."""
        now, then = self.rtt_us, self.before.rtt_us
        if now is None or then is None:
            return False
        return now >= max(_NOTICED_US, _TIMES * then, _SLOWER * (self.outside.rtt_us or 0.0))

    @property
    def kept(self) -> float:
        """The bytes a second by those before."""
        moved = self.before.sent_bytes + self.before.received_bytes
        return (self.now.sent_bytes + self.now.received_bytes) / (moved * self.length) if moved else 1.0

    def told(self) -> str:
        """What was lost where."""
        return (
            f"{self.now.lost:.2%} of packets from and to {self.name} were sent again; {self.outside.lost:.2%} "
            f"elsewhere, {self.before.lost:.2%} there before"
        )

    def waited(self) -> str:
        """How long round trips are, were, and are elsewhere."""
        now, then, outside = self.rtt_us or 0.0, self.before.rtt_us or 0.0, self.outside.rtt_us
        told = f"{now / 1000:.3g} ms, {then / 1000:.3g} ms before"
        return told if outside is None else f"{told}, {outside / 1000:.3g} ms elsewhere"


def _places(seen: Observed, blamed: set[str]) -> Iterator[_Place]:
    """Every node, by what crosses none that is blamed. Once one is, the others are only judged by comparison."""
    now, then = ([r for r in rows if not blamed & set(nodes_of(r))] for rows in (seen.nodes, seen.nodes_before))
    before = {one.name: one.counts for one in shares(then, nodes_of)}
    length = (seen.until - seen.since) / max(seen.since - seen.begin, timedelta(seconds=1))
    whole, crossing = summed(seen.nodes).retransmissions, summed(now)
    trips = _round_trips(now)
    for one in shares(now, nodes_of):
        outside = crossing - one.counts
        if outside.packets or not blamed:
            earlier = before.get(one.name, Counts())
            yield _Place(one.name, one.counts, outside, earlier, trips.get(one.name), length, whole)


def _round_trips(rows: Iterable[Row]) -> dict[str, float]:
    """The one in the middle of each node's."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if (trip := row.counts.rtt_us) is not None:
            for name in nodes_of(row):
                found.setdefault(name, []).append(trip)
    return {name: median_low(trips) for name, trips in found.items()}


def _lost(at: _Place) -> Cause:
    """Loss on a node's link; or its bandwidth's limit, which makes packets wait before it drops them and lets as
    much through as ever; or a full table of connections, which only newcomers do not pass."""
    sure = at.now.retransmissions / (at.now.retransmissions + ENOUGH)
    contrast = 1 - at.outside.lost / at.now.lost
    score = round(0.95 * at.now.retransmissions / at.whole * contrast * sure, 2)
    handshakes = at.now.handshake_retransmissions / at.now.retransmissions
    why = [at.told()]
    if handshakes > _NEWCOMERS:
        why.append(f"{handshakes:.0%} of them were handshakes: connections that are open do well")
        return Cause(kind="conntrack", where=at.name, score=score, why=tuple(why))
    if at.rtt_us is not None and at.before.rtt_us is not None:
        why.append(f"round trips take {at.waited()}; {at.kept:.0%} of the bytes")
    limited = at.queued and at.kept > _PLATEAU
    return Cause(kind="bandwidth" if limited else "loss", where=at.name, score=score, why=tuple(why))


def _waiting(at: _Place) -> Cause:
    """Round trips by way of a node take long, and hardly anything is lost: a queue, before a limit."""
    contrast = 1 - (at.outside.rtt_us or 0.0) / (at.rtt_us or 1.0)
    why = (
        f"round trips from and to {at.name} take {at.waited()}",
        f"{at.kept:.0%} of the bytes that passed before; {at.told()}",
    )
    return Cause(kind="bandwidth", where=at.name, score=round(0.75 * contrast, 2), why=why)


def of_replicas(seen: Observed) -> Iterator[Cause]:
    """One server replica is unlike its siblings."""
    rows = [row for row in seen.now if row.server and row.server_node]
    ranked = shares(rows, lambda row: [row.server])
    of = {row.server: row.of for row in rows}
    names: defaultdict[str, set[str]] = defaultdict(set)
    for name, workload in of.items():
        names[workload].add(name)
    for place in ranked:
        siblings = names[of[place.name]] - {place.name}
        others = [one for one in ranked if one.name in siblings and one.counts.packets > 0]
        before = summed(row for row in seen.before if row.server == place.name)
        if others:
            yield from _unlike(place, others, before, _elsewhere(seen, rows, place.name))


def _unlike(place: Share, others: list[Share], before: Counts, elsewhere: Counts) -> Iterator[Cause]:
    mine, best = place.counts, min(others, key=lambda one: (one.counts.trouble, one.name))
    rtt, usual = mine.rtt_us, _middle(one.counts.rtt_us for one in others)
    if rtt is not None and usual and rtt > _SLOWER * usual and rtt > 1.5 * (before.rtt_us or usual):
        # Its node slows down whoever else is there as well.
        neighbours = elsewhere.rtt_us
        alone = 1.0 if neighbours is None or neighbours < rtt / 2 else 0.5
        yield Cause(
            kind="replica",
            where=place.name,
            score=round(0.92 * alone * (1 - usual / rtt) ** 0.5, 2),
            why=(
                f"round trips to {place.name} take {rtt / 1000:.3g} ms, {usual / 1000:.3g} ms to its siblings",
                f"the nearest healthy sibling is {best.name}",
            ),
        )
    busy = [one.counts.answer_bytes for one in others if one.counts.connections >= QUESTIONS]
    came, normal = mine.answer_bytes, _middle(busy)
    if came is not None and normal and came < normal / _SLOWER and mine.connections >= QUESTIONS:
        yield Cause(
            kind="replica",
            where=place.name,
            score=round(0.9 * (1 - came / normal), 2),
            why=(
                f"{place.name} answers {came:.0f} bytes a connection, its siblings {normal:.0f}",
                f"the nearest healthy sibling is {best.name}",
            ),
        )
    rate, rest = _broken(mine), _middle(_broken(one.counts) for one in others) or 0.0
    if mine.broken >= ENOUGH / 2 and rate > max(0.2, _TIMES * rest):
        yield Cause(
            kind="replica",
            where=place.name,
            score=round(0.85 * (1 - rest / rate), 2),
            why=(f"{rate:.0%} of the connections to {place.name} came to nothing, {rest:.0%} to its siblings",),
        )


def _broken(counts: Counts) -> float:
    return counts.broken / max(counts.connections, counts.broken, 1)


def _elsewhere(seen: Observed, rows: list[Row], replica: str) -> Counts:
    """What else crosses the replica's node."""
    nodes = {row.server_node for row in rows if row.server == replica}
    whole = summed(row for row in seen.nodes if nodes & set(nodes_of(row)))
    return whole - summed(row for row in rows if row.server == replica)


def _middle(values: Iterable[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return median(told) if told else None
