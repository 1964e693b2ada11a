"""plain: the shapes that Kubernetes objects ordinarily have, for msgspec to decode at once.

What fits one of these shapes the careful readers take without a problem, but for what `read_plain` still looks at.
The reverse does not hold: null and whatever is rare do not fit, and are left to the careful readers.
"""

from typing import Annotated, Literal

import msgspec

from fairway.policy.model import Operator

PortNumber = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Shape(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Other fields are passed over, as the careful readers do."""


class Closed(msgspec.Struct, rename="camel", frozen=True, gc=False, forbid_unknown_fields=True):
    """Other fields are refused, as the careful readers do."""


class Owner(Shape, frozen=True):
    """Who made a pod."""

    kind: Text
    name: Text
    controller: bool = False


class Metadata(Shape, frozen=True):
    """What tells objects apart."""

    name: Text
    namespace: str = ""
    labels: dict[str, str] = {}
    uid: str = ""
    owner_references: tuple[Owner, ...] = ()


class Namespace(Shape, frozen=True):
    """A Namespace."""

    metadata: Metadata
    kind: Literal["Namespace"] = "Namespace"
    api_version: Literal["v1"] = "v1"


class NodeAddress(Shape, frozen=True):
    """One address of a node."""

    type: str = ""
    address: str = ""


class NodeStatus(Shape, frozen=True):
    """Where a node is."""

    addresses: tuple[NodeAddress, ...] = ()


class Node(Shape, frozen=True):
    """A Node."""

    metadata: Metadata
    kind: Literal["Node"] = "Node"
    api_version: Literal["v1"] = "v1"
    status: NodeStatus = NodeStatus()


class ContainerPort(Shape, frozen=True):
    """A port that a container serves."""

    container_port: PortNumber
    name: str = ""
    protocol: str = "TCP"


class ConfigMapRef(Shape, frozen=True):
    """A ConfigMap, and a key in it."""

    name: str = ""
    key: str = ""


class ValueFrom(Shape, frozen=True):
    """Where an environment value is from."""

    config_map_key_ref: ConfigMapRef = ConfigMapRef()


class Env(Shape, frozen=True):
    """An environment value."""

    value: str = ""
    value_from: ValueFrom = ValueFrom()


class EnvFrom(Shape, frozen=True):
    """A ConfigMap whose values are environment."""

    config_map_ref: ConfigMapRef = ConfigMapRef()


class Container(Shape, frozen=True):
    """Its environment says nothing here, but what is wrong with it must be told."""

    ports: tuple[ContainerPort, ...] = ()
    restart_policy: str = ""
    env: tuple[Env, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


class PodSpec(Shape, frozen=True):
    """What a pod is to run."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    host_network: bool = False


class PodIP(Shape, frozen=True):
    """One address of a pod."""

    ip: str = ""


class Condition(Shape, frozen=True):
    """What a pod is said to be."""

    type: str = ""
    status: str = ""


class PodStatus(Shape, frozen=True, rename={"pod_ip": "podIP", "pod_ips": "podIPs", "host_ip": "hostIP"}):
    """Where a pod is and how it fares."""

    phase: str = ""
    pod_ip: str = ""
    pod_ips: tuple[PodIP, ...] = ()
    host_ip: str | None = None
    conditions: tuple[Condition, ...] = ()


class Pod(Shape, frozen=True):
    """A Pod."""

    metadata: Metadata
    kind: Literal["Pod"] = "Pod"
    api_version: Literal["v1"] = "v1"
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Service(Shape, frozen=True):
    """A Service, as far as it is no other object's spelling; the careful reader reads it."""

    metadata: Metadata
    kind: Literal["Service"] = "Service"
    api_version: Literal["v1"] = "v1"


class Expression(Closed, frozen=True):
    """A requirement of a selector."""

    key: Text
    operator: Operator
    values: frozenset[str] = frozenset()


class Selector(Closed, frozen=True):
    """A label selector."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[Expression, ...] = ()


class Block(Closed, frozen=True, rename={"excepts": "except"}):
    """An `ipBlock`."""

    cidr: str
    excepts: tuple[str, ...] = ()


class Peer(Closed, frozen=True):
    """An element of `from` or `to`."""

    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    ip_block: Block | None = None


class Ports(Closed, frozen=True):
    """An element of `ports`."""

    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: PortNumber | str | None = None
    end_port: PortNumber | None = None


class IngressRule(Closed, frozen=True, rename={"peers": "from"}):
    """An element of `ingress`."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[Ports, ...] = ()


class EgressRule(Closed, frozen=True, rename={"peers": "to"}):
    """An element of `egress`."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[Ports, ...] = ()


class PolicySpec(Closed, frozen=True):
    """What a NetworkPolicy says."""

    pod_selector: Selector = Selector()
    policy_types: tuple[Literal["Ingress", "Egress"], ...] = ()
    ingress: tuple[IngressRule, ...] = ()
    egress: tuple[EgressRule, ...] = ()


class NetworkPolicy(Shape, frozen=True):
    """A NetworkPolicy."""

    kind: Literal["NetworkPolicy"]
    metadata: Metadata
    spec: PolicySpec
    api_version: Literal["networking.k8s.io/v1"] = "networking.k8s.io/v1"
