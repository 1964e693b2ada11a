"""explain: a decision in one or two sentences that name the policies and rules behind it."""

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from fairway.policy.decide import OWN_ADDRESS, OWN_NODE, Decision, Judgement
from fairway.wire.endpoint import Endpoint
from fairway.wire.words import Direction, Reason, Verdict

Naming = Callable[[Endpoint], str]
BY_POD: Final[Naming] = attrgetter("title")
BY_WORKLOAD: Final[Naming] = attrgetter("group")


def port_title(port: int, protocol: str) -> str:
    """`TCP 5432`, or `ICMP` for a protocol without ports."""
    return f"{protocol} {port}" if port else protocol


def explain(
    decision: Decision, client: Endpoint, server: Endpoint, port: int, protocol: str, name: Naming = BY_POD
) -> str:
    """Why the connection is denied, or else why it is allowed."""
    sides = ((Direction.EGRESS, decision.egress), (Direction.INGRESS, decision.ingress))
    denied = tuple(side for side in sides if side[1].verdict is Verdict.DENY)
    return ". ".join(
        explain_side(direction, judgement, client, server, port_title(port, protocol), name)
        for direction, judgement in denied or sides
    )


def explain_side(
    direction: Direction, judgement: Judgement, client: Endpoint, server: Endpoint, what: str, name: Naming = BY_POD
) -> str:
    """One side: `ingress: orders/db isolates orders/db-0; no rule allows TCP 5432 from dev/intruder`."""
    subject, side = name(client), f"to {name(server)}"
    if direction is Direction.INGRESS:
        subject, side = name(server), f"from {name(client)}"
    if judgement.verdict is Verdict.ALLOW:
        why = _why_allowed(judgement, subject, f"{what} {side}")
    elif judgement.verdict is Verdict.DENY:
        why = _why_denied(judgement, subject, f"{what} {side}")
    else:
        why = f"{subject} is no pod of the cluster; policies do not judge it"
    passed = "".join(f", after {rule} of the {tier} tier passed it on" for tier, rule in judgement.passed)
    return f"{direction.name.lower()}: {why}{passed}"


def _why_denied(judgement: Judgement, subject: str, what: str) -> str:
    if judgement.tier is not None:
        return f"{judgement.denied_by} of the {judgement.tier} tier denies {subject} {what}"
    if judgement.reason is Reason.POSTURE:
        return f"no policy selects {subject} and the posture is deny; {what} needs a policy"
    isolate = "isolates" if len(judgement.isolating) == 1 else "isolate"
    return f"{', '.join(judgement.isolating)} {isolate} {subject}; no rule allows {what}"


def _why_allowed(judgement: Judgement, subject: str, what: str) -> str:
    if judgement.rule == OWN_ADDRESS:
        return f"{subject} always reaches itself"
    if judgement.rule == OWN_NODE:
        return f"{subject} is always reached by its own node"
    if not judgement.rules:
        return f"no policy isolates {subject} and the posture is allow"
    if judgement.tier is not None:
        return f"{judgement.rule} of the {judgement.tier} tier accepts {what}"
    return f"{judgement.rule} allows {what}"
