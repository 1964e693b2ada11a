"""Resources: what Fairway looks at, and under which addresses the API has it."""

from dataclasses import dataclass
from typing import Final

GROUP: Final = "fairway.dev"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind. `metadata_only`: of owners nothing else is needed than who owns them. `optional`: a definition that a
    cluster may do without."""

    kind: str
    plural: str
    version: str
    metadata_only: bool = False
    optional: bool = False
    namespaced: bool = True

    @property
    def name(self) -> str:
        """As RBAC and messages call it: `pods`, `replicasets.apps`."""
        group = self.version.rpartition("/")[0]
        return f"{self.plural}.{group}" if group else self.plural

    @property
    def path(self) -> str:
        """The list of all of them."""
        return f"{base(self.version)}/{self.plural}"


def base(version: str) -> str:
    """Where an API version begins: `v1` or `GROUP/VERSION`."""
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def object_path(version: str, plural: str, namespace: str | None, name: str) -> str:
    """One object; `namespace` None for one of the whole cluster."""
    place = f"/namespaces/{namespace}" if namespace is not None else ""
    return f"{base(version)}{place}/{plural}/{name}"


STAGED: Final = Resource("StagedNetworkPolicy", "stagednetworkpolicies", f"{GROUP}/v1alpha1", optional=True)
_POLICY_API: Final = "policy.networking.k8s.io"

WATCHED: Final = (
    Resource("Namespace", "namespaces", "v1", namespaced=False),
    Resource("Node", "nodes", "v1", namespaced=False),
    Resource("ReplicaSet", "replicasets", "apps/v1", metadata_only=True),
    Resource("Job", "jobs", "batch/v1", metadata_only=True),
    Resource("Pod", "pods", "v1"),
    Resource("Service", "services", "v1"),
    Resource("EndpointSlice", "endpointslices", "discovery.k8s.io/v1"),
    Resource("CronJob", "cronjobs", "batch/v1"),
    Resource("NetworkPolicy", "networkpolicies", "networking.k8s.io/v1"),
    STAGED,
    Resource(
        "AdminNetworkPolicy",
        "adminnetworkpolicies",
        f"{_POLICY_API}/v1alpha1",
        optional=True,
        namespaced=False,
    ),
    Resource(
        "BaselineAdminNetworkPolicy",
        "baselineadminnetworkpolicies",
        f"{_POLICY_API}/v1alpha1",
        optional=True,
        namespaced=False,
    ),
    Resource(
        "ClusterNetworkPolicy",
        "clusternetworkpolicies",
        f"{_POLICY_API}/v1alpha2",
        optional=True,
        namespaced=False,
    ),
    Resource(
        "ClusterNetworkPolicy",
        "clusternetworkpolicies",
        "networking.k8s.aws/v1alpha1",
        optional=True,
        namespaced=False,
    ),
    Resource(
        "ApplicationNetworkPolicy",
        "applicationnetworkpolicies",
        "networking.k8s.aws/v1alpha1",
        optional=True,
    ),
)
"""In the order in which they are named in messages and in the RBAC of the chart."""
