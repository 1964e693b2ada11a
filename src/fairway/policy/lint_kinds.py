"""Which kinds of policies a network plugin enforces. What it does not enforce the API server accepts all the same.

Sources are named beside each entry; where nothing is known of a pair of plugin and kind, nothing is said.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fairway.policy.ends import listed
from fairway.policy.findings import Finding, Severity
from fairway.policy.scene import Scene, place

_ANP: Final = "AdminNetworkPolicy"
_BANP: Final = "BaselineAdminNetworkPolicy"
_CNP: Final = "ClusterNetworkPolicy"
_AWS: Final = "ClusterNetworkPolicy.networking.k8s.aws"
_APPLICATION: Final = "ApplicationNetworkPolicy"
_CLUSTER_WIDE: Final = (_ANP, _BANP, _CNP, _AWS)


@dataclass(frozen=True, slots=True)
class Support:
    """What a plugin does with a kind of policy, and what to do about it."""

    severity: Severity
    what: str
    do: str


def _never(plugin: str, instead: str) -> Support:
    return Support(Severity.ERROR, f"{plugin} does not enforce this kind; it is accepted and does nothing", instead)


def _gated(what: str, do: str) -> Support:
    return Support(Severity.NOTE, what, do)


_AS_NP: Final = "write it as NetworkPolicies, or enforce it with Fairway"
_AS_CNP: Final = "write it as ClusterNetworkPolicy policy.networking.k8s.io/v1alpha2"
_FLANNEL: Final = Support(
    Severity.ERROR,
    "flannel enforces no policy itself; it is accepted and does nothing",
    "enforce it with Fairway, or run a policy engine beside flannel (its chart's `netpol.enabled`, or Calico)",
)
_AUTO_MODE: Final = Support(
    Severity.WARNING,
    "the VPC CNI enforces this kind in EKS Auto Mode only",
    "in other clusters write it as NetworkPolicies, or enforce it with Fairway",
)

KINDS: Final[Mapping[str, Mapping[str, Support]]] = {
    # antrea.io/docs/main/docs/admin-network-policy, antrea-io/antrea#8044 (v2.7)
    "antrea": {
        **dict.fromkeys(
            (_ANP, _BANP),
            _gated(
                "Antrea enforces this kind only with its feature gate AdminNetworkPolicy, and calls it deprecated",
                f"{_AS_CNP} (Antrea 2.7 or later), or look at antrea-controller.conf",
            ),
        ),
        _CNP: _gated(
            "Antrea enforces this kind from 2.7 on, and only with its feature gate ClusterNetworkPolicy",
            "look at antrea-controller.conf",
        ),
        **dict.fromkeys((_AWS, _APPLICATION), _never("Antrea", _AS_CNP)),
    },
    # projectcalico/calico#10745 and #9404, kubernetes-sigs/network-policy-api#376
    "calico": {
        **dict.fromkeys(
            (_ANP, _BANP), Support(Severity.WARNING, "Calico 3.32 and later do not enforce this kind", _AS_CNP)
        ),
        _CNP: _gated("Calico enforces this kind from 3.32 on", "see `kubectl calico version`"),
        **dict.fromkeys((_AWS, _APPLICATION), _never("Calico", _AS_CNP)),
    },
    # cilium/cilium#23380 and #47227
    "cilium": {
        **dict.fromkeys((_ANP, _BANP), _never("Cilium", f"{_AS_CNP} (Cilium 1.20 or later)")),
        _CNP: _gated(
            "Cilium enforces this kind from 1.20 on, and only with k8sClusterNetworkPolicy.enabled",
            "see `helm get values cilium -n kube-system`",
        ),
        **dict.fromkeys((_AWS, _APPLICATION), _never("Cilium", _AS_CNP)),
    },
    # flannel-io/flannel Documentation/netpol.md
    "flannel": dict.fromkeys((*_CLUSTER_WIDE, _APPLICATION, "NetworkPolicy"), _FLANNEL),
    # kube-router.io/docs/see-it-in-action: networking.k8s.io/NetworkPolicy alone
    "kube-router": dict.fromkeys((*_CLUSTER_WIDE, _APPLICATION), _never("kube-router", _AS_NP)),
    # ovn-kubernetes docs/features/network-security-controls/admin-network-policy.md
    "ovn-kubernetes": {
        _CNP: Support(
            Severity.WARNING,
            "OVN-Kubernetes documents AdminNetworkPolicy and BaselineAdminNetworkPolicy, and not this kind",
            "write it as those, or see its release notes",
        ),
        **dict.fromkeys((_AWS, _APPLICATION), _never("OVN-Kubernetes", "write it as AdminNetworkPolicy")),
    },
    # docs.aws.amazon.com/eks cni-network-policy-configure, aws/containers-roadmap#2243 and #2801
    "vpc-cni": {
        **dict.fromkeys(
            (_ANP, _BANP, _CNP),
            _never("the VPC CNI", "write it as ClusterNetworkPolicy networking.k8s.aws/v1alpha1"),
        ),
        _AWS: _gated(
            "the VPC CNI enforces this kind from 1.21 on",
            "see `kubectl describe daemonset aws-node -n kube-system`",
        ),
        _APPLICATION: _AUTO_MODE,
    },
}
"""By plugin and kind; a pair that is not here is enforced, as far as is known."""


def unenforced(scene: Scene, cni: str) -> Iterator[Finding]:
    """Policies of kinds that the plugin does not enforce, or not as it comes."""
    places: dict[str, list[str]] = defaultdict(list)
    for policy in scene.every:
        places[policy.kind].append(place(policy))
    for kind, support in KINDS.get(cni, {}).items():
        if places[kind]:
            yield Finding(support.severity, "cni-ignores", listed(places[kind], 1), support.what, support.do)
