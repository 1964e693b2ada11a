"""The cluster and its policies as immutable values. `policy.read` makes them from Kubernetes objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fairway.wire.address import Network
from fairway.wire.endpoint import NamedPort
from fairway.wire.words import Posture


class Operator(StrEnum):
    """Of a label selector's expression."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Expression:
    """One requirement on one label key."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector: all expressions must hold; none selects everything. matchLabels are read as In."""

    expressions: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class IPBlock:
    """A network less the networks carved out of it. Parsed, so that two spellings of one network are equal."""

    network: Network
    excepts: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """One element of `from` or `to`: pods (both selectors must match), an address block, nodes or domain names.

    `namespaces` None means the policy's own namespace. `nodes` and `domains` stand for addresses of a moment:
    `policy.settle` makes blocks of them before anything is judged.
    """

    pods: Selector | None = None
    namespaces: Selector | None = None
    block: IPBlock | None = None
    nodes: Selector | None = None
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ports:
    """One element of `ports`: a protocol with a number, a range, a port's name on the server, or all (None)."""

    protocol: str
    port: int | str | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Peer AND port. `peers` None means every source or destination; `ports` None every protocol and port."""

    peers: tuple[Peer, ...] | None = None
    ports: tuple[Ports, ...] | None = None


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """networking.k8s.io/v1, or networking.k8s.aws ApplicationNetworkPolicy, which judges alike.

    `ingress` or `egress` None: the policy does not isolate in that direction.
    """

    namespace: str
    name: str
    subject: Selector
    ingress: tuple[Rule, ...] | None = None
    egress: tuple[Rule, ...] | None = None
    source: str = field(default="", compare=False)
    kind: str = "NetworkPolicy"

    @property
    def title(self) -> str:
        title = f"{self.namespace}/{self.name}"
        return title if self.kind == "NetworkPolicy" else f"{self.kind} {title}"


class Tier(StrEnum):
    """Of cluster-wide policies: before and after the NetworkPolicies."""

    ADMIN = "Admin"
    BASELINE = "Baseline"


class Action(StrEnum):
    """Of a cluster-wide rule. Accept and Deny are final; Pass leaves the tier. v1alpha1 writes Allow for Accept."""

    ACCEPT = "Accept"
    DENY = "Deny"
    PASS = "Pass"  # noqa: S105  # no password


@dataclass(frozen=True, slots=True)
class TieredRule:
    """What happens to the traffic that `rule` matches; the first rule of a tier that matches wins."""

    action: Action
    rule: Rule
    name: str = ""


@dataclass(frozen=True, slots=True)
class TieredPolicy:
    """A cluster-wide policy: AdminNetworkPolicy, BaselineAdminNetworkPolicy or either ClusterNetworkPolicy.

    `subject` selects pods of any namespace; it isolates none of them. `priority` orders a tier's policies,
    lowest first.
    """

    kind: str
    name: str
    tier: Tier
    priority: int
    subject: Peer
    ingress: tuple[TieredRule, ...] = ()
    egress: tuple[TieredRule, ...] = ()
    source: str = field(default="", compare=False)

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Policies judged together, and the posture for pods that none of them selects."""

    policies: tuple[NetworkPolicy, ...] = ()
    posture: Posture = Posture.ALLOW
    tiered: tuple[TieredPolicy, ...] = ()

    @property
    def size(self) -> int:
        """How many policies there are, of all kinds."""
        return len(self.policies) + len(self.tiered)

    def of_tier(self, tier: Tier) -> tuple[TieredPolicy, ...]:
        """The tier's policies in the order they are asked; equal priorities by kind and name."""
        chosen = (policy for policy in self.tiered if policy.tier is tier)
        return tuple(sorted(chosen, key=lambda policy: (policy.priority, policy.kind, policy.name)))


@dataclass(frozen=True, slots=True)
class Node:
    """A node; `addresses` are its own, which hostNetwork pods and the kubelet share. `external` ones reach it
    from outside."""

    name: str
    addresses: tuple[str, ...] = ()
    zone: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    external: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as the manifest tells it; `declared` are its env values, arguments and files from ConfigMaps,
    as written.

    `workload` is `Kind/name` of what a person deploys. `addresses` may be empty (pending). `finished` pods
    (Succeeded, Failed) keep addresses that are no longer theirs. `restarts` are those of its containers.
    """

    uid: str
    namespace: str
    name: str
    labels: tuple[tuple[str, str], ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[NamedPort, ...] = ()
    node: str = ""
    workload: str = ""
    host_network: bool = False
    finished: bool = False
    ready: bool = True
    restarts: int = 0
    declared: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A Service's port and where it leads: `backends` are (address, port) from its EndpointSlices, ready or
    not, else from its selector; a target port's name is resolved per pod."""

    name: str
    protocol: str
    port: int
    backends: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A Service; `addresses` are its cluster IPs, none for a headless one."""

    namespace: str
    name: str
    addresses: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class CronJob:
    """A scheduled job: traffic that a short observation misses."""

    namespace: str
    name: str
    schedule: str = ""
    suspended: bool = False
    declared: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster at one moment. `namespaces` maps a name to its labels, `kubernetes.io/metadata.name` included."""

    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    cron_jobs: tuple[CronJob, ...] = ()
    policies: tuple[NetworkPolicy, ...] = ()
    tiered: tuple[TieredPolicy, ...] = ()
