"""Clusters and policies from Kubernetes objects. All problems are told at once, by file, object and path."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fairway.kit.errors import InputErrors
from fairway.policy.fields import Field, shown
from fairway.policy.model import Cluster, NetworkPolicy, Pod, PolicySet, Service, TieredPolicy
from fairway.policy.read_declared import Ref, read_config_map
from fairway.policy.read_objects import (
    Owners,
    Slice,
    controller,
    read_cron_job,
    read_node,
    read_pod,
    read_service,
    read_slice,
)
from fairway.policy.read_policy import read_policy
from fairway.policy.read_tiered import DIALECTS, read_tiered
from fairway.policy.select import NAME_LABEL
from fairway.wire.words import Posture

_SERVICE_LABEL: Final = "kubernetes.io/service-name"
_POLICIES: Final = ("NetworkPolicy", "ApplicationNetworkPolicy")
_TIERED: Final = tuple(dict.fromkeys(kind for kind, _ in DIALECTS))
_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Namespace": ("",),
    "Node": ("",),
    "Pod": ("",),
    "Service": ("",),
    "EndpointSlice": ("discovery.k8s.io",),
    "ReplicaSet": ("apps",),
    "CronJob": ("batch",),
    "Job": ("batch",),
    "ConfigMap": ("",),
    "NetworkPolicy": ("networking.k8s.io",),
    "ApplicationNetworkPolicy": ("networking.k8s.aws",),
    **{kind: tuple(group for k, group in DIALECTS if k == kind) for kind in _TIERED},
}
_CLUSTER_WIDE: Final = ("Namespace", "Node", *_TIERED)
_PLACED: Final = ("Pod", "Service", "CronJob", *_POLICIES)


@dataclass(frozen=True, slots=True)
class Reading:
    """A cluster, and the objects that say nothing about its network (`file: Kind name`)."""

    cluster: Cluster
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Object:
    root: Field
    source: str
    kind: str
    group: str
    namespace: str
    name: str


def read_cluster(documents: Iterable[tuple[str, Any]]) -> Reading:
    """The cluster that the objects of `documents` (source, value) describe; InputErrors with every problem.

    Without any Namespace object the namespaces that others mention are implied; with one, all must be declared.
    """
    problems: list[str] = []
    objects, skipped = _objects(documents, problems)
    of = {kind: [o for o in objects if o.kind == kind] for kind in _GROUPS}
    owners = Owners(
        replica_sets={(o.namespace, o.name): controller(o.root) for o in of["ReplicaSet"]},
        jobs={(o.namespace, o.name): controller(o.root) for o in of["Job"]},
        config_maps={(o.namespace, o.name): read_config_map(o.root) for o in of["ConfigMap"]},
    )
    pods = [(o, read_pod(o.root, o.namespace, o.name, owners)) for o in of["Pod"]]
    namespaces = _namespaces(of["Namespace"], [o for kind in _PLACED for o in of[kind]])
    _check_unique(pods)
    cluster = Cluster(
        namespaces=namespaces,
        nodes=tuple(read_node(o.root, o.name) for o in of["Node"]),
        pods=tuple(pod for _, pod in pods),
        services=tuple(_services(of["Service"], of["EndpointSlice"], [pod for _, pod in pods])),
        cron_jobs=tuple(read_cron_job(o.root, o.namespace, o.name, owners) for o in of["CronJob"]),
        policies=_policies(objects),
        tiered=_tiered(objects),
    )
    if problems:
        raise InputErrors(problems)
    return Reading(cluster, tuple(skipped))


def read_policies(
    documents: Iterable[tuple[str, Any]], cluster: Cluster | None = None
) -> tuple[NetworkPolicy, ...]:
    """As `read_policy_set`, where cluster-wide policies cannot be used: each is a problem."""
    read = read_policy_set(documents, cluster)
    if read.tiered:
        raise InputErrors([
            f"{policy.source}: {policy.title}: is not judged here; remove it or write it as NetworkPolicy"
            for policy in read.tiered
        ])  # fmt: skip
    return read.policies


def read_policy_set(
    documents: Iterable[tuple[str, Any]], cluster: Cluster | None = None, posture: Posture = Posture.ALLOW
) -> PolicySet:
    """The policies of a folder; InputErrors with every problem.

    Other objects (Kustomizations, Namespaces, Deployments) are passed over; a policy of a kind that is not
    judged is a problem, since leaving it out would make every answer wrong. With a `cluster`, a policy's
    namespace must be one of its own.
    """
    problems: list[str] = []
    objects, skipped = _objects(documents, problems)
    problems += [f"{line}: is not judged; remove it or write it as NetworkPolicy networking.k8s.io/v1"
                 for line in skipped if _is_policy(line)]  # fmt: skip
    for o in objects:
        if cluster is not None and o.kind in _POLICIES and o.namespace not in cluster.namespaces:
            _missing_namespace(o)
    found = PolicySet(_policies(objects), posture, _tiered(objects))
    if problems:
        raise InputErrors(problems)
    return found


def passed_over(skipped: Iterable[str]) -> tuple[str, ...]:
    """What a Reading skipped, in few lines: policies of kinds that are not judged one by one, since without them
    every answer is a guess, and all other kinds counted."""
    skipped = tuple(skipped)
    policies = [line for line in skipped if _is_policy(line)]
    others = Counter(line.partition(": ")[2].split(" ")[0] for line in skipped if not _is_policy(line))
    lines = [f"{line}: is not judged; answers are without it" for line in policies]
    if others:
        lines.append(f"passed over: {', '.join(f'{count} {kind}' for kind, count in sorted(others.items()))}")
    return tuple(lines)


def _is_policy(skipped: str) -> bool:
    return "NetworkPolicy" in skipped.partition(": ")[2]


def _objects(documents: Iterable[tuple[str, Any]], problems: list[str]) -> tuple[list[_Object], list[str]]:
    objects: dict[tuple[str, str, str, str], _Object] = {}
    skipped = []
    for source, value in documents:
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            problems.append(f"{source}: is not a Kubernetes object: it has no `kind`; mend or remove it")
            continue
        kind = value["kind"]
        metadata = value.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        group = _group(kind, value.get("apiVersion"))
        if group is None:
            version = f" of {value.get('apiVersion')}" if kind in _GROUPS else ""
            skipped.append(f"{source}: {kind}{version} {name or '(no name)'}")
            continue
        found = _named(source, kind, group, value, problems)
        if found is None:
            continue
        first = objects.setdefault((kind, group, found.namespace, found.name), found)
        if first is not found:
            problems.append(f"{found.root.owner}: is also in {first.source}; keep one of them")
    return list(objects.values()), skipped


def _group(kind: str, api_version: object) -> str | None:
    """The kind's API group; None for others (Calico, Knative), which use the same kinds for other things."""
    known = _GROUPS.get(kind)
    if known is None or api_version is None:
        return known[0] if known else None
    group, _, _ = str(api_version).rpartition("/")
    return group if group in known else None


def _named(source: str, kind: str, group: str, value: dict[str, Any], problems: list[str]) -> _Object | None:
    bare = Field(value, "$", f"{source}: {kind}", problems)
    before = len(problems)
    name = bare.get("metadata", "name").required()
    namespace = "" if kind in _CLUSTER_WIDE else bare.get("metadata", "namespace").text() or "default"
    if len(problems) > before:
        return None
    title = f"{namespace}/{name}" if namespace else name
    return _Object(Field(value, "$", f"{source}: {kind} {title}", problems), source, kind, group, namespace, name)


def _namespaces(declared: list[_Object], placed: list[_Object]) -> dict[str, dict[str, str]]:
    labels = {o.name: o.root.get("metadata", "labels").strings() for o in declared}
    if not declared:
        labels = {name: {} for name in sorted({o.namespace for o in placed})}
    for o in placed:
        if o.namespace not in labels:
            _missing_namespace(o)
    return {name: {**own, NAME_LABEL: name} for name, own in labels.items()}


def _missing_namespace(o: _Object) -> None:
    field = o.root.get("metadata", "namespace")
    field.problem(f"{shown(o.namespace)} is not a namespace of the cluster; add the Namespace or mend the name")


def _check_unique(pods: list[tuple[_Object, Pod]]) -> None:
    """No two pods with one uid, no two running ones with one address."""
    uids: dict[str, Pod] = {}
    holders: dict[str, Pod] = {}
    for o, pod in pods:
        first = uids.setdefault(pod.uid, pod)
        if first is not pod:
            o.root.get("metadata", "uid").problem(f"`{pod.uid}` is that of {first.title}, too; remove one of them")
        if pod.finished or pod.host_network:
            continue
        for address in pod.addresses:
            holder = holders.setdefault(address, pod)
            if holder is not pod:
                field = o.root.get("status", "podIPs")
                field.problem(f"`{address}` is held by the running pod {holder.title}, too; remove the stale pod")


def _services(services: list[_Object], slices: list[_Object], pods: list[Pod]) -> Iterator[Service]:
    own_slices: dict[Ref, list[Slice]] = defaultdict(list)
    for o in slices:
        service = o.root.get("metadata", "labels").strings().get(_SERVICE_LABEL, "")
        own_slices[o.namespace, service].append(read_slice(o.root))
    neighbours: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        neighbours[pod.namespace].append(pod)
    for o in services:
        yield read_service(o.root, o.namespace, o.name, own_slices[o.namespace, o.name], neighbours[o.namespace])


def _policies(objects: list[_Object]) -> tuple[NetworkPolicy, ...]:
    chosen = (o for o in objects if o.kind in _POLICIES)
    return tuple(read_policy(o.root, o.namespace, o.name, o.source, o.kind) for o in chosen)


def _tiered(objects: list[_Object]) -> tuple[TieredPolicy, ...]:
    chosen = (o for o in objects if o.kind in _TIERED)
    return tuple(read_tiered(o.root, o.name, o.source, DIALECTS[o.kind, o.group]) for o in chosen)
