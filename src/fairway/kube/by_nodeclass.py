"""By NodeClass: default-deny by EKS Auto Mode, which replaces nodes for it (Karpenter's drift).

Only the posture is driven: the policies must be in force before, or nothing would be allowed. A class is patched
under our own field manager and let go again, so that it is then exactly what it was. No AWS was at hand: the tests
play Karpenter's side.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from fairway.hub.rollouts.drivers import Scene
from fairway.kit.errors import EnvironmentLacksError, FairwayError, UsageError, one_line
from fairway.kube import karpenter
from fairway.kube.access import Access
from fairway.kube.api import Api, NotThereError
from fairway.kube.deeds import pages
from fairway.kube.karpenter import CLAIMS, CLASSES, OPEN_CLASSES, POOLS, Value
from fairway.kube.rolled import OF, policies_in
from fairway.policy.directory import pod_endpoint
from fairway.rollout.order import Order
from fairway.rollout.plan import Wanted
from fairway.rollout.seen import Unit
from fairway.wire.words import Posture

DENY: Final = {"networkPolicy": "DefaultDeny", "networkPolicyEventLogs": "Enabled"}
_LOOK: Final = 2.0
"""Seconds between two looks at nodes that are being replaced."""


class ByNodeClass:
    """A `hub.rollouts.drivers.Driver`, for any thread."""

    def __init__(self, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = Api(access)
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._changed: dict[str, float] = {}
        self._classes: dict[str, Value] = {}
        self._claims: list[Value] = []
        self._pools: list[Value] = []
        self._troubles: dict[str, str] = {}

    def check(self, order: Order, scene: Scene) -> None:
        if order.posture is not Posture.DENY:
            raise UsageError("driver `nodeclass` turns on default-deny: give the posture that it has, deny")
        with self._lock:
            try:
                self._look(anew=True)
            except NotThereError:
                raise UsageError(self._lacking()) from None
            if strange := sorted({*(order.nodes or ()), *order.limits.canary} - self._classes.keys()):
                known = ", ".join(sorted(self._classes)) or "none"
                raise UsageError(f"`{strange[0]}` is no NodeClass of this cluster; there are: {known}")
        if missing := _missing(order, scene):
            raise UsageError(missing)

    def make_so(self, order: Order, asked: Wanted, scene: Scene) -> bool:
        with self._lock:
            self._look()
            done = True
            for name, value in sorted(self._classes.items()):
                if order.nodes is not None and name not in order.nodes:
                    continue
                try:
                    self._set(order, name, value, deny=name in asked.enforcing, missing=_missing(order, scene))
                    self._troubles.pop(name, None)
                except EnvironmentLacksError:
                    self._looked = float("-inf")
                    raise
                except FairwayError as error:
                    self._troubles[name], done = one_line(str(error)), False
            return done and all(unit.obeys for unit in self._units(order, asked, scene))

    def units(self, order: Order, asked: Wanted, scene: Scene) -> tuple[Unit, ...]:
        with self._lock:
            self._look()
            return tuple(self._units(order, asked, scene))

    def unenforced(self, order: Order, scene: Scene) -> tuple[str, ...]:
        return ()

    def unit_of(self, row: Mapping[str, Any]) -> str:
        """The class of the node whose agent told; nodes of other classes are no unit's."""
        made = {karpenter.node_of(claim): claim for claim in self._claims}
        claim = made.get(row["node"])
        found = [name for name, value in self._classes.items() if claim and karpenter.claims_of(value, [claim])]
        return next(iter(found), "")

    def close(self) -> None:
        self._api.close()

    def _units(self, order: Order, asked: Wanted, scene: Scene) -> list[Unit]:
        workloads: dict[str, Counter[str]] = {}
        for pod in scene.cluster.pods:
            if not pod.finished and not pod.host_network:
                workloads.setdefault(pod.node, Counter())[pod_endpoint(pod, "").group] += 1
        units, missing = [], _missing(order, scene)
        for name, value in sorted(self._classes.items()):
            claims = karpenter.claims_of(value, self._claims)
            settled = self._clock() - self._changed.get(name, float("-inf")) >= order.settle.total_seconds()
            replaced = sum(karpenter.is_replaced(claim, value, settled=settled) for claim in claims)
            replicas = sum((workloads.get(karpenter.node_of(claim), Counter()) for claim in claims), Counter[str]())
            set_so = _is_denying(value, order) == (name in asked.enforcing)
            units.append(
                Unit(
                    name=name,
                    replicas=replicas,
                    trouble=self._troubles.get(name, missing if name not in asked.enforcing else ""),
                    obeys=set_so and replaced == len(claims),
                    doing=karpenter.progress(claims, replaced, self._pools, scene.now),
                )
            )
        return units

    def _set(self, order: Order, name: str, value: Value, *, deny: bool, missing: str) -> None:
        """Patch a class, or let it go. UsageError while policies are missing that it would need, AnswerIsNoError
        for a field that somebody else holds."""
        if _is_denying(value, order) == deny:
            return
        holder = (value["metadata"].get("labels") or {}).get(OF, order.name)
        if holder != order.name:
            raise UsageError(f"rollout `{holder}` holds it; abort that first")
        if deny and missing:
            raise UsageError(missing)
        wanted: dict[str, Any] = {"apiVersion": "eks.amazonaws.com/v1", "kind": "NodeClass"}
        wanted["metadata"] = {"name": name, **({"labels": {OF: order.name}} if deny else {})}
        if deny:
            wanted["spec"] = DENY
        self._classes[name] = self._api.apply(f"{CLASSES}/{name}", wanted)
        self._changed[name] = self._clock()

    def _look(self, *, anew: bool = False) -> None:
        if anew or self._clock() - self._looked >= _LOOK:
            self._classes = {value["metadata"]["name"]: value for value in pages(self._api, CLASSES)}
            self._claims, self._pools = list(pages(self._api, CLAIMS)), list(pages(self._api, POOLS))
            self._looked = self._clock()

    def _lacking(self) -> str:
        try:
            self._api.get(OPEN_CLASSES, {"limit": "1"})
        except NotThereError:
            return "driver `nodeclass` needs EKS Auto Mode: the API server has no NodeClass; use driver `objects`"
        return (
            "EC2NodeClasses have no network policy: the VPC CNI's strict mode is one setting of its DaemonSet, for "
            "the whole cluster at once (NETWORK_POLICY_ENFORCING_MODE); use driver `objects`, then set it by hand"
        )


def _is_denying(value: Value, order: Order) -> bool:
    labels, spec = value["metadata"].get("labels") or {}, value.get("spec") or {}
    return labels.get(OF) == order.name and all(spec.get(key) == text for key, text in DENY.items())


def _missing(order: Order, scene: Scene) -> str:
    """Why default-deny would close what the order's policies allow; empty if it would not."""
    there = {policy.title: policy for policy in scene.cluster.policies}
    for policy in policies_in(order):
        if there.get(policy.title) != policy:
            return f"NetworkPolicy {policy.title} is not in force as ordered; use driver `objects` for it first"
    return ""
