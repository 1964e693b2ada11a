"""Parts: what is kept of each object. The rest of it, by far the most, is forgotten where it was read."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fairway.kube.resources import Resource
from fairway.policy.fields import Field
from fairway.policy.model import CronJob, NetworkPolicy, Node, Pod, TieredPolicy
from fairway.policy.read_objects import Owners, Slice, controller, read_cron_job, read_node, read_pod, read_slice
from fairway.policy.read_policy import read_policy
from fairway.policy.read_tiered import DIALECTS, read_tiered
from fairway.wire.words import Mode

MODE: Final = "fairway.dev/mode"
"""Label of a namespace, annotation of a node."""
MODES: Final = {"observe": Mode.OFF, "audit": Mode.AUDIT, "enforce": Mode.ENFORCE}
_SERVICE: Final = "kubernetes.io/service-name"
_SIGNS: Final = ("flannel.alpha.coreos.com/backend-type", "k3s.io/node-args", "projectcalico.org/IPv4Address")
"""Annotations of nodes by which `detect` tells networks that run no pods of their own."""
_NOBODY: Final = Owners()


@dataclass(frozen=True, slots=True)
class NamespacePart:
    """`mode` None: not said."""

    labels: dict[str, str]
    mode: Mode | None


@dataclass(frozen=True, slots=True)
class NodePart:
    """`signs` are annotations that tell which network there is."""

    node: Node
    mode: Mode | None
    signs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PodPart:
    """`controller` is `Kind/name` or empty; `created` orders pods that had one address after the other."""

    pod: Pod
    controller: str
    created: str


@dataclass(frozen=True, slots=True)
class ServicePart:
    """Its spec is read when its slices are known."""

    root: Field


@dataclass(frozen=True, slots=True)
class SlicePart:
    """`service` is the name of the Service that it is of, in its own namespace."""

    service: str
    slice: Slice


@dataclass(frozen=True, slots=True)
class OwnerPart:
    """Who owns a ReplicaSet or Job: `Kind/name` or empty."""

    controller: str


@dataclass(frozen=True, slots=True)
class StagedPart:
    """A StagedNetworkPolicy: as a NetworkPolicy, its generation, and its status as last seen. `problem`: why it
    cannot be judged by; its policy is then not to be used."""

    policy: NetworkPolicy
    generation: int
    status: dict[str, Any]
    problem: str = ""


Policy = NetworkPolicy | TieredPolicy | StagedPart
Part = NamespacePart | NodePart | PodPart | ServicePart | SlicePart | OwnerPart | CronJob | Policy
T = TypeVar("T", bound=Hashable)


class Shared:
    """Equal values are kept once: pods of a workload have labels, ports and arguments in common."""

    _MOST = 200_000

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}

    def __call__(self, value: T) -> T:
        if len(self._values) > self._MOST:
            self._values.clear()
        kept: T = self._values.setdefault(value, value)
        return kept


def read_part(resource: Resource, root: Field, namespace: str, name: str, shared: Shared) -> Part:
    """What is kept of an object; what is wrong with it is in the field's problems."""
    if resource.kind in _TIERED:
        group = resource.version.rpartition("/")[0]
        return read_tiered(root, name, root.owner, DIALECTS[resource.kind, group])
    return _READERS[resource.kind](root, namespace, name, shared)


def _namespace(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    labels = root.get("metadata", "labels").strings()
    return NamespacePart(labels, _mode(root.get("metadata", "labels", MODE)))


def _node(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    annotations = root.get("metadata", "annotations").strings()
    signs = tuple((key, annotations[key]) for key in _SIGNS if key in annotations)
    return NodePart(read_node(root, name), _mode(root.get("metadata", "annotations", MODE)), signs)


def _mode(field: Field) -> Mode | None:
    """A mode that cannot be read is none at all: nothing is dropped by a slip of the pen."""
    if not field.present:
        return None
    if field.value not in MODES:
        field.problem(f"`{field.value}` is no mode; write one of {', '.join(MODES)}")
        return Mode.OFF
    return MODES[str(field.value)]


def _pod(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    pod = read_pod(root, namespace, name, _NOBODY)
    slim = Pod(
        uid=pod.uid,
        namespace=shared(namespace),
        name=name,
        labels=shared(pod.labels),
        addresses=pod.addresses,
        ports=shared(pod.ports),
        node=shared(pod.node),
        workload=shared(pod.workload),
        host_network=pod.host_network,
        finished=pod.finished,
        ready=pod.ready,
        declared=shared(tuple(map(shared, pod.declared))),
    )
    return PodPart(slim, shared(controller(root)), root.get("metadata", "creationTimestamp").text())


def _service(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    spec = root.value.get("spec") if isinstance(root.value, dict) else None
    spec = spec if isinstance(spec, dict) else {}
    kept = {key: spec[key] for key in ("clusterIP", "clusterIPs", "ports", "selector") if key in spec}
    return ServicePart(Field({"spec": kept}, root.path, root.owner, []))


def _slice(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    return SlicePart(root.get("metadata", "labels").strings().get(_SERVICE, ""), read_slice(root))


def _owned(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    return OwnerPart(shared(controller(root)))


def _cron_job(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    return read_cron_job(root, namespace, name, _NOBODY)


def _policy(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    return read_policy(root, namespace, name, root.owner)


def _application(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    return read_policy(root, namespace, name, root.owner, "ApplicationNetworkPolicy")


def _staged(root: Field, namespace: str, name: str, shared: Shared) -> Part:
    policy = read_policy(root, namespace, name, root.owner)
    generation = root.get("metadata", "generation").integer(0, 1 << 62) or 0
    status = root.get("status").value
    return StagedPart(policy, generation, status if isinstance(status, dict) else {})


_TIERED: Final = {kind for kind, _ in DIALECTS}
_READERS: Final[dict[str, Callable[[Field, str, str, Shared], Part]]] = {
    "Namespace": _namespace,
    "Node": _node,
    "Pod": _pod,
    "Service": _service,
    "EndpointSlice": _slice,
    "ReplicaSet": _owned,
    "Job": _owned,
    "CronJob": _cron_job,
    "NetworkPolicy": _policy,
    "ApplicationNetworkPolicy": _application,
    "StagedNetworkPolicy": _staged,
}
