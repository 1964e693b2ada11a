"""Deeds: what a person does to policies in the cluster. All of it dry first, so that nothing is half done."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fairway.kit.documents import Document
from fairway.kit.errors import AnswerIsNoError, FairwayError, InputErrors, UsageError
from fairway.kube.api import Api
from fairway.kube.resources import STAGED, object_path
from fairway.policy.read import read_policy_set

NETWORK: Final = "networking.k8s.io/v1"
_PLURALS: Final = {"NetworkPolicy": "networkpolicies", STAGED.kind: STAGED.plural}
_MADE_BY: Final = {"app.kubernetes.io/managed-by": "fairway"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to be applied, with where it lies in the API."""

    value: Mapping[str, Any]
    path: str
    title: str


def policies_of(documents: Sequence[Document], namespace: str, *, staged: bool) -> list[Wanted]:
    """The NetworkPolicies and StagedNetworkPolicies of files, as the one kind or the other. InputErrors names what
    is wrong with them; other objects are passed over, policies of other kinds are refused."""
    chosen = [
        Document(source, {**value, "apiVersion": NETWORK, "kind": "NetworkPolicy"})
        if isinstance(value, dict) and value.get("kind") == STAGED.kind
        else Document(source, value)
        for source, value in documents
    ]
    placed = [Document(source, _placed(value, namespace)) for source, value in chosen]
    found = read_policy_set(placed)
    others = [policy.title for policy in found.tiered]
    others += [policy.title for policy in found.policies if policy.kind != "NetworkPolicy"]
    if others:
        raise InputErrors([f"{title}: only NetworkPolicies go on trial in a cluster" for title in others])
    if not found.policies:
        raise UsageError("no NetworkPolicy in there; `fairway policy generate` writes some")
    titles = {policy.title for policy in found.policies}
    return [wanted(value, staged=staged) for _, value in placed if _title(value) in titles and _is_policy(value)]


def wanted(value: Mapping[str, Any], *, staged: bool) -> Wanted:
    """A policy as it is applied: its name, labels, annotations and spec, nothing of what a server adds."""
    metadata = value["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "annotations") if metadata.get(key)}
    kept["labels"] = {**(metadata.get("labels") or {}), **_MADE_BY}
    annotations = {key: text for key, text in (kept.get("annotations") or {}).items() if "kubectl" not in key}
    if annotations:
        kept["annotations"] = annotations
    else:
        kept.pop("annotations", None)
    version, kind = (STAGED.version, STAGED.kind) if staged else (NETWORK, "NetworkPolicy")
    path = object_path(version, _PLURALS[kind], metadata["namespace"], metadata["name"])
    made = {"apiVersion": version, "kind": kind, "metadata": kept, "spec": value["spec"]}
    return Wanted(made, path, f"{metadata['namespace']}/{metadata['name']}")


def apply_all(api: Api, given: Sequence[Wanted], *, dry_run: bool = False, force: bool = False) -> list[str]:
    """Apply all or, where one is refused, none: `created`, `changed` or `unchanged` of each. InputErrors with every
    refusal; AnswerIsNoError if all of them are about fields that somebody else holds."""
    refused: list[FairwayError] = []
    done = []
    for one in given:
        try:
            before = api.find(one.path)
            after = api.apply(one.path, one.value, dry_run=True, force=force)
            done.append(_what(before, after))
        except FairwayError as error:
            refused.append(type(error)(f"{one.title}: {error}"))
    if refused:
        if len(refused) == 1 or all(isinstance(error, AnswerIsNoError) for error in refused):
            raise type(refused[0])("\n".join(map(str, refused)))
        raise InputErrors([str(error) for error in refused])
    if not dry_run:
        for one in given:
            api.apply(one.path, one.value, force=force)
    return done


def _what(before: Any, after: Any) -> str:
    if before is None:
        return "created"
    return "unchanged" if before.get("spec") == after.get("spec") else "changed"


def promote(api: Api, namespace: str, name: str, *, anyway: bool = False, dry_run: bool = False) -> str:
    """Put a policy on trial into force and end its trial: what was done with the NetworkPolicy. AnswerIsNoError
    while it would deny something, or while not every node judges by it, unless `anyway`."""
    staged = find_staged(api, namespace, name)
    if not anyway and (why := doubts(staged)):
        raise AnswerIsNoError(f"{namespace}/{name}: {why}; --anyway promotes it all the same")
    target = wanted(staged, staged=False)
    [done] = apply_all(api, [target], dry_run=dry_run)
    if not dry_run:
        api.delete(object_path(STAGED.version, STAGED.plural, namespace, name))
    return done


def doubts(staged: Mapping[str, Any]) -> str:
    """Why a policy on trial is not ready to be in force; empty if it is."""
    status = staged.get("status") or {}
    if status.get("observedGeneration") != staged["metadata"].get("generation"):
        return "the hub has not judged it as it is now; wait, or look at the hub"
    invalid = [one.get("message", "") for one in status.get("conditions") or () if one.get("reason") == "Invalid"]
    if invalid:
        return f"it cannot be read: {invalid[0]}"
    if denied := status.get("wouldDeny", 0):
        first = next((one.get("reason", "") for one in status.get("reasons") or ()), "")
        return f"it would have denied {denied} connections since {status.get('since')}: {first}"
    total, programmed = status.get("nodesTotal", 0), status.get("nodesProgrammed", 0)
    return f"only {programmed} of {total} nodes judge by it" if programmed < total else ""


def withdraw(api: Api, namespace: str, name: str) -> None:
    """End a trial; UsageError if there is none."""
    find_staged(api, namespace, name)
    api.delete(object_path(STAGED.version, STAGED.plural, namespace, name))


def find_staged(api: Api, namespace: str, name: str) -> dict[str, Any]:
    """The policy on trial; UsageError if there is none, with those that there are."""
    found = api.find(object_path(STAGED.version, STAGED.plural, namespace, name))
    if found is None:
        known = ", ".join(one["metadata"]["name"] for one in staged_in(api, namespace)) or "none"
        raise UsageError(f"`{name}` is not on trial in namespace `{namespace}`; there are: {known}")
    return dict(found)


def staged_in(api: Api, namespace: str | None) -> Iterator[dict[str, Any]]:
    """Policies on trial of a namespace, or of all."""
    place = f"/namespaces/{namespace}" if namespace else ""
    head, _, tail = STAGED.path.rpartition("/")
    yield from pages(api, f"{head}{place}/{tail}")


def pages(api: Api, path: str, limit: int = 500) -> Iterator[dict[str, Any]]:
    """All objects of a list, page by page."""
    parameters = {"limit": str(limit)}
    while True:
        page = api.get(path, parameters)
        yield from page.get("items") or ()
        following = (page.get("metadata") or {}).get("continue")
        if not following:
            return
        parameters["continue"] = following


def _placed(value: Any, namespace: str) -> Any:
    """The object in the namespace that is meant where it names none."""
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        return value
    return {**value, "metadata": {"namespace": namespace, **_some(value["metadata"])}}


def _some(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if value is not None}


def _is_policy(value: Any) -> bool:
    return isinstance(value, dict) and value.get("kind") == "NetworkPolicy"


def _title(value: Any) -> str:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return f"{metadata.get('namespace')}/{metadata.get('name')}" if isinstance(metadata, dict) else ""


def summary(staged: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Policies on trial as rows for people: what each would have denied, and where it is judged."""
    return [
        {
            "policy": f"{one['metadata']['namespace']}/{one['metadata']['name']}",
            "would_deny": status.get("wouldDeny"),
            "nodes": f"{status.get('nodesProgrammed', 0)}/{status.get('nodesTotal', 0)}",
            "since": status.get("since"),
            "ready": not doubts(one),
            "why": doubts(one),
        }
        for one in staged
        for status in [one.get("status") or {}]
    ]
