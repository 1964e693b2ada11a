"""Mesh: what a service mesh needs beside what was seen: control traffic is rare, and a webhook's caller has no pod.

Who is of a mesh is told by the labels that its injectors write. Its control plane is where these point to: anybody
may give a pod the label of a control plane, but not make others' proxies ask there. Ports and addresses are those
that the projects document: "Ports used by Istio" and "Ambient and Kubernetes NetworkPolicy" (istio.io), "Proxy
configuration" and "Restricting access to control plane" (linkerd.io), as of 2026.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import Final

from fairway.policy.model import Cluster, IPBlock, Peer, Pod, Ports, Selector
from fairway.policy.peers import Rank, Remote
from fairway.wire.words import Direction

HBONE: Final = 15008
"""Between ambient workloads everything goes there: the application's own port is inside, encrypted."""
OPAQUE: Final = 4143
"""Linkerd's proxies take what is no HTTP there, the application's own port inside."""
_AMBIENT_PROBES: Final = ("169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128")
"""As which an ambient pod sees its kubelet's probes."""


_ISTIOD: Final = re.compile(r"\bistiod[a-z0-9-]*\.([a-z0-9]([a-z0-9-]*[a-z0-9])?)\.svc\b")
"""In what an injected proxy is given: its CA_ADDR, the discoveryAddress of its PROXY_CONFIG."""
_LINKERD_HOME: Final = "linkerd.io/control-plane-ns"


class Mesh(StrEnum):
    """How a pod takes part."""

    ISTIO = "Istio sidecar"
    AMBIENT = "Istio ambient"
    LINKERD = "Linkerd"


_USUAL: Final = {
    Mesh.ISTIO: frozenset({"istio-system"}),
    Mesh.AMBIENT: frozenset({"istio-system"}),
    Mesh.LINKERD: frozenset({"linkerd"}),
}


@dataclass(frozen=True, slots=True)
class _Control:
    """A part of a mesh's control plane, found by a label: the ports that pods of `mesh` ask, and the webhooks that
    the API server calls."""

    mesh: Mesh
    label: tuple[str, str]
    asked: tuple[int, ...] = ()
    webhooks: tuple[int, ...] = ()


_CONTROL: Final = (
    _Control(Mesh.ISTIO, ("app", "istiod"), (15012,), (15017,)),
    _Control(Mesh.LINKERD, ("linkerd.io/control-plane-component", "destination"), (8086, 8090), (8443, 9443)),
    _Control(Mesh.LINKERD, ("linkerd.io/control-plane-component", "identity"), (8080,)),
    _Control(Mesh.LINKERD, ("linkerd.io/control-plane-component", "proxy-injector"), (), (8443,)),
)


def mesh_of(pod: Pod, namespaces: Mapping[str, Mapping[str, str]]) -> Mesh | None:
    """The mesh that a pod is part of; None if of none. `namespaces`: labels by name."""
    labels = dict(pod.labels)
    if labels.get("security.istio.io/tlsMode") == "istio":
        return Mesh.ISTIO
    if _LINKERD_HOME in labels:
        return Mesh.LINKERD
    mode = labels.get("istio.io/dataplane-mode", namespaces.get(pod.namespace, {}).get("istio.io/dataplane-mode"))
    return Mesh.AMBIENT if mode == "ambient" and not pod.host_network else None


def homes_of(pod: Pod, mesh: Mesh) -> frozenset[str]:
    """The namespaces where a pod's proxy asks for its mesh; where it does not say, the usual one."""
    if mesh is Mesh.LINKERD:
        told = frozenset({dict(pod.labels).get(_LINKERD_HOME, "")} - {""})
    else:
        told = frozenset(found[1] for value in pod.declared for found in _ISTIOD.finditer(value))
    return told or _USUAL[mesh]


def strangers(cluster: Cluster) -> Iterator[str]:
    """One line for each pod that calls itself a control plane where no proxy asks: it is given nothing."""
    for control in _CONTROL:
        claiming = [pod for pod in cluster.pods if control.label in pod.labels and not pod.finished]
        homes = _homes(control.mesh, cluster) if claiming else frozenset()
        for pod in claiming:
            if pod.namespace not in homes:
                where = ", ".join(sorted(homes))
                yield (
                    f"{pod.namespace}/{pod.name}: has the label of {control.mesh}'s control plane, which pods of "
                    f"the mesh ask in {where}: it gets no rule for that"
                )


def _homes(mesh: Mesh, cluster: Cluster) -> frozenset[str]:
    mine = (pod for pod in cluster.pods if mesh_of(pod, cluster.namespaces) is mesh)
    return frozenset().union(*(homes_of(pod, mesh) for pod in mine)) or _USUAL[mesh]


def mesh_remotes(
    pods: Iterable[Pod], cluster: Cluster, direction: Direction, written: Callable[[Pod], Remote | None]
) -> Iterator[Remote]:
    """The peers that a workload of these pods needs for its mesh; `written` is a pod as its rules write it."""
    mine = list(pods)
    of = [(pod, mesh) for pod in mine if (mesh := mesh_of(pod, cluster.namespaces))]
    meshes = {mesh for _, mesh in of}
    own = [control for control in _CONTROL if _is_of(control, mine, cluster)]
    if direction is Direction.EGRESS:
        for control in _CONTROL:
            if control.mesh in meshes and control.asked and control not in own:
                homes = frozenset().union(*(homes_of(pod, mesh) for pod, mesh in of if mesh is control.mesh))
                yield from _asked(control, homes, cluster, written)
        return
    for control in own:
        if control.asked:
            why = f"every {control.mesh} asks here"
            yield _remote(Rank.PODS, "pods of the mesh", (Peer(namespaces=Selector()),), control.asked, why)
        if control.webhooks:
            why = "a webhook: the API server has no address that lasts"
            yield _remote(Rank.ANYWHERE, "anyone", (), control.webhooks, why)
    if Mesh.AMBIENT in meshes:
        peers = tuple(Peer(block=IPBlock(ip_network(one))) for one in _AMBIENT_PROBES)
        yield _remote(Rank.NODES, "the kubelet, as an ambient pod sees it", peers, (), "probes come from there")


def hides_ports(port: int, protocol: str) -> str:
    """Where the application's own port is not to be seen: who hides it; else empty."""
    if protocol != "TCP":
        return ""
    return {HBONE: "Istio's HBONE", OPAQUE: "Linkerd's proxy"}.get(port, "")


def _is_of(control: _Control, pods: Iterable[Pod], cluster: Cluster) -> bool:
    claiming = {pod.namespace for pod in pods if control.label in pod.labels}
    return bool(claiming) and bool(claiming & _homes(control.mesh, cluster))


def _asked(
    control: _Control, homes: frozenset[str], cluster: Cluster, written: Callable[[Pod], Remote | None]
) -> Iterator[Remote]:
    for pod in cluster.pods:
        there = control.label in pod.labels and pod.namespace in homes
        if there and not pod.finished and (found := written(pod)):
            why = f"a pod with {control.mesh} asks it when it starts and for new settings"
            yield _remote(found.rank, found.title, found.peers, control.asked, why)


def _remote(rank: Rank, title: str, peers: tuple[Peer, ...], ports: tuple[int, ...], why: str) -> Remote:
    remote = Remote(rank, title, peers, {Ports("TCP", port) for port in ports})
    remote.evidence.needs.add(f"for the mesh: {why}")
    return remote
