"""Endpoint: one end of a connection, named as it was when the connection was seen."""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What stands behind an address."""

    POD = "pod"
    NODE = "node"  # also pods with hostNetwork: they share the node's addresses
    SERVICE = "service"  # a Service address without a backend to name instead
    CLOUD = "cloud"  # in a published address range
    EXTERNAL = "external"
    UNKNOWN = "unknown"  # inside the cluster's own networks, yet nobody's


class NamedPort(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A container port: its name (may be empty), protocol as Kubernetes writes it, and number."""

    name: str
    protocol: str
    number: int


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One end of a connection.

    `address` is canonical text. For a pod all fields may be set; for a node `name`, `node` (the same) and
    `zone`; for a cloud service `name` is the published one (`S3`) and `namespace` is empty. `labels` are the
    pod's at that time, sorted by key. `workload` is `Kind/name` of the owner that a person deploys
    (`Deployment/ui`), or `Pod/name` without one.
    """

    kind: Kind
    address: str
    namespace: str = ""
    name: str = ""
    workload: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    ports: tuple[NamedPort, ...] = ()
    node: str = ""
    zone: str = ""

    @property
    def title(self) -> str:
        """For a person: `orders/ui-7d9f-x2` for a pod, else the name or the address."""
        if self.kind is Kind.POD:
            return f"{self.namespace}/{self.name}"
        return self.name or self.address

    @property
    def group(self) -> str:
        """The workload, for tables: `orders/ui` for a pod, else the title."""
        if self.kind is Kind.POD:
            return f"{self.namespace}/{self.workload.partition('/')[2] or self.name}"
        return self.title
