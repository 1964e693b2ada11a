"""Rolled: the NetworkPolicies of a rollout, namespace by namespace, and what of them is there. Pure.

Those that allow something come first, those that only deny last, and go first: a policy isolates the pods that it
selects as soon as it is there.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fairway.kit.documents import Document, documents_in
from fairway.kit.errors import UsageError
from fairway.kube.api import FIELD_MANAGER
from fairway.kube.deeds import MADE_BY, NETWORK, Wanted, policies_of, wanted
from fairway.policy.model import NetworkPolicy
from fairway.policy.read import read_policy_set
from fairway.rollout.order import Order
from fairway.wire.words import Posture

OF: Final = "fairway.dev/rollout"
"""Label: which rollout made an object, or changed it."""
BEFORE: Final = "fairway.dev/before"
"""Annotation: the spec that a policy had before a rollout changed it, as JSON."""
DENY_ALL: Final = "fairway-default-deny"
Value = Mapping[str, Any]
Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Objects:
    """A namespace's policies: `allows` grant something, `denies` only isolate."""

    allows: tuple[Wanted, ...]
    denies: tuple[Wanted, ...]

    @property
    def all(self) -> tuple[Wanted, ...]:
        """In the order in which they are applied."""
        return (*self.allows, *self.denies)


def objects_of(order: Order) -> dict[str, Objects]:
    """By namespace. UsageError for policies that are no NetworkPolicies. Where the posture is deny each of these
    namespaces gets one policy more, for pods that no other selects."""
    given = [one.value for one in policies_of(documents_in("policies", order.policies), "default", staged=False)]
    namespaces = sorted({value["metadata"]["namespace"] for value in given})
    if order.posture is Posture.DENY:
        given += [_deny_all(namespace) for namespace in namespaces]
    sorted_out: dict[str, tuple[list[Wanted], list[Wanted]]] = defaultdict(lambda: ([], []))
    for value in given:
        last = only_denies(value)
        sorted_out[value["metadata"]["namespace"]][last].append(labelled(value, order.name))
    return {name: Objects(tuple(allows), tuple(denies)) for name, (allows, denies) in sorted(sorted_out.items())}


def policies_in(order: Order) -> tuple[NetworkPolicy, ...]:
    """The order's own, as everybody here reads them."""
    return read_policy_set(documents_in("policies", order.policies)).policies


def labelled(value: Value, rollout: str, before: str = "") -> Wanted:
    """A policy as a rollout applies it; `before` is the spec that it had."""
    metadata = dict(value["metadata"])
    metadata["labels"] = {**(metadata.get("labels") or {}), OF: rollout}
    annotations = {**(metadata.get("annotations") or {}), **({BEFORE: before} if before else {})}
    return wanted({**value, "metadata": {**metadata, "annotations": annotations}}, staged=False)


def restored(value: Value) -> Wanted | None:
    """A policy as it was before a rollout changed it; None if the rollout made it."""
    metadata = value["metadata"]
    before = (metadata.get("annotations") or {}).get(BEFORE)
    if before is None:
        return None
    labels = {key: text for key, text in (metadata.get("labels") or {}).items() if key != OF}
    annotations = {key: text for key, text in (metadata.get("annotations") or {}).items() if key != BEFORE}
    kept = {**metadata, "labels": labels, "annotations": annotations}
    return wanted({"metadata": kept, "spec": json.loads(before)}, staged=False)


def changed(one: Wanted, there: Value, rollout: str) -> Wanted:
    """A policy to be applied where one of that name is: of this rollout, or one that Fairway made and that can be
    put back. UsageError for one of somebody else's."""
    labels, annotations = ((there["metadata"].get(name) or {}) for name in ("labels", "annotations"))
    if labels.get(OF) == rollout:
        return labelled(one.value, rollout, annotations.get(BEFORE, ""))
    if any(labels.get(key) != text for key, text in MADE_BY.items()) or not is_held(there):
        raise UsageError(
            f"NetworkPolicy {one.title} is there and is somebody else's; give yours another name, or remove it"
        )
    return labelled(one.value, rollout, json.dumps(there["spec"], sort_keys=True))


def is_as(one: Wanted, there: Value | None) -> bool:
    """Does the policy that is there say what is wanted, in whatever words?"""
    return there is not None and policy_of(one.value) == policy_of(there)


def only_denies(value: Value) -> bool:
    """Does it isolate pods and grant them nothing?"""
    return not any(value["spec"].get(direction) for direction in ("ingress", "egress"))


def key_of(value: Value) -> Key:
    """Where it is."""
    return value["metadata"]["namespace"], value["metadata"]["name"]


def is_held(there: Value) -> bool:
    """Do we hold its spec? Whoever forced theirs into it has taken it over."""
    held: Iterable[Value] = there["metadata"].get("managedFields") or ()
    return any(one.get("manager") == FIELD_MANAGER and "f:spec" in (one.get("fieldsV1") or {}) for one in held)


def policy_of(value: Value) -> NetworkPolicy:
    """As everybody else here reads it."""
    document = {"apiVersion": NETWORK, "kind": "NetworkPolicy", **value}
    return read_policy_set([Document("policy", document)]).policies[0]


def _deny_all(namespace: str) -> dict[str, Any]:
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return {"metadata": {"namespace": namespace, "name": DENY_ALL}, "spec": spec}
