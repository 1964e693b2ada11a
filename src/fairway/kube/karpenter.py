"""Karpenter: what NodeClasses, NodePools and NodeClaims say of how far nodes are replaced. Pure.

Sources: Karpenter v1 (NodeClaim conditions `Drifted` and `Initialized`, `disruption.budgets` of NodePools), EKS
Auto Mode (NodeClass `eks.amazonaws.com/v1`). A controller writes the hash of a class' spec on the class and, when
it makes a node of it, on the claim (`.../nodeclass-hash`): a claim of another hash is to be replaced.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from fairway.rollout.budgets import DEFAULT, Budget, allowed

Value = Mapping[str, Any]
CLASSES: Final = "/apis/eks.amazonaws.com/v1/nodeclasses"
OPEN_CLASSES: Final = "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"
CLAIMS: Final = "/apis/karpenter.sh/v1/nodeclaims"
POOLS: Final = "/apis/karpenter.sh/v1/nodepools"
POOL: Final = "karpenter.sh/nodepool"
"""Label of a NodeClaim, and of its node."""
_HASH: Final = "nodeclass-hash"


def claims_of(nodeclass: Value, claims: Iterable[Value]) -> list[Value]:
    """The NodeClaims that were made of an EKS NodeClass."""
    return [
        claim
        for claim in claims
        if _ref(claim).get("name") == nodeclass["metadata"]["name"]
        and _ref(claim).get("group", "eks.amazonaws.com") == "eks.amazonaws.com"
    ]


def is_replaced(claim: Value, nodeclass: Value, *, settled: bool) -> bool:
    """Is it a node as its class says by now, at work? Without hashes what Karpenter marks must do, once it had the
    time to (`settled`)."""
    if claim["metadata"].get("deletionTimestamp") or condition(claim, "Drifted") == "True":
        return False
    if condition(claim, "Initialized") != "True":
        return False
    own, wanted = hash_of(claim), hash_of(nodeclass)
    return own == wanted and is_observed(nodeclass) if own and wanted else settled


def is_observed(nodeclass: Value) -> bool:
    """Has its controller looked at it since it was changed?"""
    seen = [one["observedGeneration"] for one in _conditions(nodeclass) if "observedGeneration" in one]
    return not seen or max(seen) >= nodeclass["metadata"].get("generation", 0)


def hash_of(value: Value) -> str:
    """Of the class that it is, or was made of; empty where none is told."""
    annotations: Mapping[str, str] = value["metadata"].get("annotations") or {}
    return next((text for key, text in sorted(annotations.items()) if key.endswith(_HASH)), "")


def condition(value: Value, kind: str) -> str:
    """`True`, `False`, `Unknown`, or empty where it is not told."""
    return next((str(one.get("status", "")) for one in _conditions(value) if one.get("type") == kind), "")


def progress(claims: Iterable[Value], replaced: int, pools: Iterable[Value], now: datetime) -> str:
    """How far Karpenter is with the nodes of a class, and what its own budgets allow, in words."""
    claims = list(claims)
    used = {(claim["metadata"].get("labels") or {}).get(POOL) for claim in claims}
    frozen = []
    for pool in pools:
        name = pool["metadata"]["name"]
        mine = [claim for claim in claims if (claim["metadata"].get("labels") or {}).get(POOL) == name]
        if name in used and not allowed(budgets_of(pool), len(mine), 0, now):
            frozen.append(name)
    waits = f"; the budgets of NodePool {', '.join(sorted(frozen))} allow none now" if frozen else ""
    return f"{replaced} of {len(claims)} nodes replaced{waits}"


def budgets_of(pool: Value) -> tuple[Budget, ...]:
    """Of a NodePool; Karpenter's own default where it says none, or none that can be read."""
    given = ((pool.get("spec") or {}).get("disruption") or {}).get("budgets")
    try:
        return msgspec.convert(given, tuple[Budget, ...]) if given else DEFAULT
    except msgspec.ValidationError:
        return DEFAULT


def node_of(claim: Value) -> str:
    """The node's name; empty while there is none."""
    return str((claim.get("status") or {}).get("nodeName") or "")


def _ref(claim: Value) -> Value:
    return dict((claim.get("spec") or {}).get("nodeClassRef") or {})


def _conditions(value: Value) -> list[dict[str, Any]]:
    return list((value.get("status") or {}).get("conditions") or ())
