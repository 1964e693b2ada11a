"""Causes: why there is trouble, ranked. Each candidate says what speaks for it; the score is from 0 to 1.

Scores order candidates, they are no probabilities. What was dropped by a rule is certain, and outranks what only
coincides; what explains one replica outranks its node only if the node's other traffic is well.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from fairway.signals.cause import ENOUGH, QUESTIONS, Cause
from fairway.signals.observed import Asked, Changed, Dropped, Limit, Observed, nodes_of, shares, summed
from fairway.signals.places import of_nodes, of_replicas

LOOKED_BACK: Final = timedelta(minutes=30)
"""Changes so long before a trouble may be its cause."""
_LEAST: Final = 0.05
"""Score, below which a candidate is not worth a line."""
_UNANSWERED: Final = 0.3


def causes(seen: Observed) -> list[Cause]:
    """Every candidate that something speaks for, the best first."""
    found = [
        *_policy(seen),
        *_dns(seen),
        *_limits(seen),
        *of_nodes(seen),
        *of_replicas(seen),
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


def _dropped(one: Dropped) -> tuple[int, str]:
    return -one.packets, one.edge


def _dns(seen: Observed) -> Iterator[Cause]:
    """The client cannot even learn whom to call."""
    now, before = _questions(seen.dns), _questions(seen.dns_before)
    if now.asked < QUESTIONS or now.unanswered < max(_UNANSWERED, 2 * before.unanswered):
        return
    per_second = _per(seen, summed(seen.now).connections, summed(seen.before).connections)
    why = [
        f"{now.asked - now.answered:.0f} of {now.asked:.0f} DNS packets of {seen.client} without an answer, or "
        f"with a failure in {now.failed:.0f} ({before.unanswered:.0%} before)",
        *(
            f"{one.client} on {one.node}: {one.unanswered:.0%}"
            + (f", most for {one.worst}" if one.worst and one.unanswered else "")
            for one in sorted(seen.dns, key=_unanswered)[:3]
        ),
    ]
    if per_second is not None and per_second < 0.5:
        why.append(f"it opened {per_second:.0%} of the connections that it opened before")
    yield Cause(kind="dns", where=seen.client, score=round(0.5 + 0.45 * now.unanswered, 2), why=tuple(why))


def _questions(told: Iterable[Asked]) -> Asked:
    rows = list(told)
    asked, answered, failed = (sum(getattr(one, name) for one in rows) for name in ("asked", "answered", "failed"))
    return Asked(client="", node="", asked=asked, answered=answered, failed=failed)


def _unanswered(one: Asked) -> tuple[float, str]:
    return -one.unanswered, one.client


def _limits(seen: Observed) -> Iterator[Cause]:
    """A node's limit is hit, and the trouble touches that node. Whom a full table of connections turns away cannot
    even ask DNS: it is more certain than what follows from it."""
    touched = _touched(seen)
    for limit in seen.limits:
        share = touched.get(limit.node, 0.0)
        if limit.hit and (share > 0 or not touched):
            tracked = "conntrack" in limit.name
            yield Cause(
                kind="conntrack" if tracked else "bandwidth",
                where=limit.node,
                score=round(0.9 + 0.08 * share if tracked else 0.7 + 0.28 * share, 2),
                why=(_limit_told(limit), f"{share:.0%} of the trouble touches {limit.node}"),
            )


def _touched(seen: Observed) -> dict[str, float]:
    """How much of the trouble each node has: of what is counted, of DNS questions in vain; all where it had to do
    with the subject before and nothing comes any more."""
    now, before = ({one.name: one.share for one in shares(rows, nodes_of)} for rows in (seen.now, seen.before))
    found = dict(now)
    lost = sum(one.asked * one.unanswered for one in seen.dns)
    for one in seen.dns if lost else ():
        found[one.node] = max(found.get(one.node, 0.0), one.asked * one.unanswered / lost)
    return found | dict.fromkeys(before.keys() - now.keys(), 1.0)


def _limit_told(limit: Limit) -> str:
    if limit.most:
        return f"{limit.node}: {limit.name} {limit.used:.0f} of {limit.most:.0f}"
    return f"{limit.node}: {limit.name} was hit {limit.used:.0f} times"


def _ends(seen: Observed) -> Iterator[Cause]:
    """All of a server's clients, or one client replica alone, come to nothing."""
    now, before = summed(seen.now), summed(seen.before)
    share = now.broken / max(now.connections, now.broken, 1)
    if now.broken < ENOUGH / 2 or share < max(0.1, 2 * before.broken / max(before.connections, 1)):
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


def _before(seen: Observed, *kinds: str) -> list[Changed]:
    """Changes of these kinds from half an hour before the trouble to its end, the latest first."""
    found = [c for c in seen.changes if c.kind in kinds and seen.since - LOOKED_BACK <= c.at <= seen.until]
    return sorted(found, key=lambda change: change.at, reverse=True)


def _per(seen: Observed, now: float, before: float) -> float | None:
    """A rate while it lasts by the rate before; None where there was nothing before."""
    length, earlier = seen.until - seen.since, seen.since - seen.begin
    return (now / length.total_seconds()) / (before / earlier.total_seconds()) if before and earlier else None
