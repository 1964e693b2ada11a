"""Pods that come and go: attached before their first packet, and nothing is left of them or handed on."""

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairway.agent import netlink
from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.wire import batch
from fairway.wire.address import text
from fairway.wire.rules import OPEN, NodeFeed, NodePod, PodRules, RuleTable
from fairway.wire.words import Mode, Posture
from support.net import Net, ip, net, wire
from support.stage import Stage, wait_for

PODS = int(os.environ.get("FAIRWAY_NEW_PODS", "200"))
UDP = 17
OUTSIDE = "10.0.9.9"
PORT = 9
USUAL = ("--interval", "10")
A_START = 0.25
"""Seconds that a container takes at least from its interface to its first process."""


class Crowd:
    """A node without pods, with an agent. In each new pod a process sends to OUTSIDE at once, which sends to it."""

    def __init__(self, made: Net, folder: Path, pins: Path) -> None:
        self.net, self.stage = made, Stage(made, folder, pins)
        made.node.run("ip", "addr", "add", f"{OUTSIDE}/32", "dev", "lo")
        self.outside = made.node.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outside.bind((OUTSIDE, PORT))
        self.inside = [host.socket(socket.AF_INET, socket.SOCK_DGRAM) for host in made.waiting]
        for one in self.inside:
            one.bind(("", PORT))

    def feed(self, posture: Posture, *named: int, rules: tuple[PodRules, ...] = ()) -> None:
        pods = tuple(NodePod(f"uid-{i}", "test", f"pod-{i}", (self.net.waiting[i].v4,)) for i in named)
        self.stage.revision += 1
        table = RuleTable(self.stage.revision, posture=posture, pods=rules, local=(self.net.node.v4,))
        self.stage.write(NodeFeed("node", pods, table))
        if self.stage.agent:
            self.stage.applied()

    def come(self, *numbers: int, options: str = "") -> set[int]:
        """Make pods one after the other; those whose process was heard outside."""
        for number in numbers:
            pod = self.net.waiting[number]
            before = self._attached()
            wire(self.net.node, pod, f"pod{number}", options)
            # No container's process runs sooner than that; without a load the agent needs a fiftieth of it.
            deadline = time.monotonic() + A_START
            while self._attached() == before and time.monotonic() < deadline:
                time.sleep(0.002)
            self._talk(number)
        return self.heard_outside()

    def _attached(self) -> set[str]:
        links = self.stage.pins / "links"
        return {path.name for path in links.iterdir() if path.name.endswith("to_pod")} if links.exists() else set()

    def talk(self, number: int) -> bool:
        """Whether a pod that is there is heard outside."""
        self._talk(number)
        return bool(self.heard_outside())

    def _talk(self, number: int) -> None:
        pod = self.net.waiting[number]
        self.outside.sendto(b"hello", (pod.v4, PORT))
        pod.run("bash", "-c", f"echo {number} > /dev/udp/{OUTSIDE}/{PORT}")

    def go(self, *numbers: int) -> None:
        ip(*(f"link del pod{number}" for number in numbers), namespace=self.net.node.namespace)

    def heard_outside(self) -> set[int]:
        return {int(data) for data in received(self.outside)}

    def heard_inside(self) -> list[int]:
        return [number for number, one in enumerate(self.inside) if received(one)]

    def close(self) -> None:
        if self.stage.agent:
            self.stage.kill()
        for one in (self.outside, *self.inside):
            one.close()
        shutil.rmtree(self.stage.pins, ignore_errors=True)


def received(one: socket.socket) -> list[bytes]:
    got = []
    with contextlib.suppress(BlockingIOError):
        while True:
            got.append(one.recv(64, socket.MSG_DONTWAIT))
    return got


@contextlib.contextmanager
def crowd_of(pods: int, folder: Path) -> Iterator[Crowd]:
    with net(pods=0, waiting=pods) as made:
        crowd = Crowd(made, folder, ROOT / f"fairway-test-links-{os.getpid()}")
        try:
            yield crowd
        finally:
            crowd.close()


@pytest.fixture
def crowd(kernel: Kernel, tmp_path: Path) -> Iterator[Crowd]:
    with crowd_of(PODS, tmp_path) as made:
        yield made


@pytest.fixture
def few(kernel: Kernel, tmp_path: Path) -> Iterator[Crowd]:
    with crowd_of(3, tmp_path) as made:
        yield made


def test_new_pods_leak_nothing_where_the_posture_denies(crowd: Crowd) -> None:
    crowd.feed(Posture.DENY)
    crowd.stage.start(*USUAL)
    assert crowd.come(*range(PODS)) == set()
    assert crowd.heard_inside() == []


def test_new_pods_lose_nothing_where_the_posture_allows(crowd: Crowd) -> None:
    crowd.feed(Posture.ALLOW)
    crowd.stage.start(*USUAL)
    everyone, outside, inside = set(range(PODS)), set[int](), set[int]()
    outside |= crowd.come(*everyone)

    def all_heard() -> bool:
        """A busy kernel brings an interface up late, and loses what came before."""
        outside.update(crowd.heard_outside())
        inside.update(crowd.heard_inside())
        for number in everyone - (outside & inside):
            outside.update({number} if crowd.talk(number) else ())
        return outside == inside == everyone

    wait_for(all_heard)
    kernel = Kernel(crowd.stage.pins)
    assert kernel.counters()["denied"] == 0
    kernel.close()
    crowd.feed(Posture.ALLOW, *everyone)
    addresses = {pod.v4 for pod in crowd.net.waiting}

    def told(kind: int) -> set[str]:
        return {text(bytes(one)) for one in crowd.stage.rows(kind, protocol=UDP)["pod_address"]}

    wait_for(lambda: told(batch.EDGE) == addresses)


@pytest.mark.parametrize("hook", ["auto", "clsact"])
def test_pods_that_go_leave_nothing(few: Crowd, hook: str) -> None:
    few.feed(Posture.ALLOW, 0, 1)
    few.stage.start("--hook", hook)
    few.come(0, 1, 2)
    wait_for(lambda: len(few.stage.batches()[-1].header.pods) == 2)
    kernel = Kernel(few.stage.pins)

    def interfaces(table: str) -> set[int]:
        keys = kernel.tables[table].read()[0]
        return set((keys["ifindex"] if keys.dtype.names else keys).tolist())

    wait_for(lambda: len(interfaces("pods")) == 3)  # two by name, one by the posture
    wait_for(lambda: interfaces("flows") == interfaces("pods"))
    few.go(0, 1, 2)
    for table in ("pods", "flows", "denials"):
        wait_for(lambda name=table: not len(kernel.tables[name].read()[0]))
    wait_for(lambda: not list((few.stage.pins / "links").iterdir()))
    kernel.close()


def test_a_pod_that_went_before_it_had_a_name_is_told_of_all_the_same(few: Crowd) -> None:
    few.feed(Posture.ALLOW, 1)
    few.stage.start()

    def told(number: int) -> bool:
        edges = few.stage.rows(batch.EDGE, protocol=UDP)
        return few.net.waiting[number].v4 in {text(bytes(one)) for one in edges["pod_address"]}

    few.come(0, 1)
    wait_for(lambda: few.talk(0))
    # Events come in order: what the other one does later is told after the first one's was looked at.
    before = len(few.stage.batches())
    few.feed(Posture.ALLOW, 1)
    wait_for(lambda: few.talk(1) and told(1) and len(few.stage.batches()) > before)
    few.go(0)
    wait_for(lambda: not few.stage.net.node.run("ip", "-br", "link").stdout.count("pod0"))
    assert not told(0)
    few.feed(Posture.ALLOW, 0, 1)
    wait_for(lambda: told(0))
    [header] = {
        one.header.pods[row["pod"]].uid
        for one in few.stage.batches()
        for row in one.rows
        if row["kind"] == batch.EDGE and text(bytes(row["pod_address"])) == few.net.waiting[0].v4
    }
    assert header == "uid-0"


def test_the_next_interface_of_a_number_inherits_nothing(few: Crowd) -> None:
    everything = (PodRules("uid-0", active=(OPEN, OPEN), mode=(Mode.ENFORCE, Mode.ENFORCE)),)
    few.feed(Posture.DENY, 0, rules=everything)
    few.stage.start()
    few.come(0, options="index 4000")
    wait_for(lambda: few.talk(0))
    few.talk(0)  # named by now, for what comes in as for what goes out
    few.go(0)
    assert few.come(1, options="index 4000") == set()
    assert few.heard_inside() == [0]


def test_the_nodes_own_way_out_is_left_alone(few: Crowd) -> None:
    """It looks like a pod's interface where the node is itself a container."""
    few.feed(Posture.DENY)
    wire(few.net.node, few.net.waiting[2], "wan0")
    few.net.node.run("ip", "route", "add", "default", "dev", "wan0")
    few.stage.start()
    assert few.come(0) == set(), "the posture is in force"
    wait_for(lambda: few.talk(2))


def test_a_pod_that_is_gone_is_not_looked_for_on_the_nodes_own_way_out(few: Crowd) -> None:
    """The feed may name it for a while, and the route to it leads out."""
    few.feed(Posture.ALLOW)
    wire(few.net.node, few.net.waiting[2], "wan0")
    few.net.node.run("ip", "route", "add", "default", "dev", "wan0")
    few.stage.start()
    few.come(0)
    wait_for(lambda: few.talk(0))
    few.feed(Posture.DENY, 0)
    assert not few.talk(0)
    few.go(0)
    few.feed(Posture.DENY, 0)
    wait_for(lambda: few.talk(2))


def test_news_that_did_not_fit_are_told_as_lost(few: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """And looking at all interfaces, which is what follows, finds what they were about."""
    monkeypatch.setattr(netlink, "_RECEIVE_BYTES", 0)
    made: list[netlink.LinkNews] = []
    few.net.node.inside(lambda: made.append(netlink.LinkNews()))
    for number in range(3):
        wire(few.net.node, few.net.waiting[number], f"pod{number}")
    with contextlib.closing(made[0]) as news, pytest.raises(netlink.OverrunError):
        list(iter(news.read, None))
    found: list[netlink.Link] = []

    def look() -> None:
        with contextlib.closing(netlink.Netlink()) as one:
            found.extend(one.links())

    few.net.node.inside(look)
    assert [(link.kind, link.elsewhere, link.master) for link in found if link.number > 1] == [
        ("veth", True, 0)
    ] * 3
