"""Ordinary objects, decoded by shape, as values of the model: those of the careful readers, several times faster.

Whatever is unusual raises Doubt and says no more: the careful readers then read the case and tell what is wrong.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from fairway.kit.errors import UsageError
from fairway.policy import plain
from fairway.policy.decide import parsed
from fairway.policy.fields import Field, parse_network
from fairway.policy.model import (
    Cluster,
    Expression,
    IPBlock,
    NetworkPolicy,
    Node,
    Operator,
    Peer,
    Pod,
    PolicySet,
    Ports,
    Rule,
    Selector,
    Service,
)
from fairway.policy.read import read_policy_set
from fairway.policy.read_objects import read_service
from fairway.policy.read_policy import read_port_name
from fairway.policy.select import NAME_LABEL
from fairway.wire.endpoint import NamedPort
from fairway.wire.words import Posture

_FINISHED: Final = ("Succeeded", "Failed")
_TYPES: Final = ("Ingress", "Egress")
_NAMING: Final = (Operator.IN, Operator.NOT_IN)
_SPOKEN: Final = ("TCP", "UDP", "SCTP")
_POLICY: Final = msgspec.json.Decoder(plain.NetworkPolicy)


class Doubt(Exception):
    """Not plain enough to be read in haste."""


def plain_cluster(
    namespaces: Iterable[plain.Namespace],
    nodes: Iterable[plain.Node],
    pods: Iterable[plain.Pod],
    services: Iterable[msgspec.Raw] = (),
) -> Cluster:
    """As `read_cluster`, without what no verdict depends on: workloads, what pods declare, zones."""
    found = tuple(map(_pod, pods))
    declared = [n.metadata for n in namespaces]
    labels = {n.name: {**n.labels, NAME_LABEL: n.name} for n in declared}
    fronts = tuple(_service(text, found) for text in services)
    homes = {pod.namespace for pod in found} | {service.namespace for service in fronts}
    if not labels:
        labels = {name: {NAME_LABEL: name} for name in sorted(homes)}
    placed = tuple(map(_node, nodes))
    _doubt(not homes <= labels.keys() or _again(n.name for n in declared))
    _doubt(_again((pod.namespace, pod.name) for pod in found) or _again(pod.uid for pod in found))
    _doubt(_again(a for pod in found if not (pod.finished or pod.host_network) for a in pod.addresses))
    _doubt(_again(node.name for node in placed) or _again(service.title for service in fronts))
    return Cluster(namespaces=labels, nodes=placed, pods=found, services=fronts)


def plain_policies(policies: Iterable[msgspec.Raw], posture: Posture) -> PolicySet:
    """As `read_policy_set`. NetworkPolicies are decoded by shape, other kinds left to the careful readers."""
    found, others = [], []
    for index, text in enumerate(policies):
        try:
            found.append(_policy(_POLICY.decode(text)))
        except msgspec.ValidationError:
            others.append((f"policies[{index}]", _decoded(text)))
    _doubt(_again((policy.namespace, policy.name) for policy in found))
    if not others:
        return PolicySet(tuple(found), posture)
    try:
        read = read_policy_set(others, posture=posture)
    except UsageError:
        raise Doubt from None
    _doubt(bool(read.policies))  # their place among the plain ones is not known here
    return PolicySet(tuple(found), posture, read.tiered)


def _decoded(text: msgspec.Raw, shape: Any = Any) -> Any:
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.MsgspecError, RecursionError):
        raise Doubt from None


def _doubt(doubtful: bool) -> None:
    if doubtful:
        raise Doubt


def _again(values: Iterable[object]) -> bool:
    """Whether a value comes twice."""
    listed = list(values)
    return len(set(listed)) < len(listed)


@lru_cache(maxsize=65536)
def canonical(text: str) -> str:
    """An address in canonical text; Doubt if it is none."""
    try:
        return str(parsed(text))
    except ValueError:
        raise Doubt from None


def _addresses(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(canonical(text) for text in texts if text))


def _node(shape: plain.Node) -> Node:
    by_type = {
        kind: _addresses(a.address for a in shape.status.addresses if a.type == kind)
        for kind in ("InternalIP", "ExternalIP")
    }
    labels = tuple(sorted(shape.metadata.labels.items()))
    return Node(shape.metadata.name, by_type["InternalIP"], "", labels, by_type["ExternalIP"])


def _pod(shape: plain.Pod) -> Pod:
    metadata, spec, status = shape.metadata, shape.spec, shape.status
    namespace = metadata.namespace or "default"
    return Pod(
        uid=metadata.uid or f"{namespace}/{metadata.name}",
        namespace=namespace,
        name=metadata.name,
        labels=tuple(sorted(metadata.labels.items())),
        addresses=_addresses((*(ip.ip for ip in status.pod_ips), status.pod_ip)),
        ports=tuple(
            NamedPort(port.name, port.protocol, port.container_port)
            for container in _serving(spec)
            for port in container.ports
        ),
        node=spec.node_name,
        host_network=spec.host_network,
        finished=status.phase in _FINISHED,
    )


def _service(text: msgspec.Raw, pods: Iterable[Pod]) -> Service:
    """A Service, read with care; Doubt, too, if it serves what policies cannot speak of."""
    metadata = _decoded(text, plain.Service).metadata
    problems: list[str] = []
    namespace = metadata.namespace or "default"
    neighbours = [pod for pod in pods if pod.namespace == namespace]
    root = Field(_decoded(text), "$", "", problems)
    service = read_service(root, namespace, metadata.name, [], neighbours)
    _doubt(bool(problems) or any(port.protocol not in _SPOKEN for port in service.ports))
    return service


def _serving(spec: plain.PodSpec) -> Iterator[plain.Container]:
    yield from spec.containers
    yield from (container for container in spec.init_containers if container.restart_policy == "Always")


def _policy(shape: plain.NetworkPolicy) -> NetworkPolicy:
    spec = shape.spec
    egress = tuple(map(_rule, spec.egress))
    types = spec.policy_types or (_TYPES if egress else _TYPES[:1])
    return NetworkPolicy(
        namespace=shape.metadata.namespace or "default",
        name=shape.metadata.name,
        subject=_selector(spec.pod_selector),
        ingress=tuple(map(_rule, spec.ingress)) if "Ingress" in types else None,
        egress=egress if "Egress" in types else None,
    )


def _rule(shape: plain.IngressRule | plain.EgressRule) -> Rule:
    ports = tuple(_ports(p.protocol, p.port, p.end_port) for p in shape.ports)
    return Rule(tuple(map(_peer, shape.peers)) or None, ports or None)


def _peer(shape: plain.Peer) -> Peer:
    pods, namespaces, block = shape.pod_selector, shape.namespace_selector, shape.ip_block
    selecting = pods is not None or namespaces is not None
    _doubt(selecting == (block is not None))
    if block is not None:
        return Peer(block=_block(block.cidr, block.excepts))
    return Peer(
        pods=None if pods is None else _selector(pods),
        namespaces=None if namespaces is None else _selector(namespaces),
    )


def _selector(shape: plain.Selector) -> Selector:
    return _selecting(tuple(shape.match_labels.items()), shape.match_expressions)


@lru_cache(maxsize=4096)
def _selecting(labels: tuple[tuple[str, str], ...], expressions: tuple[plain.Expression, ...]) -> Selector:
    for given in expressions:
        _doubt((given.operator in _NAMING) != bool(given.values))
    equal = [Expression(key, Operator.IN, frozenset({value})) for key, value in sorted(labels)]
    return Selector((*equal, *(Expression(given.key, given.operator, given.values) for given in expressions)))


@lru_cache(maxsize=4096)
def _ports(protocol: str, port: int | str | None, end: int | None) -> Ports:
    if isinstance(port, str):
        problems: list[str] = []
        read_port_name(Field(port, "", "", problems))
        _doubt(bool(problems))
    _doubt(end is not None and (not isinstance(port, int) or end < port))
    return Ports(protocol, port, end)


@lru_cache(maxsize=4096)
def _block(cidr: str, excepts: tuple[str, ...]) -> IPBlock:
    try:
        network, holes = parse_network(cidr), tuple(map(parse_network, excepts))
    except ValueError:
        raise Doubt from None
    for hole in holes:
        _doubt(hole.version != network.version or hole == network or hole.network_address not in network)
        _doubt(hole.prefixlen < network.prefixlen)
    return IPBlock(network, holes)
