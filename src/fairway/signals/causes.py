"""Causes: why there is trouble, ranked. Each candidate says what speaks for it; the score is from 0 to 1.

Scores order candidates, they are no probabilities. What was dropped by a rule is certain, and outranks what only
coincides; what explains one replica outranks its node only if the node's other traffic is well.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from statistics import median
from typing import Final, Literal

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
_ENOUGH: Final = 10.0
"""Bad events, below which nothing is said of where they are."""
_LOSS: Final = 0.003
"""Share of packets sent again that a person notices."""
_TIMES: Final = 3.0
_SLOWER: Final = 2.5
_QUESTIONS: Final = 4.0
_UNANSWERED: Final = 0.3


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
    return sorted(best.values(), key=lambda cause: (-cause.score, cause.kind, cause.where))


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
    """What is lost on the way is lost wherever one node takes part, and hardly elsewhere."""
    ranked = shares(seen.nodes, nodes_of)
    whole = summed(seen.nodes)
    if whole.retransmissions < _ENOUGH or len(ranked) < 2:
        return
    for place in ranked:
        inside = place.counts
        outside = summed(row for row in seen.nodes if place.name not in nodes_of(row))
        before = summed(row for row in seen.nodes_before if place.name in nodes_of(row))
        if inside.lost < max(_LOSS, _TIMES * before.lost, 1.5 * outside.lost):
            continue
        share = inside.retransmissions / whole.retransmissions
        contrast = 1 - outside.lost / inside.lost
        score = 0.95 * share * contrast * inside.retransmissions / (inside.retransmissions + _ENOUGH)
        yield _lost_at(seen, place, outside, before, round(score, 2))


def _lost_at(seen: Observed, place: Share, outside: Counts, before: Counts, score: float) -> Cause:
    """Loss on a node's link; or its bandwidth's limit, which makes packets wait before it drops them."""
    inside = place.counts
    why = [
        f"{inside.lost:.2%} of packets from and to {place.name} were sent again; {outside.lost:.2%} elsewhere, "
        f"{before.lost:.2%} there before",
    ]
    now, then = inside.rtt_us, before.rtt_us
    waits = now is not None and then is not None and now > _TIMES * then
    if now is not None and then is not None:
        why.append(f"round trips take {now / 1000:.2g} ms, {then / 1000:.2g} ms before")
    handshakes = inside.handshake_retransmissions / max(1.0, inside.retransmissions)
    if handshakes > 0.9 and inside.connections > before.connections / 4:
        why.append(f"{handshakes:.0%} of them were handshakes: connections that are open do well")
        return Cause(kind="conntrack", where=place.name, score=score, why=tuple(why))
    return Cause(kind="bandwidth" if waits else "loss", where=place.name, score=score, why=tuple(why))


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
    came, normal = mine.answer_bytes, _middle(one.counts.answer_bytes for one in others)
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
    share = mine.broken / max(mine.broken + sum(one.counts.broken for one in others), 1)
    if mine.broken >= _ENOUGH / 2 and mine.broken / max(mine.connections, mine.broken) > 0.2:
        yield Cause(
            kind="replica",
            where=place.name,
            score=round(0.85 * share, 2),
            why=(f"{mine.broken:.0f} of {mine.connections:.0f} connections to {place.name} came to nothing", ),
        )  # fmt: skip


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
