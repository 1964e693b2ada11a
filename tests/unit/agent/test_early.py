"""First sights that wait for a name: while their interface is there, and after it went."""

from typing import cast

import numpy as np
import pytest

from fairway.agent import early
from fairway.agent.early import Early
from fairway.agent.netlink import Netlink
from fairway.wire.address import packed
from fairway.wire.rules import NodePod

EVENT = np.dtype([("key", [("ifindex", "<u4")]), ("at", "<u8")])
WEB, JOB = NodePod("web", "shop", "web", ("10.0.0.1",)), NodePod("job", "shop", "job", ("10.0.0.2", "fd00::2"))


class Node:
    """Addresses by the number of the interface that they are behind; no kernel is at hand here."""

    def __init__(self) -> None:
        self.behind: dict[int, tuple[str, ...]] = {}

    def peer_namespace(self, interface: int) -> int | None:
        return interface if interface in self.behind else None

    def addresses_in(self, namespace: int) -> frozenset[bytes]:
        return frozenset(map(packed, ("127.0.0.1", "::1", "fe80::1", *self.behind[namespace])))


def seen(*interfaces: int) -> np.ndarray:
    events = np.zeros(len(interfaces), EVENT)
    events["key"]["ifindex"] = interfaces
    return events


def test_what_went_is_whose_address_it_had_and_nobody_elses() -> None:
    node = Node()
    waiting = Early(seen(), cast(Netlink, node))
    assert waiting.sort(seen(7, 3), [7], [3])["key"]["ifindex"].tolist() == [3]
    node.behind[7] = ()  # it has no address of its own yet
    assert len(waiting.sort(seen(7), [7], [3])) == 0
    node.behind[7] = ("10.0.0.2",)
    waiting.sort(seen(), [7], [3])
    assert len(waiting) == 2
    assert list(waiting.claimed([WEB, JOB], [WEB])) == [], "it is still there"
    waiting.sort(seen(), [], [3])
    assert len(waiting) == 0
    assert list(waiting.claimed([WEB], [WEB])) == []
    assert list(waiting.claimed([WEB, JOB], [WEB, JOB])) == [], "that one is there: who went had only its address"
    [(pod, interface, events)] = waiting.claimed([WEB, JOB], [WEB])
    assert (pod, interface, len(events)) == (JOB, 7, 2)
    assert list(waiting.claimed([WEB, JOB], [WEB])) == [], "once"


def test_who_was_never_seen_and_who_is_not_named_in_time_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node()
    waiting = Early(seen(), cast(Netlink, node))
    waiting.sort(seen(7), [7], [])
    waiting.sort(seen(), [], [])
    assert list(waiting.claimed([JOB], [])) == [], "nobody saw who was behind it"
    node.behind[8] = JOB.addresses
    waiting.sort(seen(8), [8], [])
    waiting.sort(seen(), [], [])
    now = early.time.monotonic()
    monkeypatch.setattr(early.time, "monotonic", lambda: now + early.PATIENCE + 1)
    assert list(waiting.claimed([], [])) == []
    assert list(waiting.claimed([JOB], [])) == []
