"""Places: the node whose link is to blame, or the server replica that is unlike its siblings."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from statistics import median
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


def of_nodes(seen: Observed) -> Iterator[Cause]:
    """What is lost, or waits, on the way does so wherever one node takes part, and hardly elsewhere. Of nodes that
    the subject has to do with, or had."""
    ranked = shares(seen.nodes, nodes_of)
    own = {node for row in (*seen.now, *seen.before) for node in nodes_of(row)}
    whole = summed(seen.nodes)
    for place in ranked if len(ranked) > 1 else ():
        if place.name not in own:
            continue
        at = _Place(
            place.name,
            place.counts,
            summed(row for row in seen.nodes if place.name not in nodes_of(row)),
            summed(row for row in seen.nodes_before if place.name in nodes_of(row)),
            (seen.until - seen.since) / max(seen.since - seen.begin, timedelta(seconds=1)),
        )
        waits = _waiting(at)
        if whole.retransmissions >= ENOUGH and at.now.lost >= max(
            _LOSS, _TIMES * at.before.lost, 1.5 * at.outside.lost
        ):
            share = at.now.retransmissions / whole.retransmissions
            contrast = 1 - at.outside.lost / at.now.lost
            sure = at.now.retransmissions / (at.now.retransmissions + ENOUGH)
            yield _lost(at, round(0.95 * share * contrast * sure, 2))
        elif waits is not None:
            yield waits


class _Place(NamedTuple):
    """A node: what crosses its link `now` and did `before`, and what crosses no link of its own. `length` is how
    long now is by how long before was."""

    name: str
    now: Counts
    outside: Counts
    before: Counts
    length: float

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


def _lost(at: _Place, score: float) -> Cause:
    """Loss on a node's link; or its bandwidth's limit, which makes packets wait before it drops them and lets as
    much through as ever; or a full table of connections, which only newcomers do not pass."""
    handshakes = at.now.handshake_retransmissions / max(1.0, at.now.retransmissions)
    why = [at.told()]
    if handshakes > _NEWCOMERS:
        why.append(f"{handshakes:.0%} of them were handshakes: connections that are open do well")
        return Cause(kind="conntrack", where=at.name, score=score, why=tuple(why))
    now, then = at.now.rtt_us, at.before.rtt_us
    if now is not None and then is not None:
        why.append(f"round trips take {now / 1000:.3g} ms, {then / 1000:.3g} ms before; {at.kept:.0%} of the bytes")
        if now > _TIMES * then and at.kept > _PLATEAU:
            return Cause(kind="bandwidth", where=at.name, score=score, why=tuple(why))
    return Cause(kind="loss", where=at.name, score=score, why=tuple(why))


def _waiting(at: _Place) -> Cause | None:
    """Round trips by way of a node take long, and hardly anything is lost: a queue, before a limit."""
    now, then, outside = at.now.rtt_us, at.before.rtt_us, at.outside.rtt_us
    if now is None or then is None or now < max(_TIMES * then, _NOTICED_US):
        return None
    contrast = 1.0 if outside is None else max(0.0, 1 - outside / now)
    why = (
        f"round trips from and to {at.name} take {now / 1000:.3g} ms, {then / 1000:.3g} ms before"
        + ("" if outside is None else f", {outside / 1000:.3g} ms elsewhere"),
        f"{at.kept:.0%} of the bytes that passed before; {at.told()}",
    )
    return Cause(kind="bandwidth", where=at.name, score=round(0.75 * contrast, 2), why=why)


def of_replicas(seen: Observed) -> Iterator[Cause]:
    """One server replica is unlike its siblings."""
    rows = [row for row in seen.now if row.server and row.server_node]
    ranked = shares(rows, lambda row: [row.server])
    if len(ranked) < 2:
        return
    for place in ranked:
        others = [one for one in ranked if one.name != place.name and one.counts.packets > 0]
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
    own = summed(row for row in rows if row.server == replica)
    whole = summed(row for row in seen.nodes if nodes & set(nodes_of(row)))
    return Counts(
        srtt_sum_us=max(0.0, whole.srtt_sum_us - own.srtt_sum_us),
        srtt_count=max(0.0, whole.srtt_count - own.srtt_count),
    )


def _middle(values: Iterable[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return median(told) if told else None
