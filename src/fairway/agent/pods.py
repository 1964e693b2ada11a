"""The node's pods and their interfaces: found by the route to the pod's address, or behind the bridge that it leads
to; attached, and looked into."""

import sys
from collections.abc import Collection
from dataclasses import dataclass, field

from fairway.agent.attach import Attachments
from fairway.agent.bridges import Bridges
from fairway.agent.libbpf import BPFError
from fairway.agent.links import Links
from fairway.agent.netlink import Listeners, Netlink
from fairway.agent.obey import Enforcement
from fairway.kit.errors import EnvironmentLacksError
from fairway.wire.address import packed, text
from fairway.wire.rules import NodePod


@dataclass(slots=True)
class Pods:
    """Pods by interface. `update` makes the kernel's view the same as the feed's."""

    netlink: Netlink
    attachments: Attachments
    enforcement: Enforcement
    by_interface: dict[int, NodePod] = field(default_factory=dict)
    missing: int = 0  # pods in the feed that have no interface here yet
    node_addresses: frozenset[str] = frozenset()
    """What this node itself speaks to its pods from: behind a bridge, and with some other plugins, an address that
    the cluster does not know."""
    _links: Links = field(init=False)
    _listeners: dict[int, Listeners | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._links = Links(self.attachments, self.enforcement)

    def update(self, pods: tuple[NodePod, ...]) -> None:
        """Know the pods that came, forget those that went; calling it again changes nothing.

        An interface that no pod of the feed is behind is held to the posture as long as it is there.
        """
        self.settle()
        uplinks, bridges = self.netlink.uplinks(), Bridges(self.netlink)
        found = ((self._interface(pod, uplinks, bridges), pod) for pod in pods)
        wanted = {interface: pod for interface, pod in found if interface is not None}
        self.missing = len(pods) - len(wanted)
        reached = (self.netlink.source_to(packed(a)) for pod in wanted.values() for a in pod.addresses)
        self.node_addresses = frozenset(text(source) for source in reached if source is not None)
        self._release(wanted)
        added = False
        for interface, pod in wanted.items():
            known = self.by_interface.get(interface)
            if known is not None and known.uid != pod.uid:
                self._forget({interface})
                known = None
            if known is None:
                self._attach(interface, pod)
                added = True
            self.by_interface[interface] = pod
        if added:
            self.enforcement.judge_anew()  # its flows may be older than its name
        self._links.start()

    def settle(self) -> None:
        """Forget the interfaces that went; one that came back under the same number starts anew."""
        gone = {self._links.gone.popleft() for _ in range(len(self._links.gone))}
        self.missing += len(gone & set(self.by_interface))
        self._forget(gone)

    def listening(self, interface: int) -> frozenset[int] | None:
        """TCP ports in state LISTEN in the pod; None if its network namespace has no name here."""
        if interface not in self._listeners:
            self._listeners[interface] = self._open_listeners(interface)
        listeners = self._listeners[interface]
        return listeners.ports() if listeners is not None else None

    def detach(self) -> None:
        """Take the programs off every interface: enforcement ends."""
        self._links.close()
        for interface in self.attachments.held() | set(self.enforcement.pods):
            self.attachments.detach(interface)

    def close(self) -> None:
        self._links.close()
        for listeners in self._listeners.values():
            if listeners is not None:
                listeners.close()
        self.netlink.close()

    def _interface(self, pod: NodePod, uplinks: Collection[int], bridges: Bridges) -> int | None:
        addresses = [packed(address) for address in pod.addresses]
        known = next((number for number, one in self.by_interface.items() if one.uid == pod.uid), None)
        for address in addresses:
            interface = self.netlink.interface_to(address)
            # A pod's veth has its other end in another namespace; the loopback does not. The node's own way out
            # may, where the node is itself a container: the route to a pod that is gone leads there.
            if interface is None or interface in uplinks:
                continue
            if self.netlink.peer_namespace(interface) is not None:
                return interface
            port = bridges.port_to(interface, addresses, known)
            if port is not None:
                return port
        return None

    def _attach(self, interface: int, pod: NodePod) -> None:
        self.enforcement.add(interface, pod.uid, pod.addresses)
        try:
            self.attachments.attach(interface)
        except BPFError as error:
            # The pod went away between its route and its programs.
            sys.stderr.write(f"fairway agent: {pod.namespace}/{pod.name}: {error}\n")

    def _release(self, wanted: dict[int, NodePod]) -> None:
        """Let go of pods that the feed has no more. A route that is away for a moment must not set its pod free."""
        left, unnamed = set(), self.enforcement.unnamed()
        for interface in (self.attachments.held() | set(self.enforcement.pods)) - set(wanted):
            if self.netlink.peer_namespace(interface) is None:
                self.attachments.detach(interface)
                left.add(interface)
            elif not self.missing and interface not in unnamed:
                left.add(interface)
        self._forget(left)

    def _forget(self, interfaces: set[int]) -> None:
        """Forget pods; what is behind an interface that is still there, or is there again, starts anew."""
        if not interfaces:
            return
        self.enforcement.remove(*interfaces)
        for interface in interfaces:
            self.by_interface.pop(interface, None)
            listeners = self._listeners.pop(interface, None)
            if listeners is not None:
                listeners.close()
            if interface in self.attachments:
                self.enforcement.expect(interface)

    def _open_listeners(self, interface: int) -> Listeners | None:
        namespace = self.netlink.peer_namespace(interface)
        path = self.netlink.named_namespaces().get(namespace) if namespace is not None else None
        try:
            return Listeners(path) if path is not None else None
        except EnvironmentLacksError:
            return None
