"""Nodes, pods, Services, jobs from their manifests."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from fairway.policy.fields import Field, shown
from fairway.policy.model import CronJob, Node, Pod, Selector, Service, ServicePort
from fairway.policy.read_declared import ConfigMaps, Ref, declared_by
from fairway.policy.read_policy import read_selector
from fairway.policy.select import selects
from fairway.wire.endpoint import NamedPort

_ZONE_LABELS: Final = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_SCHEDULED: Final = re.compile(r"(.+)-\d+")  # a CronJob's Job is named by its minute


@dataclass(frozen=True, slots=True)
class Owners:
    """Who owns the ReplicaSets and Jobs that were given, as `Kind/name`; and the ConfigMaps' values by key."""

    replica_sets: Mapping[Ref, str] = field(default_factory=dict)
    jobs: Mapping[Ref, str] = field(default_factory=dict)
    config_maps: ConfigMaps = field(default_factory=dict)

    def workload(self, namespace: str, name: str, owner: str, labels: Mapping[str, str]) -> str:
        """What a person deploys, behind the pod's controller `owner` (`Kind/name` or empty)."""
        kind, _, owner_name = owner.partition("/")
        if kind == "ReplicaSet":
            given = self.replica_sets.get((namespace, owner_name))
            template = labels.get("pod-template-hash")
            if not given and template and owner_name.endswith(f"-{template}"):
                given = f"Deployment/{owner_name.removesuffix(f'-{template}')}"
            return given or owner
        if kind == "Job":
            given = self.jobs.get((namespace, owner_name))
            scheduled = _SCHEDULED.fullmatch(owner_name) if given is None else None
            return given or (f"CronJob/{scheduled[1]}" if scheduled else owner)
        return owner if kind not in ("", "Node") else f"Pod/{name}"


def controller(root: Field) -> str:
    """The controlling owner as `Kind/name`, or empty."""
    for owner in root.get("metadata", "ownerReferences").each():
        if owner.get("controller").truth():
            return f"{owner.get('kind').required()}/{owner.get('name').required()}"
    return ""


def read_node(root: Field, name: str) -> Node:
    """A Node; only its internal addresses are its own on the cluster's network."""
    labels = root.get("metadata", "labels").strings()
    found: dict[str, list[str]] = {"InternalIP": [], "ExternalIP": []}
    for element in root.get("status", "addresses").each():
        kind = element.get("type").text()
        address = element.get("address").address() if kind in found else None
        if address:
            found[kind].append(address)
    zone = next((labels[key] for key in _ZONE_LABELS if key in labels), "")
    return Node(name, tuple(found["InternalIP"]), zone, tuple(sorted(labels.items())), tuple(found["ExternalIP"]))


def read_pod(root: Field, namespace: str, name: str, owners: Owners) -> Pod:
    """A Pod; containers that run beside the main ones (native sidecars) count for its ports."""
    metadata, spec, status = root.get("metadata"), root.get("spec"), root.get("status")
    labels = metadata.get("labels").strings()
    containers = list(spec.get("containers").each())
    inits = list(spec.get("initContainers").each())
    serving = containers + [c for c in inits if c.get("restartPolicy").text() == "Always"]
    ready = [c.get("status").text() for c in status.get("conditions").each() if c.get("type").text() == "Ready"]
    return Pod(
        uid=metadata.get("uid").text() or f"{namespace}/{name}",
        namespace=namespace,
        name=name,
        labels=tuple(sorted(labels.items())),
        addresses=_addresses(status),
        ports=_ports(serving),
        node=spec.get("nodeName").text(),
        workload=owners.workload(namespace, name, controller(root), labels),
        host_network=spec.get("hostNetwork").truth(),
        finished=status.get("phase").text() in ("Succeeded", "Failed"),
        ready=ready[-1] == "True" if ready else True,
        restarts=sum(one.get("restartCount").integer(0, 1 << 31) or 0 for one in _statuses(status)),
        declared=declared_by(spec, namespace, owners.config_maps),
    )


def _statuses(status: Field) -> Iterable[Field]:
    """Of containers, those that run beside the main ones included."""
    return (one for name in ("containerStatuses", "initContainerStatuses") for one in status.get(name).each())


def _addresses(status: Field) -> tuple[str, ...]:
    found = [element.get("ip").address() for element in status.get("podIPs").each()]
    found.append(status.get("podIP").address())
    return tuple(dict.fromkeys(address for address in found if address))


def _ports(containers: Iterable[Field]) -> tuple[NamedPort, ...]:
    ports = []
    for container in containers:
        for port in container.get("ports").each():
            number = port.get("containerPort").integer(1, 65535)
            if number is None and not port.get("containerPort").present:
                port.get("containerPort").problem("is missing; write the port's number")
            if number is not None:
                protocol = port.get("protocol").text("TCP")
                ports.append(NamedPort(port.get("name").text(), protocol, number))
    return tuple(ports)


def read_cron_job(root: Field, namespace: str, name: str, owners: Owners) -> CronJob:
    """A CronJob and what its pods would declare."""
    spec = root.get("spec")
    template = spec.get("jobTemplate", "spec", "template", "spec")
    return CronJob(
        namespace=namespace,
        name=name,
        schedule=spec.get("schedule").text(),
        suspended=spec.get("suspend").truth(),
        declared=declared_by(template, namespace, owners.config_maps),
    )


@dataclass(frozen=True, slots=True)
class Slice:
    """One EndpointSlice: addresses and, by port name and protocol, the number they serve."""

    addresses: tuple[str, ...]
    ports: Mapping[tuple[str, str], int]


def read_slice(root: Field) -> Slice:
    """An EndpointSlice's addresses, ready or not; names (FQDN) are no addresses."""
    if root.get("addressType").text() == "FQDN":
        return Slice((), {})
    found = [a.address() for e in root.get("endpoints").each() for a in e.get("addresses").each()]
    ports = {}
    for port in root.get("ports").each():
        number = port.get("port").integer(1, 65535)
        if number is not None:
            ports[port.get("name").text(), port.get("protocol").text("TCP")] = number
    return Slice(tuple(filter(None, found)), ports)


def read_service(root: Field, namespace: str, name: str, slices: list[Slice], pods: list[Pod]) -> Service:
    """A Service; `slices` are its own, `pods` those of its namespace, which count only without slices."""
    spec = root.get("spec")
    labels = spec.get("selector").strings()
    selector = read_selector(Field({"matchLabels": labels}, "", "", [])) if labels else None
    ports = []
    for element in spec.get("ports").each():
        port = element.get("port").integer(1, 65535)
        if port is None:
            if not element.get("port").present:
                element.get("port").problem("is missing; write the Service's port")
            continue
        port_name, protocol = element.get("name").text(), element.get("protocol").text("TCP")
        if slices:
            backends = [(a, s.ports[port_name, protocol]) for s in slices for a in s.addresses
                        if (port_name, protocol) in s.ports]  # fmt: skip
        else:
            backends = _selected(selector, pods, _target(element.get("targetPort"), port), protocol)
        ports.append(ServicePort(port_name, protocol, port, tuple(sorted(set(backends)))))
    return Service(namespace, name, _cluster_ips(spec), tuple(ports))


def _cluster_ips(spec: Field) -> tuple[str, ...]:
    fields = [*spec.get("clusterIPs").each(), spec.get("clusterIP")]
    found = [field.address() for field in fields if field.value not in (None, "", "None")]
    return tuple(dict.fromkeys(address for address in found if address))


def _target(field: Field, port: int) -> int | str:
    if field.value is None or field.value in (0, ""):
        return port
    if isinstance(field.value, str):
        return field.value
    if (number := field.integer(1, 65535)) is None:
        field.problem(f"{shown(field.value)} is not a port; write a number or a container port's name")
    return number or port


def _selected(
    selector: Selector | None, pods: list[Pod], target: int | str, protocol: str
) -> list[tuple[str, int]]:
    backends: list[tuple[str, int]] = []
    for pod in pods:
        if selector is None or pod.finished or not selects(selector, dict(pod.labels)):
            continue
        numbers = (
            [target]
            if isinstance(target, int)
            else [p.number for p in pod.ports if (p.name, p.protocol) == (target, protocol)][:1]
        )
        backends += [(address, number) for address in pod.addresses for number in numbers]
    return backends
