"""Directory: who holds an address in a cluster, and who stands behind a Service address."""

from typing import Final

from fairway.policy.fields import parse_address
from fairway.policy.model import Cluster, Node, Pod, Service
from fairway.wire.endpoint import Endpoint, Kind

_PORT_DIGITS: Final = 5
Backends = tuple[tuple[Endpoint, int], ...]
"""Endpoints behind a Service's port, each with its own port."""


class Directory:
    """The addresses of one cluster. Finished pods hold none; hostNetwork pods are their node."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        zones = {node.name: node.zone for node in cluster.nodes}
        self._endpoints: dict[str, Endpoint] = {}
        self._services: dict[str, Service] = {}
        self._pods: dict[tuple[str, str], Pod] = {(pod.namespace, pod.name): pod for pod in cluster.pods}
        self._by_title = {service.title: service for service in cluster.services}
        for service in cluster.services:
            for address in service.addresses:
                self._services[address] = service
                self._endpoints[address] = Endpoint(
                    kind=Kind.SERVICE, address=address, namespace=service.namespace, name=service.name
                )
        for node in cluster.nodes:
            self._endpoints.update({address: node_endpoint(node, address) for address in node.addresses})
        for pod in cluster.pods:
            if not pod.finished and not pod.host_network:
                zone = zones.get(pod.node, "")
                self._endpoints.update({a: pod_endpoint(pod, a, zone) for a in pod.addresses})

    def at(self, address: str) -> Endpoint | None:
        """Who holds the address now; None if nobody in the cluster does. ValueError if it is no address."""
        found = self._endpoints.get(address)
        return found or self._endpoints.get(str(parse_address(address)))

    def service_at(self, address: str) -> Service | None:
        """The Service with that cluster IP."""
        return self._services.get(address) or self._services.get(str(parse_address(address)))

    def pod(self, namespace: str, name: str) -> Pod | None:
        """The pod of that name, finished or not."""
        return self._pods.get((namespace, name))

    def backends(self, address: str, port: int, protocol: str) -> Backends:
        """Who stands behind a Service address and port, ready or not: those of the address's own family."""
        service = self.service_at(address)
        version = parse_address(address).version
        return self._backends(service, version, port, protocol)

    def dialled(self, service: str, family: int, protocol: str) -> Backends:
        """Who may answer at a Service as an edge names it (`namespace/name:port`), in family 4 or 6."""
        title, _, port = service.rpartition(":")
        number = int(port) if port.isdecimal() and len(port) <= _PORT_DIGITS else 0
        return self._backends(self._by_title.get(title), family, number, protocol)

    def _backends(self, service: Service | None, version: int, port: int, protocol: str) -> Backends:
        return tuple(
            (self.at(backend) or Endpoint(kind=Kind.EXTERNAL, address=backend), number)
            for service_port in (service.ports if service else ())
            if (service_port.port, service_port.protocol) == (port, protocol)
            for backend, number in service_port.backends
            if parse_address(backend).version == version
        )


def node_endpoint(node: Node, address: str) -> Endpoint:
    """The node at one of its addresses."""
    return Endpoint(kind=Kind.NODE, address=address, name=node.name, node=node.name, zone=node.zone)


def pod_endpoint(pod: Pod, address: str, zone: str = "") -> Endpoint:
    """The pod at one of its addresses."""
    return Endpoint(
        kind=Kind.POD,
        address=address,
        namespace=pod.namespace,
        name=pod.name,
        workload=pod.workload or f"Pod/{pod.name}",
        labels=tuple(sorted(pod.labels)),
        ports=pod.ports,
        node=pod.node,
        zone=zone,
    )
