"""Pods behind a bridge: the route to them leads to the bridge, and only the addresses in the network namespace at a
port's other end tell which port is whose."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from fairway.agent.netlink import Netlink


@dataclass(slots=True)
class Bridges:
    """What is behind the bridges of this node at one moment; each is looked at when it is first asked about."""

    netlink: Netlink
    _ports: dict[int, dict[bytes, set[int]]] = field(default_factory=dict)

    def port_to(self, bridge: int, addresses: Iterable[bytes], known: int | None = None) -> int | None:
        """The port of a bridge behind which one of the addresses is; None if there is none, or it is no bridge.

        A pod may give itself another's address: what several ports claim belongs to the one `known` to have it.
        """
        if bridge not in self._ports:
            self._ports[bridge] = self._look(bridge)
        for address in addresses:
            claiming = self._ports[bridge].get(address, set())
            if known in claiming:
                return known
            if len(claiming) == 1:
                return next(iter(claiming))
        return None

    def _look(self, bridge: int) -> dict[bytes, set[int]]:
        found: dict[bytes, set[int]] = defaultdict(set)
        for link in self.netlink.links():
            if link.master == bridge and link.elsewhere:
                namespace = self.netlink.peer_namespace(link.number)
                if namespace is not None and namespace >= 0:
                    for address in self.netlink.addresses_in(namespace):
                        found[address].add(link.number)
        return found
