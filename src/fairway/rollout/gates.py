"""Gates: what must hold before a step, and what must go on holding after it. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import isfinite

import msgspec

from fairway.kit.spans import span
from fairway.rollout.drift import shift
from fairway.rollout.order import Order
from fairway.rollout.seen import Broken, Seen

_SHOWN = 3


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One gate: what it measured, the limit, and, where it is closed, why in words and when it may open if only
    time is missing. `hard` gates no person overrides: without them a step could not be judged or carried out."""

    name: str
    open: bool
    value: str
    limit: str
    why: str = ""
    opens: datetime | None = None
    hard: bool = False


def before(order: Order, seen: Seen, now: datetime) -> tuple[Gate, ...]:
    """The gates before a step."""
    return (_coverage(order, seen), _quiet(order, seen, now), _lint(seen), _in_force(seen), _able(seen))


def after(order: Order, seen: Seen) -> tuple[Gate, ...]:
    """The gates after a step, while it soaks."""
    return (_sight(seen), _denied(seen), *_signals(order, seen), *_connect_time(order, seen))


def _coverage(order: Order, seen: Seen) -> Gate:
    limit = f">= {order.gates.score} for every workload"
    if seen.unscored:
        return Gate(name="coverage", open=False, value="-", limit=limit, why=seen.unscored)
    if not seen.scores:
        return Gate(name="coverage", open=True, value=f">= {order.gates.score}", limit=limit)
    worst = min(seen.scores, key=lambda low: (low.score is not None, low.score or 0, low.workload))
    value = f"{'-' if worst.score is None else worst.score} ({worst.workload})"
    why = _several([f"{low.workload}: {low.why}" for low in seen.scores], "workloads")
    return Gate(name="coverage", open=False, value=value, limit=limit, why=why)


def _quiet(order: Order, seen: Seen, now: datetime) -> Gate:
    window = max(order.gates.quiet, order.gates.periods * seen.rarest)
    limit = f"nothing on a known edge for {span(window)}"
    if seen.rarest * order.gates.periods >= order.gates.quiet and seen.rarest:
        limit += f" ({order.gates.periods:g} x the rarest use seen, {span(seen.rarest)})"
    if seen.quiet_since is None:
        return Gate(name="would-deny", open=False, value="-", limit=limit, why="the policies are not on trial yet")
    quiet = max(now - seen.quiet_since, timedelta())
    value = f"nothing for {span(quiet)}"
    if quiet >= window:
        return Gate(name="would-deny", open=True, value=value, limit=limit)
    opens = seen.quiet_since + window
    why = told(seen.would_deny) if seen.would_deny else "it was not watched for so long yet"
    return Gate(name="would-deny", open=False, value=value, limit=limit, why=why, opens=opens)


def _lint(seen: Seen) -> Gate:
    why = _several(list(seen.lint), "findings")
    return Gate(name="lint", open=not seen.lint, value=f"{len(seen.lint)} findings", limit="none", why=why)


def _in_force(seen: Seen) -> Gate:
    why = _several(list(seen.unenforced), "objects")
    value = f"{len(seen.unenforced)} objects that nothing enforces"
    return Gate(name="enforced", open=not seen.unenforced, value=value, limit="none", why=why)


def _able(seen: Seen) -> Gate:
    """All that is in force is obeyed. Units that cannot be switched themselves are left for a later step."""
    slow = [unit.name for unit in seen.units if not unit.obeys and not unit.trouble]
    why = f"waiting for {_several(slow, 'units')} to do what they were told" if slow else ""
    return Gate(name="programmed", open=not slow, value=f"{len(slow)} behind", limit="none", why=why, hard=True)


def _sight(seen: Seen) -> Gate:
    return Gate(name="sight", open=not seen.blind, value=seen.blind or "all report", limit="all report",
                why=seen.blind, hard=True)  # fmt: skip


def _denied(seen: Seen) -> Gate:
    count = sum(broken.count for broken in seen.denied)
    value = f"{count} on {len(seen.denied)} known edges"
    return Gate(name="denied", open=not seen.denied, value=value, limit="none", why=told(seen.denied))


def _signals(order: Order, seen: Seen) -> Iterator[Gate]:
    for signal in seen.signals:
        found = shift(signal.before, signal.after, signal.spans)
        alarming = found.alarming(order.gates.alarm, signal.least)
        expected = f"expected {found.expected:.1f}" if isfinite(found.expected) else "nothing to compare with"
        value = f"{found.seen:g} ({expected})"
        why = f"chance {found.chance:.1g} if nothing had changed" if alarming else ""
        yield Gate(
            name=signal.name, open=not alarming, value=value, limit=f"chance < {order.gates.alarm:g}", why=why
        )


def _connect_time(order: Order, seen: Seen) -> Iterator[Gate]:
    if seen.connect_p99 is not None:
        was, became = seen.connect_p99
        worse = became > was * order.gates.connect_time
        value = f"{became / 1000:.1f} ms (was {was / 1000:.1f} ms)"
        limit = f"<= {order.gates.connect_time:g} x"
        yield Gate(name="connect-time-p99", open=not worse, value=value, limit=limit, why=value if worse else "")


def told(broken: tuple[Broken, ...]) -> str:
    """Connections in words, the most frequent first."""
    ranked = sorted(broken, key=lambda one: (-one.count, one.client, one.server, one.port))
    return _several([f"{one.client} -> {one.server} {one.port}" for one in ranked], "edges")


def _several(each: list[str], what: str) -> str:
    shown = "; ".join(each[:_SHOWN])
    return f"{shown}; and {len(each) - _SHOWN} more {what}" if len(each) > _SHOWN else shown
