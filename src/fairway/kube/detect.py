"""Detect: which network plugin a cluster has, how Services are translated, and whether anybody enforces policies.

By the DaemonSets' pods that run, their arguments, and what nodes say of themselves. A guess from outside, told as
one: a plugin in a form that nobody here has seen reads as unknown.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from fairway.hub.surroundings import Orders
from fairway.kube.parts import NodePart
from fairway.policy.model import Cluster, Pod
from fairway.wire.words import Mode

_OFF: Final = "--enable-network-policy=false"
_AWS_ON: Final = "--enable-network-policy=true"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A network plugin: its name, whether it enforces NetworkPolicies itself, and whether agents can attach beside
    it (False: only look)."""

    name: str
    enforces: bool | None
    attach: bool = True


_BY_WORKLOAD: Final[Mapping[str, Plugin]] = {
    "DaemonSet/cilium": Plugin("Cilium", enforces=True, attach=False),
    "DaemonSet/anetd": Plugin("Dataplane V2 (Cilium)", enforces=True, attach=False),
    "DaemonSet/calico-node": Plugin("Calico", enforces=True),
    "DaemonSet/canal": Plugin("Canal", enforces=True),
    "DaemonSet/rke2-canal": Plugin("Canal", enforces=True),
    "DaemonSet/antrea-agent": Plugin("Antrea", enforces=True, attach=False),
    "DaemonSet/ovnkube-node": Plugin("OVN-Kubernetes", enforces=True, attach=False),
    "DaemonSet/kube-router": Plugin("kube-router", enforces=True),
    "DaemonSet/weave-net": Plugin("Weave Net", enforces=True),
    "DaemonSet/azure-npm": Plugin("Azure NPM", enforces=True),
    "DaemonSet/kube-network-policies": Plugin("kube-network-policies", enforces=True),
    "DaemonSet/kindnet": Plugin("kindnet", enforces=True),
    "DaemonSet/aws-node": Plugin("Amazon VPC CNI", enforces=None),
    "DaemonSet/kube-flannel-ds": Plugin("Flannel", enforces=False),
    "DaemonSet/azure-cns": Plugin("Azure CNI", enforces=False),
}
_PROXIES: Final = ("iptables", "ipvs", "nftables", "kernelspace")


@dataclass(frozen=True, slots=True)
class Detected:
    """What was found. `proxy`: kube-proxy's mode as configured, `none`, or `kube-proxy` where it is not to be seen;
    what its agent sees on a node goes before that.
    `enforcer`: who drops packets; empty: nobody that is known. `nobody`: surely nobody. `warnings`: one line each,
    the loud ones."""

    plugins: tuple[str, ...]
    proxy: str
    enforcer: str
    nobody: bool
    observe_only: bool
    warnings: tuple[str, ...]


def detected(
    cluster: Cluster, nodes: Mapping[str, NodePart], orders: Orders | None = None, configured: str = ""
) -> Detected:
    """What this cluster has, and what of its policies nobody enforces. `configured`: kube-proxy's, if known."""
    running = {pod.workload: pod for pod in cluster.pods if not pod.finished and pod.workload in _BY_WORKLOAD}
    plugins = [_plugin(workload, pod) for workload, pod in sorted(running.items())]
    plugins += _unseen(nodes)
    enforcers = [plugin.name for plugin in plugins if plugin.enforces]
    observe_only = any(not plugin.attach for plugin in plugins)
    return Detected(
        plugins=tuple(dict.fromkeys(plugin.name for plugin in plugins)) or ("unknown",),
        proxy=_proxy(cluster, nodes, configured),
        enforcer=" and ".join(dict.fromkeys(enforcers)),
        nobody=bool(plugins) and not enforcers and all(plugin.enforces is False for plugin in plugins),
        observe_only=observe_only,
        warnings=tuple(_warnings(cluster, plugins, enforcers, orders)),
    )


def _plugin(workload: str, pod: Pod) -> Plugin:
    found = _BY_WORKLOAD[workload]
    if found.name == "Amazon VPC CNI":
        return Plugin(found.name, enforces=_AWS_ON in pod.declared)
    if _OFF in pod.declared or (found.name == "kindnet" and "--network-policy=false" in pod.declared):
        return Plugin(found.name, enforces=False)
    return found


def _unseen(nodes: Mapping[str, NodePart]) -> Iterator[Plugin]:
    """Networks that are part of the node's own program, and run no pods."""
    for part in nodes.values():
        labels, signs = dict(part.node.labels), dict(part.signs)
        if "k3s.io/node-args" in signs:
            arguments = signs["k3s.io/node-args"]
            yield Plugin("k3s (Flannel and kube-router)", enforces="disable-network-policy" not in arguments)
        elif "flannel.alpha.coreos.com/backend-type" in signs:
            yield Plugin("Flannel", enforces=False)
        if labels.get("eks.amazonaws.com/compute-type") == "auto":
            yield Plugin("EKS Auto Mode", enforces=None)


def _proxy(cluster: Cluster, nodes: Mapping[str, NodePart], configured: str) -> str:
    pods = [pod for pod in cluster.pods if not pod.finished and _is_proxy(pod)]
    words = [word for pod in pods for word in pod.declared]
    for part in nodes.values():  # k3s has it in its own program
        arguments = dict(part.signs).get("k3s.io/node-args", "disable-kube-proxy")
        if "disable-kube-proxy" not in arguments:
            words.append("k3s")
            words += re.findall(r"proxy-mode=\w+", arguments)
    told = [mode for mode in _PROXIES if any(word.removeprefix("--") == f"proxy-mode={mode}" for word in words)]
    if told or not (pods or words):
        return told[0] if told else "none"
    return configured or "kube-proxy"


def _is_proxy(pod: Pod) -> bool:
    return pod.workload.endswith("/kube-proxy") or pod.name.startswith("kube-proxy-")


def _warnings(
    cluster: Cluster, plugins: list[Plugin], enforcers: list[str], orders: Orders | None
) -> Iterator[str]:
    ours = orders is not None and _enforces_anywhere(orders)
    unsure = any(plugin.enforces is None for plugin in plugins) or not plugins
    names = ", ".join(dict.fromkeys(plugin.name for plugin in plugins)) or "an unknown network plugin"
    if cluster.policies and not enforcers and not ours:
        count = len(cluster.policies)
        if unsure:
            yield (
                f"{count} NetworkPolicies: whether {names} enforces them cannot be told from here; "
                "see its own settings"
            )
        else:
            yield (
                f"{count} NetworkPolicies are ACCEPTED BUT ENFORCED BY NOBODY: {names} does not; label namespaces "
                "fairway.dev/mode=enforce, or install a plugin that does"
            )
    if ours and enforcers:
        who = " and ".join(dict.fromkeys(enforcers))
        yield f"{who} enforces NetworkPolicies: enforcing is left to it, mode enforce only audits here"
    elif ours and any(not plugin.attach for plugin in plugins):
        yield f"{names} has the pods' interfaces for itself: Fairway only observes, mode enforce only audits here"


def bounded(orders: Orders, found: Detected) -> Orders:
    """The orders as far as Fairway carries them out: where the plugin enforces, or agents cannot attach in its way,
    nothing is dropped by two."""
    return replace(orders, most=Mode.AUDIT) if found.enforcer or found.observe_only else orders


def _enforces_anywhere(orders: Orders) -> bool:
    return Mode.ENFORCE in (orders.usual, *orders.namespaces.values())
