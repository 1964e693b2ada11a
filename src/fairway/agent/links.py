"""Interfaces as they come and go: a pod's first packet must find the programs there, so nobody waits for the feed.

On a thread of its own, each new interface whose other end is in another network namespace gets the programs at
once; its owner is held to the node's posture until the feed names it. What goes takes its state with it,
so that the next interface of the same number inherits nothing.
"""

import os
import select
import sys
import threading
from collections import deque
from typing import Final

from fairway.agent.attach import Attachments
from fairway.agent.netlink import Link, LinkNews, Netlink, OverrunError
from fairway.agent.obey import Enforcement
from fairway.kit.errors import EnvironmentLacksError

_POD_KINDS: Final = ("veth", "netkit")


class Links:
    """Watches the interfaces of the network namespace it is made in. `gone`: those that went, for the main thread
    to forget."""

    def __init__(self, attachments: Attachments, enforcement: Enforcement) -> None:
        self.gone: deque[int] = deque()
        self._attachments, self._enforcement = attachments, enforcement
        self._news, self._netlink = LinkNews(), Netlink()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._known: set[int] = set()
        self._thread = threading.Thread(target=self._run, name="links", daemon=True)

    def start(self) -> None:
        """Take the interfaces that are there, then watch; a second call does nothing."""
        if self._thread.ident is None:
            self._take_all()
            self._thread.start()

    def close(self) -> None:
        if self._wake < 0:
            return
        os.eventfd_write(self._wake, 1)
        if self._thread.ident is not None:
            self._thread.join()
        os.close(self._wake)
        self._wake = -1
        self._news.close()
        self._netlink.close()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._news, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while self._wake not in dict(poll.poll()):
            try:
                for link in self._news.read():
                    self._take(link)
            except OverrunError:
                self._take_all()

    def _take_all(self) -> None:
        links = self._netlink.links()
        for interface in self._known - {link.number for link in links}:
            self._went(interface)
        for link in links:
            self._take(link)

    def _take(self, link: Link) -> None:
        if not link.present:
            self._went(link.number)
        elif link.number not in self._known and self._leads_to_a_pod(link):
            self._came(link.number)

    def _leads_to_a_pod(self, link: Link) -> bool:
        """The node's own way out may look alike, where the node is itself a container; a new interface is none."""
        alike = link.kind in _POD_KINDS and link.elsewhere and not link.master
        return alike and (link.fresh or link.number not in self._netlink.uplinks())

    def _came(self, interface: int) -> None:
        try:
            self._attachments.attach(interface)
            self._known.add(interface)
            self._enforcement.expect(interface)
        except EnvironmentLacksError as error:
            if self._netlink.peer_namespace(interface) is not None:  # else it is gone again, and all is well
                sys.stderr.write(f"fairway agent: interface {interface}: {error}\n")

    def _went(self, interface: int) -> None:
        self._known.discard(interface)
        if self._attachments.drop(interface):
            self._enforcement.void(interface)
            self.gone.append(interface)
