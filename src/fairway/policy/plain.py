"""plain: the shapes that Kubernetes objects ordinarily have, for msgspec to decode at once.

Whatever fits one of these shapes the careful readers take without a problem, but for what `read_plain` still looks at.
The reverse does not hold: null, odd spellings and whatever is rare do not fit, and are left to the careful readers.
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


class Owner(Shape):
    kind: Text
    name: Text
    controller: bool = False


class Metadata(Shape):
    name: Text
    namespace: str = ""
    labels: dict[str, str] = {}
    uid: str = ""
    owner_references: tuple[Owner, ...] = ()


class Namespace(Shape):
    metadata: Metadata
    kind: Literal["Namespace"] = "Namespace"
    api_version: Literal["v1"] = "v1"


class NodeAddress(Shape):
    type: str = ""
    address: str = ""


class NodeStatus(Shape):
    addresses: tuple[NodeAddress, ...] = ()


class Node(Shape):
    metadata: Metadata
    kind: Literal["Node"] = "Node"
    api_version: Literal["v1"] = "v1"
    status: NodeStatus = NodeStatus()


class ContainerPort(Shape):
    container_port: PortNumber
    name: str = ""
    protocol: str = "TCP"


class ConfigMapRef(Shape):
    name: str = ""
    key: str = ""


class ValueFrom(Shape):
    config_map_key_ref: ConfigMapRef = ConfigMapRef()


class Env(Shape):
    value: str = ""
    value_from: ValueFrom = ValueFrom()


class EnvFrom(Shape):
    config_map_ref: ConfigMapRef = ConfigMapRef()


class Container(Shape):
    """Its environment says nothing here, but what is wrong with it must be told."""

    ports: tuple[ContainerPort, ...] = ()
    restart_policy: str = ""
    env: tuple[Env, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


class PodSpec(Shape):
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    host_network: bool = False


class PodIP(Shape):
    ip: str = ""


class Condition(Shape):
    type: str = ""
    status: str = ""


class PodStatus(Shape, rename={"pod_ip": "podIP", "pod_ips": "podIPs", "host_ip": "hostIP"}):
    phase: str = ""
    pod_ip: str = ""
    pod_ips: tuple[PodIP, ...] = ()
    host_ip: str | None = None
    conditions: tuple[Condition, ...] = ()


class Pod(Shape):
    metadata: Metadata
    kind: Literal["Pod"] = "Pod"
    api_version: Literal["v1"] = "v1"
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Expression(Closed):
    key: Text
    operator: Operator
    values: frozenset[str] = frozenset()


class Selector(Closed):
    match_labels: dict[str, str] = {}
    match_expressions: tuple[Expression, ...] = ()


class Block(Closed, rename={"excepts": "except"}):
    cidr: str
    excepts: tuple[str, ...] = ()


class Peer(Closed, rename={"pods": "podSelector", "namespaces": "namespaceSelector", "block": "ipBlock"}):
    pods: Selector | None = None
    namespaces: Selector | None = None
    block: Block | None = None


class Ports(Closed):
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: PortNumber | str | None = None
    end_port: PortNumber | None = None


class IngressRule(Closed, rename={"peers": "from"}):
    peers: tuple[Peer, ...] = ()
    ports: tuple[Ports, ...] = ()


class EgressRule(Closed, rename={"peers": "to"}):
    peers: tuple[Peer, ...] = ()
    ports: tuple[Ports, ...] = ()


class PolicySpec(Closed):
    pod_selector: Selector = Selector()
    policy_types: tuple[Literal["Ingress", "Egress"], ...] = ()
    ingress: tuple[IngressRule, ...] = ()
    egress: tuple[EgressRule, ...] = ()


class NetworkPolicy(Shape):
    kind: Literal["NetworkPolicy"]
    metadata: Metadata
    spec: PolicySpec
    api_version: Literal["networking.k8s.io/v1"] = "networking.k8s.io/v1"
