"""Kubernetes objects and edges in few words, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fairway.policy.directory import Directory
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

START = datetime(2026, 11, 22, 20, 10, tzinfo=UTC)
Object = dict[str, Any]


def cluster(*objects: Object) -> Cluster:
    """The cluster of these objects, each from a file of its own name."""
    return read_cluster((f"{o['kind'].lower()}.yaml", o) for o in objects).cluster


def namespace(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def node(name: str, *addresses: str, zone: str = "z1") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
        "status": {"addresses": [{"type": "InternalIP", "address": a} for a in addresses]},
    }


def pod(
    title: str,
    *addresses: str,
    labels: dict[str, str] | None = None,
    ports: dict[str, int | tuple[int, str]] | None = None,
    owner: str = "",
    on: str = "n1",
    phase: str = "Running",
    host_network: bool = False,
    env: dict[str, str] | None = None,
) -> Object:
    """A pod `namespace/name`; `owner` is `Kind/name`; `ports` by name: a number or (number, protocol)."""
    home, _, name = title.partition("/")
    kind, _, owner_name = owner.partition("/")
    listed = []
    for port_name, value in (ports or {}).items():
        number, protocol = value if isinstance(value, tuple) else (value, "TCP")
        listed.append({"name": port_name, "containerPort": number, "protocol": protocol})
    metadata: Object = {"name": name, "namespace": home, "labels": labels or {}}
    if owner:
        metadata["ownerReferences"] = [{"kind": kind, "name": owner_name, "controller": True}]
    variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "nodeName": on,
            "hostNetwork": host_network,
            "containers": [{"name": "main", "ports": listed, "env": variables}],
        },
        "status": {"phase": phase, "podIPs": [{"ip": address} for address in addresses]},
    }


def service(
    title: str, *addresses: str, selector: dict[str, str] | None = None, ports: list[Object] | None = None
) -> Object:
    home, _, name = title.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": home},
        "spec": {
            "clusterIPs": list(addresses) or ["None"],
            "selector": selector or {},
            "ports": ports if ports is not None else [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def policy(title: str, **spec: Any) -> Object:
    """A NetworkPolicy; `spec` as Kubernetes writes it."""
    home, _, name = title.partition("/")
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": home},
        "spec": {"podSelector": {}, **spec},
    }


def at(where: Cluster, address: str) -> Endpoint:
    """Who holds the address; an external end if nobody does."""
    return Directory(where).at(address) or Endpoint(kind=Kind.EXTERNAL, address=address)


def edge(where: Cluster, client: str, server: str, port: int, protocol: str = "TCP", **more: Any) -> Edge:
    """An answered edge between two addresses of a cluster."""
    values: Object = {"connections": 3, "sent_bytes": 700, "received_bytes": 1300, "received_packets": 9, **more}
    return Edge(
        client=at(where, client),
        server=at(where, server),
        port=port,
        protocol=protocol,
        family=6 if ":" in client else 4,
        first_seen=values.pop("first_seen", START),
        last_seen=values.pop("last_seen", START + timedelta(minutes=4)),
        **values,
    )
