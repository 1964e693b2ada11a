"""Known edges: connections that somebody relies on. What was seen before a rollout's policies were on trial, and
what the clients' own manifests declare. The rest may be an intruder's, who must not have policies taken back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from fairway.policy.declared import references
from fairway.policy.directory import pod_endpoint
from fairway.policy.labels import workload_of
from fairway.policy.model import Cluster
from fairway.wire.edge import Edge

Known = tuple[str, str]
"""The client's group (`shop/ui`), and whom it calls: `group port/PROTOCOL`, or a Service `namespace/name:port`."""


def known_edges(edges: Iterable[Edge], cluster: Cluster) -> frozenset[Known]:
    """All of them. Edges nobody answered and edges that were denied only are not relied on."""
    known: set[Known] = set()
    for edge in edges:
        if edge.answered and edge.initiator_known:
            known.add((edge.client.group, called(edge.server.group, edge.port, edge.protocol)))
            if edge.service:
                known.add((edge.client.group, edge.service))
    return frozenset(known | set(_declared(cluster)))


def row_of(row: Mapping[str, Any]) -> tuple[Known, Known | None]:
    """What a row of sums by group is about: its own ends, and the Service that was dialled, if one was."""
    client = group_of(row, "client")
    own = client, called(group_of(row, "server"), row["port"], row["protocol"])
    return own, (client, row["service"]) if row["service"] else None


def is_known(row: Mapping[str, Any], known: frozenset[Known]) -> bool:
    """Is the row about an edge that somebody relies on?"""
    return any(one in known for one in row_of(row))


def group_of(row: Mapping[str, Any], end: str) -> str:
    """As `Endpoint.group` has it, of a row with `END_kind`, `END_namespace` and `END_group`."""
    group = str(row[f"{end}_group"])
    if row[f"{end}_kind"] == "pod":
        return f"{row[f'{end}_namespace']}/{group.partition('/')[2] or group}"
    return group


def called(group: str, port: int, protocol: str) -> str:
    """Who is called, and where."""
    return f"{group} {port}/{protocol}" if port else f"{group} {protocol}"


def _declared(cluster: Cluster) -> Iterable[Known]:
    """What pods say in their environment, arguments and files that they will call, where it surely is a Service."""
    services = {(service.namespace, service.name): service for service in cluster.services}
    pods = {address: pod_endpoint(pod, address) for pod in cluster.pods for address in pod.addresses}
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for pod in cluster.pods:
        if pod.declared and not pod.finished:
            values[workload_of(pod_endpoint(pod, ""))].update(pod.declared)
    for (namespace, workload), given in values.items():
        client = f"{namespace}/{workload.partition('/')[2]}"
        for reference in references(sorted(given), namespace, services):
            if not reference.sure:
                continue
            for port in services[reference.namespace, reference.name].ports:
                if reference.port in (None, port.port):
                    yield client, f"{reference.namespace}/{reference.name}:{port.port}"
                    for address, number in port.backends:
                        if address in pods:
                            yield client, called(pods[address].group, number, port.protocol)
