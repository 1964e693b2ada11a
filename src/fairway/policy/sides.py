"""Sides: a decision taken apart by direction, for programs: who decided, in which tier, by which rules."""

from dataclasses import dataclass

from fairway.policy.decide import OWN_ADDRESS, OWN_NODE, Decision, Judgement
from fairway.policy.explain import explain_side, port_title
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction, Reason, Verdict

EXEMPT = "exempt"
POSTURE = "posture"
POLICIES = "NetworkPolicy"


@dataclass(frozen=True, slots=True)
class Side:
    """One direction. `verdict` is allow, deny or unjudged (no pod of the cluster).

    `tier` says what decided: the NetworkPolicies that isolate the pod (`policies`; `rules` allow the connection),
    the tier of a cluster-wide policy, the posture where none does, or `exempt`: what no policy can deny. Empty if
    unjudged.
    """

    direction: str
    verdict: str
    tier: str
    policies: tuple[str, ...]
    rules: tuple[str, ...]
    why: str


def sides(decision: Decision, client: Endpoint, server: Endpoint, port: int, protocol: str) -> tuple[Side, ...]:
    """Egress and ingress; of a Service address only egress, since each backend judges its own ingress."""
    judged = [(Direction.EGRESS, decision.egress)]
    if server.kind is not Kind.SERVICE:
        judged.append((Direction.INGRESS, decision.ingress))
    what = port_title(port, protocol)
    return tuple(
        Side(
            direction=direction.name.lower(),
            verdict=judgement.verdict.name.lower(),
            tier=_tier(judgement),
            policies=judgement.isolating,
            rules=() if _tier(judgement) == EXEMPT else judgement.rules,
            why=explain_side(direction, judgement, client, server, what).partition(": ")[2],
        )
        for direction, judgement in judged
    )


def _tier(judgement: Judgement) -> str:
    if judgement.verdict is Verdict.UNJUDGED:
        return ""
    if judgement.tier is not None:
        return str(judgement.tier)
    if judgement.rule in (OWN_ADDRESS, OWN_NODE):
        return EXEMPT
    if judgement.reason is Reason.POSTURE or not judgement.isolating:
        return POSTURE
    return POLICIES
