"""The lab's cluster as Kubernetes objects, and the folder they are kept in, one file per object."""

import json
import os
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fairway.lab import topology
from fairway.lab.shop import EXPORT, NAMESPACES, WORKLOADS, Pod, ServiceSpec, Workload

Object = dict[str, Any]
_SUCCEEDED: Final = "Succeeded"


def timestamp(moment: datetime | None = None) -> str:
    """A time as Kubernetes writes it."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def fixed(created: str) -> list[Object]:
    """What does not change while the lab is up: Nodes, Namespaces, Services, owners of pods."""
    objects = [_node(node, created) for node in topology.nodes("lab")]
    objects += [_namespace(name, created) for name in NAMESPACES]
    for workload in WORKLOADS:
        objects.append(_owner(workload, created))
        if workload.service:
            objects.append(_service(workload, workload.service, created))
    return [*objects, _cron_job(EXPORT, created)]


def _node(node: topology.LabNode, created: str) -> Object:
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": topology.REGION,
        "topology.kubernetes.io/zone": node.zone,
    }
    addresses = [{"type": "InternalIP", "address": address} for address in node.addresses]
    n = node.number
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _metadata(node.name, "", created, labels),
        "spec": {"providerID": f"lab:///{node.zone}/{node.name}", "podCIDRs": [f"10.0.{n}.128/25"]},
        "status": {
            "addresses": [*addresses, {"type": "Hostname", "address": node.name}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": created}],
        },
    }


def _namespace(name: str, created: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": _metadata(name, "", created, {"kubernetes.io/metadata.name": name}),
        "status": {"phase": "Active"},
    }


def _owner(workload: Workload, created: str) -> Object:
    stateful = workload.kind == "StatefulSet"
    labels = {**workload.labels} if stateful else {**workload.labels, "pod-template-hash": workload.template_hash}
    owner: Object = {
        "apiVersion": "apps/v1",
        "kind": workload.kind if stateful else "ReplicaSet",
        "metadata": _metadata(owner_name(workload), workload.namespace, created, labels),
        "spec": {
            "replicas": workload.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod_spec(workload)},
        },
    }
    if not stateful:
        reference = _reference("apps/v1", workload.kind, workload.namespace, workload.name)
        owner["metadata"]["ownerReferences"] = [reference]
    return owner


def owner_name(workload: Workload) -> str:
    """The name of the object that owns the workload's pods."""
    return workload.name if workload.kind == "StatefulSet" else f"{workload.name}-{workload.template_hash}"


def _service(workload: Workload, spec: ServiceSpec, created: str) -> Object:
    addresses = list(spec.addresses.values())
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(spec.name, workload.namespace, created, dict(workload.labels)),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": addresses[0],
            "clusterIPs": addresses,
            "ipFamilies": list(spec.families),
            "ipFamilyPolicy": "PreferDualStack" if len(addresses) > 1 else "SingleStack",
            "selector": dict(workload.labels),
            "ports": [
                {"name": name, "port": port, "protocol": protocol, "targetPort": target}
                for name, port, target, protocol in spec.ports
            ],
        },
    }


def _cron_job(workload: Workload, created: str) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _metadata(workload.name, workload.namespace, created, dict(workload.labels)),
        "spec": {"schedule": "15 3 * * *", "suspend": False, "jobTemplate": {"spec": _job_spec(workload)}},
    }


def _job_spec(workload: Workload) -> Object:
    template = {"metadata": {"labels": dict(workload.labels)}, "spec": _pod_spec(workload)}
    return {"backoffLimit": 0, "template": template}


def job(workload: Workload, name: str, created: str, succeeded: bool | None = None) -> Object:
    """The Job that a CronJob made; `succeeded` None while it runs."""
    metadata = _metadata(name, workload.namespace, created, dict(workload.labels))
    metadata["ownerReferences"] = [_reference("batch/v1", "CronJob", workload.namespace, workload.name)]
    status: Object = {"startTime": created}
    if succeeded is None:
        status["active"] = 1
    else:
        condition = {"type": "Complete" if succeeded else "Failed", "status": "True"}
        status |= {"succeeded" if succeeded else "failed": 1, "conditions": [condition]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": _job_spec(workload),
        "status": status,
    }


def pod(placed: Pod, created: str, *, ready: bool, phase: str = "Running", since: str = "") -> Object:
    """A pod with its status; `since` is when its readiness last changed."""
    workload = placed.workload
    metadata = _metadata(placed.name, placed.namespace, created, pod_labels(placed))
    metadata["uid"] = placed.uid
    if owner := _owner_of(placed):
        metadata["ownerReferences"] = [owner]
    node = next(node for node in topology.nodes("lab") if node.name == placed.node)
    state = "True" if ready else "False"
    condition = {"type": "Ready", "status": state, "lastTransitionTime": since or created}
    if phase in (_SUCCEEDED, "Failed"):
        condition["reason"] = "PodCompleted"
    elif not ready:
        condition["reason"] = "ContainersNotReady"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {**_pod_spec(workload), "nodeName": placed.node},
        "status": {
            "phase": phase,
            "hostIP": node.addresses[0],
            "hostIPs": [{"ip": address} for address in node.addresses],
            "podIP": placed.addresses[0],
            "podIPs": [{"ip": address} for address in placed.addresses],
            "startTime": created,
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": created}, condition],
        },
    }


def pod_labels(placed: Pod) -> dict[str, str]:
    """A pod's labels, those included that its controller adds."""
    workload = placed.workload
    added = {
        "Deployment": {"pod-template-hash": workload.template_hash},
        "StatefulSet": {
            "apps.kubernetes.io/pod-index": str(placed.ordinal),
            "controller-revision-hash": owner_name(workload) + "-" + workload.template_hash,
            "statefulset.kubernetes.io/pod-name": placed.name,
        },
        "CronJob": {
            "batch.kubernetes.io/job-name": placed.name.rpartition("-")[0],
            "batch.kubernetes.io/controller-uid": _uid("Job", placed.namespace, placed.name.rpartition("-")[0]),
        },
    }
    return {**workload.labels, **added.get(workload.kind, {})}


def _owner_of(placed: Pod) -> Object | None:
    workload, namespace = placed.workload, placed.namespace
    if workload.kind == "CronJob":
        return _reference("batch/v1", "Job", namespace, placed.name.rpartition("-")[0])
    if workload.kind == "Pod":
        return None
    kind = "StatefulSet" if workload.kind == "StatefulSet" else "ReplicaSet"
    return _reference("apps/v1", kind, namespace, owner_name(workload))


def _pod_spec(workload: Workload) -> Object:
    container: Object = {
        "name": workload.name,
        "image": f"fairway.lab/{workload.name}:1",
        "args": list(workload.program),
        "ports": [{"name": p.name, "containerPort": p.number, "protocol": p.protocol} for p in workload.ports],
        "env": [{"name": name, "value": value} for name, value in workload.env.items()],
    }
    if workload.probe is not None:
        port = next(p for p in workload.ports if p.protocol == "TCP").name
        check = (
            {"httpGet": {"path": workload.probe, "port": port}} if workload.probe else {"tcpSocket": {"port": port}}
        )
        container["readinessProbe"] = {**check, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 2}
    restart = "Never" if workload.kind in ("CronJob", "Pod") else "Always"
    return {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart}


def slices(pods: Collection[Pod], ready: Collection[str], created: str) -> list[Object]:
    """The EndpointSlices of every Service, one per family; `ready` are titles of pods."""
    return [
        _slice(workload, spec, family, pods, ready, created)
        for workload in WORKLOADS
        if (spec := workload.service)
        for family in spec.families
    ]


def _slice(
    workload: Workload, spec: ServiceSpec, family: str, pods: Iterable[Pod], ready: Collection[str], created: str
) -> Object:
    name = f"{spec.name}-{family.lower()}"
    labels = {
        "kubernetes.io/service-name": spec.name,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    numbers = {port.name: port.number for port in workload.ports}
    metadata = _metadata(name, workload.namespace, created, labels)
    metadata["ownerReferences"] = [_reference("v1", "Service", workload.namespace, spec.name)]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family,
        "ports": [{"name": n, "port": numbers[target], "protocol": p} for n, _, target, p in spec.ports],
        "endpoints": [_endpoint(p, family, p.title in ready) for p in pods if p.workload == workload],
    }


def _endpoint(placed: Pod, family: str, ready: bool) -> Object:
    return {
        "addresses": [placed.addresses[family == "IPv6"]],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "nodeName": placed.node,
        "zone": topology.ZONES[placed.node],
        "targetRef": {"kind": "Pod", "namespace": placed.namespace, "name": placed.name, "uid": placed.uid},
    }


def _metadata(name: str, namespace: str, created: str, labels: Mapping[str, str]) -> Object:
    where = {"namespace": namespace} if namespace else {}
    return {"name": name, **where, "creationTimestamp": created, "labels": dict(labels)}


def _reference(version: str, kind: str, namespace: str, name: str) -> Object:
    return {
        "apiVersion": version,
        "kind": kind,
        "name": name,
        "uid": _uid(kind, namespace, name),
        "controller": True,
    }


def _uid(kind: str, namespace: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"fairway-lab/{kind}/{namespace}/{name}"))


def file_of(folder: Path, thing: Object) -> Path:
    """Where an object is kept: `KIND/NAMESPACE.NAME.json`."""
    metadata = thing["metadata"]
    namespace = f"{metadata['namespace']}." if "namespace" in metadata else ""
    return folder / str(thing["kind"]).lower() / f"{namespace}{metadata['name']}.json"


def write(folder: Path, things: Iterable[Object]) -> None:
    """Write objects, each file whole or not at all; an object that did not change keeps its file's time."""
    for thing in things:
        write_json(file_of(folder, thing), thing)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file whole or not at all, and only if it changes."""
    text = json.dumps(content, indent=1) + "\n"
    try:
        if path.read_text() == text:
            return
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_name(f".{path.name}.{os.getpid()}")
    waiting.write_text(text)
    waiting.replace(path)
