"""Trial: the status of each StagedNetworkPolicy, out of what agents reported. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fairway.hub.surroundings import WouldDeny
from fairway.kube.parts import StagedPart
from fairway.policy.decide import isolates
from fairway.policy.model import Cluster, NetworkPolicy
from fairway.policy.select import selects

_REASONS: Final = 5
_LONGEST: Final = 1024


def since_of(staged: StagedPart) -> datetime | None:
    """Since when this very generation is judged, by its own status; None if it is new."""
    if staged.status.get("observedGeneration") != staged.generation:
        return None
    try:
        return datetime.fromisoformat(str(staged.status.get("since")))
    except ValueError:
        return None


def status_of(
    staged: StagedPart,
    cluster: Cluster,
    obeying: Mapping[str, bool],
    denied: Iterable[WouldDeny],
    now: datetime,
) -> dict[str, Any]:
    """The status as it should be. `obeying`: by node, whether its agent has the latest rules; `denied` counts from
    when the generation was first judged. Of one that cannot be read only this is told; the rest is the last good
    one's."""
    if staged.problem:
        told = _conditions(staged, "False", "Invalid", staged.problem, now)
        return {**staged.status, "observedGeneration": staged.generation, "conditions": told}
    since = since_of(staged)
    begun = since or now.replace(second=0, microsecond=0) + timedelta(minutes=1)  # as the hub counts, by minutes
    nodes = _nodes(staged.policy, cluster)
    programmed = sum(obeying.get(node, False) for node in nodes)
    mine = [one for one in denied if since and one.last_seen >= since and _is_of(staged.policy, one)]
    counts: Counter[str] = Counter()
    latest: dict[str, datetime] = {}
    for one in mine:
        counts[one.reason] += one.connections
        latest[one.reason] = max(one.last_seen, latest.get(one.reason, one.last_seen))
    return {
        "observedGeneration": staged.generation,
        "since": _moment(begun),
        "nodesTotal": len(nodes),
        "nodesProgrammed": programmed,
        "wouldDeny": counts.total(),
        "reasons": [
            {"reason": reason[:_LONGEST], "connections": count, "lastSeen": _moment(latest[reason])}
            for reason, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_REASONS]
        ],
        "conditions": _judged(staged, len(nodes), programmed, now),
    }


def _nodes(policy: NetworkPolicy, cluster: Cluster) -> set[str]:
    return {
        pod.node
        for pod in cluster.pods
        if pod.namespace == policy.namespace
        and pod.node
        and not pod.finished
        and not pod.host_network
        and selects(policy.subject, dict(pod.labels))
    }


def _is_of(policy: NetworkPolicy, denied: WouldDeny) -> bool:
    return isolates(policy, denied.direction, denied.subject)


def _judged(staged: StagedPart, total: int, programmed: int, now: datetime) -> Sequence[dict[str, Any]]:
    """Whether every node with pods that it selects judges by it."""
    judged = total == programmed and total > 0
    reason = "Judged" if judged else "WaitingForAgents" if total else "SelectsNoPod"
    message = f"{programmed} of {total} nodes judge by it" if total else "it selects no running pod"
    return _conditions(staged, "True" if judged else "False", reason, message, now)


def _conditions(
    staged: StagedPart, status: str, reason: str, message: str, now: datetime
) -> Sequence[dict[str, Any]]:
    listed: list[dict[str, Any]] = staged.status.get("conditions") or []
    old = next((one for one in listed if one.get("type") == "Judged"), {})
    moved = old.get("lastTransitionTime") if old.get("status") == status else None
    return [
        {
            "type": "Judged",
            "status": status,
            "observedGeneration": staged.generation,
            "lastTransitionTime": moved or _moment(now),
            "reason": reason,
            "message": message[:_LONGEST],
        }
    ]


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
