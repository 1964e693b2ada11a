"""Early: first sights of pods whose name is yet to come, which it may do after they went.

A pod that lives a second is often gone before the feed names it. While its interface is there the addresses behind
it are looked up once; by these a pod of the feed takes what was seen of it.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

import numpy as np

from fairway.agent.kernel import Records
from fairway.agent.netlink import Netlink
from fairway.agent.positions import among
from fairway.wire.address import packed, text
from fairway.wire.rules import NodePod

KEPT: Final = 1 << 14
"""First sights that wait for a name, of pods that are there and of those that went, each."""
PATIENCE: Final = 60.0
"""Seconds that pods which went may be named in."""


class _Gone(NamedTuple):
    """What was seen of an interface that went, and who was behind it."""

    until: float
    addresses: frozenset[bytes]
    interface: int
    events: Records


class Early:
    """Used by one thread."""

    def __init__(self, none: Records, netlink: Netlink) -> None:
        self._waiting, self._netlink = none, netlink
        self._behind: dict[int, frozenset[bytes]] = {}
        self._gone: list[_Gone] = []

    def __len__(self) -> int:
        """Those of pods that are there."""
        return len(self._waiting)

    def sort(self, fresh: Records, unnamed: Collection[int], known: Collection[int]) -> Records:
        """The events of pods with a name; the others wait."""
        events = np.concatenate((self._waiting, fresh))
        if not len(events):
            return events
        early = among(events["key"]["ifindex"], unnamed)
        named = among(events["key"]["ifindex"], known)
        self._part(events[~early & ~named])
        self._waiting = events[early][-KEPT:]
        self._look()
        return events[named]

    def claimed(self, pods: Iterable[NodePod], there: Iterable[NodePod]) -> Iterator[tuple[NodePod, int, Records]]:
        """Pods that were named after they went, the interface that each had, and what was seen of it. One that is
        `there` is none: somebody only gave himself its address."""
        if not self._gone:
            return
        present = {pod.uid for pod in there}
        holders = {packed(address): pod for pod in pods if pod.uid not in present for address in pod.addresses}
        now, left = time.monotonic(), []
        for gone in self._gone:
            pod = next((holders[address] for address in gone.addresses if address in holders), None)
            if pod is not None:
                yield pod, gone.interface, gone.events
            elif gone.until > now:
                left.append(gone)
        self._gone = left

    def _part(self, events: Records) -> None:
        """Keep those of interfaces that went, as far as it was seen who was behind them."""
        for interface in set(events["key"]["ifindex"].tolist()):
            addresses = self._behind.get(interface)
            if addresses and sum(len(gone.events) for gone in self._gone) < KEPT:
                mine = events[events["key"]["ifindex"] == interface]
                self._gone.append(_Gone(time.monotonic() + PATIENCE, addresses, interface, mine))

    def _look(self) -> None:
        """See who is behind the interfaces that wait. Without an address yet, the next time again."""
        there = set(self._waiting["key"]["ifindex"].tolist())
        self._behind = {
            interface: found for interface, found in self._behind.items() if interface in there and found
        }
        for interface in there - self._behind.keys():
            namespace = self._netlink.peer_namespace(interface)
            if namespace is not None and namespace >= 0:
                self._behind[interface] = frozenset(filter(_is_a_pods, self._netlink.addresses_in(namespace)))


def _is_a_pods(address: bytes) -> bool:
    """Not one that every network namespace has before it is given its own."""
    given = ip_address(text(address))
    return not (given.is_loopback or given.is_link_local)
