"""Mesh: what a service mesh needs beside what was seen: control traffic is rare, and a webhook's caller has no pod.

Who is of a mesh is told by the labels that its injectors write. Ports and addresses are those that the projects
document: "Ports used by Istio" and "Ambient and Kubernetes NetworkPolicy" (istio.io), "Proxy configuration" and
"Restricting access to control plane" (linkerd.io), as of 2026.
"""

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


class Mesh(StrEnum):
    """How a pod takes part."""

    ISTIO = "Istio sidecar"
    AMBIENT = "Istio ambient"
    LINKERD = "Linkerd"


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
    if "linkerd.io/control-plane-ns" in labels:
        return Mesh.LINKERD
    mode = labels.get("istio.io/dataplane-mode", namespaces.get(pod.namespace, {}).get("istio.io/dataplane-mode"))
    return Mesh.AMBIENT if mode == "ambient" and not pod.host_network else None


def mesh_remotes(
    pods: Iterable[Pod], cluster: Cluster, direction: Direction, written: Callable[[Pod], Remote | None]
) -> Iterator[Remote]:
    """The peers that a workload of these pods needs for its mesh; `written` is a pod as its rules write it."""
    mine = list(pods)
    meshes = {mesh for pod in mine if (mesh := mesh_of(pod, cluster.namespaces))}
    own = [control for control in _CONTROL if any(control.label in pod.labels for pod in mine)]
    if direction is Direction.EGRESS:
        for control in _CONTROL:
            if control.mesh in meshes and control.asked and control not in own:
                yield from _asked(control, cluster, written)
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


def _asked(control: _Control, cluster: Cluster, written: Callable[[Pod], Remote | None]) -> Iterator[Remote]:
    for pod in cluster.pods:
        if control.label in pod.labels and not pod.finished and (found := written(pod)):
            why = f"a pod with {control.mesh} asks it when it starts and for new settings"
            yield _remote(found.rank, found.title, found.peers, control.asked, why)


def _remote(rank: Rank, title: str, peers: tuple[Peer, ...], ports: tuple[int, ...], why: str) -> Remote:
    remote = Remote(rank, title, peers, {Ports("TCP", port) for port in ports})
    remote.evidence.rulings.add(f"for the mesh: {why}")
    return remote
