"""Pods without anybody who names them: every veth whose other end is in another network namespace is one.

Its name is the interface's, its addresses are those with a host route to it, as a cloud's CNI makes them. Formats
of the tables of routes: net/ipv4/fib_trie.c (fib_route_seq_show) and net/ipv6/route.c (rt6_info_route).
"""

import socket
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fairway.agent.netlink import Netlink
from fairway.wire.address import V4_PREFIX, text
from fairway.wire.rules import NodeFeed, NodePod

_V4_ROUTES: Final = Path("/proc/thread-self/net/route")
_V6_ROUTES: Final = Path("/proc/thread-self/net/ipv6_route")
_EVERY_SECONDS: Final = 2.0


@dataclass(slots=True)
class NodeItself:
    """A feed of what the node shows, without rules: nothing is judged."""

    node: str
    netlink: Netlink
    _pods: tuple[NodePod, ...] | None = None
    _due: float = field(default=0.0)

    def poll(self) -> NodeFeed | None:
        """The pods, when they changed."""
        if time.monotonic() < self._due:
            return None
        self._due = time.monotonic() + _EVERY_SECONDS
        pods = tuple(discover(self.netlink).values())
        if pods == self._pods:
            return None
        self._pods = pods
        return NodeFeed(self.node, pods)

    def close(self) -> None:
        return


def discover(netlink: Netlink) -> dict[int, NodePod]:
    """The pods of this thread's network namespace that have an address, by interface."""
    addresses = _host_routes()
    return {
        index: NodePod(f"{name}-{index}", "", name, tuple(addresses[name]))
        for index, name in socket.if_nameindex()
        if addresses[name] and netlink.peer_namespace(index) is not None
    }


def _host_routes() -> defaultdict[str, list[str]]:
    found = defaultdict(list)
    for interface, address in (*v4_hosts(_lines(_V4_ROUTES)), *v6_hosts(_lines(_V6_ROUTES))):
        found[interface].append(text(address))
    return found


def v4_hosts(lines: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Interface and 16-byte address of each /32 in /proc/net/route."""
    for line in lines:
        words = line.split()
        if len(words) >= 8 and words[7] == "FFFFFFFF":
            yield words[0], V4_PREFIX + int(words[1], 16).to_bytes(4, "little")


def v6_hosts(lines: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Interface and address of each /128 in /proc/net/ipv6_route, but for the node's own and link-local ones."""
    for line in lines:
        words = line.split()
        if len(words) >= 10 and words[1] == "80" and not words[0].startswith("fe8") and not int(words[8], 16) >> 31:
            yield words[9], bytes.fromhex(words[0])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []  # a kernel without this family
