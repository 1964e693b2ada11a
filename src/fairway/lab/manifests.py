"""The lab's cluster as Kubernetes objects, pods aside. Pure."""

from collections.abc import Collection, Iterable

from fairway.lab import topology
from fairway.lab.objects import Object, metadata_of, reference
from fairway.lab.pod_objects import owner_name, pod_spec
from fairway.lab.shop import EXPORT, NAMESPACES, WORKLOADS, Pod, ServiceSpec, Workload


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
        "metadata": metadata_of(node.name, "", created, labels),
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
        "metadata": metadata_of(name, "", created, {"kubernetes.io/metadata.name": name}),
        "status": {"phase": "Active"},
    }


def _owner(workload: Workload, created: str) -> Object:
    stateful = workload.kind == "StatefulSet"
    labels = {**workload.labels} if stateful else {**workload.labels, "pod-template-hash": workload.template_hash}
    owner: Object = {
        "apiVersion": "apps/v1",
        "kind": workload.kind if stateful else "ReplicaSet",
        "metadata": metadata_of(owner_name(workload), workload.namespace, created, labels),
        "spec": {
            "replicas": workload.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec(workload)},
        },
    }
    if not stateful:
        deployment = reference("apps/v1", workload.kind, workload.namespace, workload.name)
        owner["metadata"]["ownerReferences"] = [deployment]
    return owner


def _service(workload: Workload, spec: ServiceSpec, created: str) -> Object:
    addresses = list(spec.addresses.values())
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata_of(spec.name, workload.namespace, created, dict(workload.labels)),
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
        "metadata": metadata_of(workload.name, workload.namespace, created, dict(workload.labels)),
        "spec": {"schedule": "15 3 * * *", "suspend": False, "jobTemplate": {"spec": _job_spec(workload)}},
    }


def _job_spec(workload: Workload) -> Object:
    template = {"metadata": {"labels": dict(workload.labels)}, "spec": pod_spec(workload)}
    return {"backoffLimit": 0, "template": template}


def job(workload: Workload, name: str, created: str, succeeded: bool | None = None) -> Object:
    """The Job that a CronJob made; `succeeded` None while it runs."""
    metadata = metadata_of(name, workload.namespace, created, dict(workload.labels))
    metadata["ownerReferences"] = [reference("batch/v1", "CronJob", workload.namespace, workload.name)]
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
    metadata = metadata_of(name, workload.namespace, created, labels)
    metadata["ownerReferences"] = [reference("v1", "Service", workload.namespace, spec.name)]
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
