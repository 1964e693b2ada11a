"""The shop: its workloads, what they run, where their pods are placed. Pure."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fairway.lab import topology
from fairway.lab.namespaces import Attachment

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own for generated names


@dataclass(frozen=True, slots=True)
class Port:
    """A container port."""

    name: str
    number: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A Service: (name, port, target port's name, protocol) each; `families` as in spec.ipFamilies."""

    name: str
    number: int
    ports: tuple[tuple[str, int, str, str], ...]
    families: tuple[str, ...] = ("IPv4", "IPv6")

    @property
    def addresses(self) -> dict[str, str]:
        every = {"IPv4": f"10.96.0.{self.number}", "IPv6": f"fd00:10:96::{self.number}"}
        return {family: every[family] for family in self.families}


@dataclass(frozen=True, slots=True)
class Workload:
    """What a person deploys: a Deployment, a StatefulSet, a CronJob, or a bare Pod.

    `program` is a module of fairway.lab.apps and its arguments, or a Debian program by its path; `probe` is the
    HTTP path on the first port of the readiness probe, or empty for a TCP probe, or None for no probe.
    """

    namespace: str
    name: str
    kind: str
    labels: Mapping[str, str]
    program: tuple[str, ...]
    ports: tuple[Port, ...] = ()
    replicas: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    probe: str | None = None
    service: ServiceSpec | None = None
    first_node: int = 0

    @property
    def template_hash(self) -> str:
        """Ten characters that change with each rollout in a real cluster."""
        return generated_letters(f"{self.namespace}/{self.name}", 10)


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of a workload, placed: `index` is its number on its node, and gives its addresses."""

    workload: Workload
    name: str
    ordinal: int
    node: str
    index: int

    @property
    def namespace(self) -> str:
        return self.workload.namespace

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def process(self) -> str:
        """What its program is called among the lab's processes."""
        return f"{self.namespace}.{self.name}"

    @property
    def uid(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"fairway-lab/{self.title}"))

    @property
    def addresses(self) -> tuple[str, str]:
        return topology.pod_addresses(self.node, self.index)

    def attachment(self, lab: str) -> Attachment:
        """How it hangs on its node in a lab of this name."""
        node = next(node for node in topology.nodes(lab) if node.name == self.node)
        return Attachment(
            node=node.netns,
            netns=topology.netns(lab, f"pod-{self.namespace}-{self.name}"),
            interface=topology.host_interface(self.namespace, self.name),
            addresses=self.addresses,
            sources=node.addresses,
        )


def place(workload: Workload, node: str, index: int, name: str, ordinal: int = 0) -> Pod:
    """One pod at a given place."""
    return Pod(workload, name, ordinal, node, index)


def pods() -> tuple[Pod, ...]:
    """The long-running pods, replicas spread over the nodes."""
    names = list(topology.ZONES)
    used = dict.fromkeys(names, 0)
    placed = []
    for workload in WORKLOADS:
        for ordinal in range(workload.replicas):
            node = names[(workload.first_node + ordinal) % len(names)]
            placed.append(Pod(workload, _pod_name(workload, ordinal), ordinal, node, used[node]))
            used[node] += 1
    return tuple(placed)


def _pod_name(workload: Workload, ordinal: int) -> str:
    if workload.kind == "StatefulSet":
        return f"{workload.name}-{ordinal}"
    return f"{workload.name}-{workload.template_hash}-{generated_letters(f'{workload.name}/{ordinal}', 5)}"


def generated_letters(seed: str, count: int) -> str:
    """Letters as Kubernetes generates them, always the same for a seed."""
    return "".join(_ALPHABET[octet % len(_ALPHABET)] for octet in hashlib.sha256(seed.encode()).digest()[:count])


def _labels(name: str, component: str) -> dict[str, str]:
    prefix = "app.kubernetes.io"
    return {f"{prefix}/name": name, f"{prefix}/instance": name, f"{prefix}/component": component}


def _service(
    name: str, number: int, probe: str, env: Mapping[str, str], families: tuple[str, ...] = ("IPv4", "IPv6")
) -> Workload:
    return Workload(
        namespace=name,
        name=name,
        kind="Deployment",
        labels=_labels(name, "service"),
        program=("service", name),
        ports=(Port("http", 8080),),
        replicas=2,
        env=env,
        probe=probe,
        service=ServiceSpec(name, number, (("http", 80, "http", "TCP"),), families),
        first_node=number - 20,
    )


def _database(namespace: str, component: str, number: int, ports: tuple[Port, ...]) -> Workload:
    name = f"{namespace}-{component}"
    return Workload(
        namespace=namespace,
        name=name,
        kind="StatefulSet",
        labels=_labels(namespace, component),
        program=("database", component, *(str(port.number) for port in ports)),
        ports=ports,
        probe="",
        service=ServiceSpec(name, number, tuple((p.name, p.number, p.name, "TCP") for p in ports)),
        first_node=number,
    )


_SPRING: Final = "/actuator/health/readiness"

WORKLOADS: Final = (
    Workload(
        namespace="kube-system",
        name="coredns",
        kind="Deployment",
        labels={"k8s-app": "kube-dns"},
        program=("dnsmasq",),
        ports=(Port("dns", 53, "UDP"), Port("dns-tcp", 53)),
        replicas=2,
        probe="",
        service=ServiceSpec("kube-dns", 10, (("dns", 53, "dns", "UDP"), ("dns-tcp", 53, "dns-tcp", "TCP"))),
    ),
    _database("catalog", "mysql", 30, (Port("mysql", 3306),)),
    _database("checkout", "redis", 31, (Port("redis", 6379),)),
    _database("orders", "postgresql", 32, (Port("postgresql", 5432),)),
    _database("orders", "rabbitmq", 33, (Port("amqp", 5672), Port("http", 15672))),
    _service("catalog", 20, "/health", {"PERSISTENCE_ENDPOINT": "catalog-mysql:3306"}, families=("IPv6",)),
    _service("carts", 21, _SPRING, {"DYNAMODB_ENDPOINT": f"https://dynamodb.{topology.REGION}.amazonaws.com"}),
    _service(
        "orders",
        22,
        _SPRING,
        {
            "PERSISTENCE_ENDPOINT": "orders-postgresql:5432",
            "MESSAGING_RABBITMQ_ADDRESSES": "orders-rabbitmq:5672",
            "ERP_ENDPOINT": "https://erp.corp.example:8443",
        },
    ),
    _service(
        "checkout",
        23,
        "/health",
        {
            "PERSISTENCE_ENDPOINT": "redis://checkout-redis:6379",
            "ENDPOINTS_ORDERS": "http://orders.orders",
            "PAYMENTS_ENDPOINT": "https://payments.example",
        },
    ),
    _service(
        "ui",
        24,
        _SPRING,
        {
            f"ENDPOINTS_{peer.upper()}": f"http://{peer}.{peer}"
            for peer in ("catalog", "carts", "checkout", "orders")
        },
    ),
    Workload(
        namespace="monitoring",
        name="prometheus",
        kind="Deployment",
        labels=_labels("prometheus", "server"),
        program=("prometheus",),
        ports=(Port("http", 9090),),
        probe="/-/ready",
        service=ServiceSpec("prometheus", 40, (("http", 80, "http", "TCP"),)),
        first_node=2,
    ),
)

EXPORT: Final = Workload(
    namespace="batch",
    name="orders-export",
    kind="CronJob",
    labels=_labels("orders-export", "export"),
    program=("export",),
    env={
        "SOURCE_ENDPOINT": "orders-postgresql.orders:5432",
        "TARGET_BUCKET": f"https://s3.{topology.REGION}.amazonaws.com/orders-export",
    },
)

INTRUDER: Final = Workload(
    namespace="dev", name="intruder", kind="Pod", labels={"run": "intruder"}, program=("sleep",)
)

NAMESPACES: Final = tuple(sorted({w.namespace for w in (*WORKLOADS, EXPORT, INTRUDER)} | {"default"}))

TARGETS: Final = (("orders-postgresql", "orders"), ("catalog-mysql", "catalog"), ("checkout-redis", "checkout"))
"""What the intruder tries: (Service, namespace)."""

EXTERNAL_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "payments.example": topology.PAYMENTS,
    f"s3.{topology.REGION}.amazonaws.com": topology.S3,
    f"dynamodb.{topology.REGION}.amazonaws.com": topology.DYNAMODB,
    "erp.corp.example": topology.ERP,
    "shop.example": topology.BALANCER,
}


def services() -> dict[tuple[str, str], Workload]:
    """The workloads that have a Service, by its (namespace, name)."""
    return {(w.namespace, w.service.name): w for w in WORKLOADS if w.service}
