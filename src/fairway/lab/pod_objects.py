"""Pods as Kubernetes objects. Pure."""

from typing import Final

from fairway.lab import topology
from fairway.lab.objects import Object, metadata_of, reference, uid
from fairway.lab.shop import Pod, Workload

ENDED: Final = ("Succeeded", "Failed")


def pod(placed: Pod, created: str, *, ready: bool, phase: str = "Running", since: str = "") -> Object:
    """A pod with its status; `since` is when its readiness last changed."""
    workload = placed.workload
    metadata = metadata_of(placed.name, placed.namespace, created, pod_labels(placed))
    metadata["uid"] = placed.uid
    if owner := _owner_of(placed):
        metadata["ownerReferences"] = [owner]
    node = next(node for node in topology.nodes("lab") if node.name == placed.node)
    state = "True" if ready else "False"
    condition = {"type": "Ready", "status": state, "lastTransitionTime": since or created}
    if phase in ENDED:
        condition["reason"] = "PodCompleted"
    elif not ready:
        condition["reason"] = "ContainersNotReady"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {**pod_spec(workload), "nodeName": placed.node},
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


def owner_name(workload: Workload) -> str:
    """The name of the object that owns the workload's pods."""
    return workload.name if workload.kind == "StatefulSet" else f"{workload.name}-{workload.template_hash}"


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
            "batch.kubernetes.io/controller-uid": uid("Job", placed.namespace, placed.name.rpartition("-")[0]),
        },
    }
    return {**workload.labels, **added.get(workload.kind, {})}


def _owner_of(placed: Pod) -> Object | None:
    workload, namespace = placed.workload, placed.namespace
    if workload.kind == "CronJob":
        return reference("batch/v1", "Job", namespace, placed.name.rpartition("-")[0])
    if workload.kind == "Pod":
        return None
    kind = "StatefulSet" if workload.kind == "StatefulSet" else "ReplicaSet"
    return reference("apps/v1", kind, namespace, owner_name(workload))


def pod_spec(workload: Workload) -> Object:
    """The spec of a workload's pods, less their node."""
    container: Object = {
        "name": workload.name,
        "image": f"fairway.lab/{workload.name}:1",
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
