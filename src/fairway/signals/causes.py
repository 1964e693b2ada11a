"""Causes: why there is trouble, ranked. Each candidate says what speaks for it; the score is from 0 to 1.

Scores order candidates, they are no probabilities. What was dropped by a rule is certain, and outranks what only
coincides; what explains one replica outranks its node only if the node's other traffic is well.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from statistics import median
from typing import Final, Literal, NamedTuple

import msgspec

from fairway.signals.observed import (
    Asked,
    Change,
    Counts,
    Denied,
    Limit,
    Observed,
    Row,
    Share,
    nodes_of,
    shares,
    summed,
)

CauseKind = Literal[
    "policy", "dns", "conntrack", "bandwidth", "loss", "replica", "server", "client", "zone", "deploy", "change"
]
LOOKED_BACK: Final = timedelta(minutes=30)
"""Changes so long before a trouble may be its cause."""
_LEAST: Final = 0.05
"""Score, below which a candidate is not worth a line."""
_ENOUGH: Final = 10.0
"""Bad events, below which nothing is said of where they are."""
_LOSS: Final = 0.003
"""Share of packets sent again that a person notices."""
_TIMES: Final = 3.0
_SLOWER: Final = 2.5
_QUESTIONS: Final = 4.0
_UNANSWERED: Final = 0.3
_NEWCOMERS: Final = 0.9
"""Share of what is sent again that handshakes must have."""
_PLATEAU: Final = 0.6
"""Of the bytes before: a limit lets through what it allows, loss makes TCP give way."""
_NOTICED_US: Final = 2000.0
"""Microseconds of a round trip, below which nobody waits."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate: what kind of thing, where, how much speaks for it, and what."""

    kind: CauseKind
    where: str
    score: float
    why: tuple[str, ...]


def causes(seen: Observed) -> list[Cause]:
    """Every candidate that something speaks for, the best first."""
    found = [
        *_policy(seen),
        *_dns(seen),
        *_limits(seen),
        *_node(seen),
        *_replicas(seen),
        *_ends(seen),
        *_changes(seen),
    ]
    best: dict[tuple[str, str], Cause] = {}
    for cause in found:
        held = best.get((cause.kind, cause.where))
        if held is None or cause.score > held.score:
            best[cause.kind, cause.where] = cause
    told = (cause for cause in best.values() if cause.score >= _LEAST)
    return sorted(told, key=lambda cause: (-cause.score, cause.kind, cause.where))


def _policy(seen: Observed) -> Iterator[Cause]:
    """Packets were dropped, and it is known by what."""
    if not seen.denied:
        return
    worst = max(seen.denied, key=lambda one: one.packets)
    packets = sum(one.packets for one in seen.denied)
    why = [f"{one.edge}: {one.packets} packets dropped, {one.why}" for one in sorted(seen.denied, key=_dropped)[:3]]
    fresh = worst.first >= seen.begin
    why += [f"{c.at:%H:%M:%S} {c.what} by {c.who or 'somebody'}" for c in _before(seen, "policy", "rollout")[:2]]
    if not fresh:
        why.append("it was dropped before the trouble as well")
    score = (0.97 if fresh else 0.6) * packets / (packets + 2)
    yield Cause(kind="policy", where=worst.edge, score=round(score, 2), why=tuple(why))


def _dropped(one: Denied) -> tuple[int, str]:
    return -one.packets, one.edge


def _dns(seen: Observed) -> Iterator[Cause]:
    """The client cannot even learn whom to call."""
    now, before = _questions(seen.dns), _questions(seen.dns_before)
    if now.asked < _QUESTIONS or now.unanswered < max(_UNANSWERED, 2 * before.unanswered):
        return
    per_second = _per(seen, summed(seen.now).connections, summed(seen.before).connections)
    why = [
        f"{now.asked - now.answered:.0f} of {now.asked:.0f} DNS packets of {seen.client} without an answer "
        f"({before.unanswered:.0%} before)",
        *(f"{one.client} on {one.node}: {one.unanswered:.0%}" for one in sorted(seen.dns, key=_unanswered)[:3]),
    ]
    if per_second is not None and per_second < 0.5:
        why.append(f"it opened {per_second:.0%} of the connections that it opened before")
    yield Cause(kind="dns", where=seen.client, score=round(0.5 + 0.45 * now.unanswered, 2), why=tuple(why))


def _questions(told: Iterable[Asked]) -> Asked:
    rows = list(told)
    return Asked(
        client="", node="", asked=sum(one.asked for one in rows), answered=sum(one.answered for one in rows)
    )


def _unanswered(one: Asked) -> tuple[float, str]:
    return -one.unanswered, one.client


def _limits(seen: Observed) -> Iterator[Cause]:
    """A node's limit is hit, and the trouble touches that node."""
    touched = {share.name: share.share for share in shares(seen.now, nodes_of)}
    for limit in seen.limits:
        if limit.hit and (touched.get(limit.node, 0.0) > 0 or not touched):
            tracked = "conntrack" in limit.name
            yield Cause(
                kind="conntrack" if tracked else "bandwidth",
                where=limit.node,
                score=round(0.7 + 0.28 * touched.get(limit.node, 0.0), 2),
                why=(_limit_told(limit), f"{touched.get(limit.node, 0.0):.0%} of the trouble touches {limit.node}"),
            )


def _limit_told(limit: Limit) -> str:
    if limit.most:
        return f"{limit.node}: {limit.name} {limit.used:.0f} of {limit.most:.0f}"
    return f"{limit.node}: {limit.name} was hit {limit.used:.0f} times"


def _node(seen: Observed) -> Iterator[Cause]:
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
        if whole.retransmissions >= _ENOUGH and at.now.lost >= max(
            _LOSS, _TIMES * at.before.lost, 1.5 * at.outside.lost
        ):
            share = at.now.retransmissions / whole.retransmissions
            contrast = 1 - at.outside.lost / at.now.lost
            sure = at.now.retransmissions / (at.now.retransmissions + _ENOUGH)
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


def _replicas(seen: Observed) -> Iterator[Cause]:
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
    busy = [one.counts.answer_bytes for one in others if one.counts.connections >= _QUESTIONS]
    came, normal = mine.answer_bytes, _middle(busy)
    if came is not None and normal and came < normal / _SLOWER and mine.connections >= _QUESTIONS:
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
    if mine.broken >= _ENOUGH / 2 and rate > max(0.2, _TIMES * rest):
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


def _ends(seen: Observed) -> Iterator[Cause]:
    """All of a server's clients, or one client replica alone, come to nothing."""
    now, before = summed(seen.now), summed(seen.before)
    share = now.broken / max(now.connections, now.broken, 1)
    if now.broken < _ENOUGH / 2 or share < max(0.1, 2 * before.broken / max(before.connections, 1)):
        return
    ranked = shares(seen.now, lambda row: [row.client] if row.reporter == "client" else [])
    what = f"{now.broken:.0f} of {max(now.connections, now.broken):.0f} connections came to nothing"
    worst = max(ranked, key=lambda one: one.counts.broken, default=None)
    if worst is not None and len(ranked) > 1 and worst.counts.broken > 0.8 * now.broken:
        yield Cause(
            kind="client", where=worst.name, score=round(0.6 * share, 2),
            why=(what, f"{worst.counts.broken:.0f} of them from {worst.name} alone"),
        )  # fmt: skip
    elif seen.server:
        yield Cause(kind="server", where=seen.server, score=round(0.55 * share, 2),
                    why=(what, "whoever calls it, and whichever replica"))  # fmt: skip


def _changes(seen: Observed) -> Iterator[Cause]:
    """What was changed shortly before: that both happened is all that speaks for it."""
    for change in _before(seen, "deploy", "policy", "rollout")[:5]:
        ago = (seen.since - change.at) / LOOKED_BACK
        close = 1 - min(1.0, max(0.0, ago))
        yield Cause(
            kind="deploy" if change.kind == "deploy" else "change",
            where=change.what,
            score=round(0.2 + 0.2 * close, 2),
            why=(f"{change.at:%Y-%m-%d %H:%M:%S} UTC{f', by {change.who}' if change.who else ''}", ),
        )  # fmt: skip


def _before(seen: Observed, *kinds: str) -> list[Change]:
    """Changes of these kinds from half an hour before the trouble to its end, the latest first."""
    found = [c for c in seen.changes if c.kind in kinds and seen.since - LOOKED_BACK <= c.at <= seen.until]
    return sorted(found, key=lambda change: change.at, reverse=True)


def _per(seen: Observed, now: float, before: float) -> float | None:
    """A rate while it lasts by the rate before; None where there was nothing before."""
    length, earlier = seen.until - seen.since, seen.since - seen.begin
    return (now / length.total_seconds()) / (before / earlier.total_seconds()) if before and earlier else None
