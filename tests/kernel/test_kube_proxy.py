"""Services on a node as in a cluster: pods behind a bridge or routed, both families, kube-proxy's own rules; the
rules obeyed are compiled from the cluster's objects."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.hub.control import node_feeds
from fairway.hub.intent import Intent
from fairway.hub.surroundings import Orders
from fairway.policy.model import PolicySet
from fairway.wire import batch
from fairway.wire.address import text
from fairway.wire.words import Mode
from support import bridged, objects
from support.kubeproxy import Served, ruleset
from support.net import Host, Net, ip, net, wire
from support.stage import Stage, wait_for
from support.watched import running

BACKEND, PORT = 8080, 80
SHARED, KEPT = 30080, 30081
"""NodePorts: of the Service that hides who asks, and of the one that does not."""
SAYS_WHO = """
import socket, sys
s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("up", flush=True)
while True:
    c, peer = s.accept()
    with c:
        c.sendall((sys.argv[2] + " " + peer[0].removeprefix("::ffff:")).encode())
"""
ASKS = """
import socket, sys
for _ in range(int(sys.argv[3])):
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=0.3) as c:
            print(c.recv(100).decode())
    except OSError:
        print("closed")
"""
CLOSED = "closed"
Answers = frozenset[str]
"""What came back: which backend, and whom it saw."""


@dataclass(frozen=True)
class Family:
    """The addresses of one: of pods (client, near, far), Services (one, and one that keeps the source), the node
    and a host outside, as numbers that `net` makes are not of a pod network."""

    pods: str
    far: str
    web: str
    kept: str
    node: str
    outside: str


FOUR = Family("10.244.0.0/16", "10.244.1.2", "10.96.0.80", "10.96.0.81", "192.0.2.1", "192.0.2.2")
SIX = Family("fd00:244::/32", "fd00:244:1::2", "fd00:96::80", "fd00:96::81", "2001:db8:2::1", "2001:db8:2::2")


@dataclass(frozen=True)
class Place:
    """A node with its client and its near backend; `elsewhere` is outside, and where the far backend runs."""

    net: Net
    stage: Stage
    v4: tuple[str, str]
    v6: tuple[str, str]

    @property
    def client(self) -> Host:
        return self.net.waiting[0]

    @property
    def near(self) -> Host:
        return self.net.waiting[1]

    @property
    def elsewhere(self) -> Host:
        return self.net.waiting[2]

    def ends(self, of: Family) -> tuple[str, str]:
        """The addresses of the client and of the near backend."""
        return self.v4 if of is FOUR else self.v6

    def asks(self, host: Host, address: str, port: int, tries: int = 8) -> Answers:
        return frozenset(host.run(sys.executable, "-c", ASKS, address, str(port), str(tries)).stdout.splitlines())

    def gets(self, host: Host, address: str, port: int, *answers: str) -> None:
        """These are the answers. A busy machine may be late with one, but none may come that is not among them."""
        seen: set[str] = set()

        def all_seen() -> bool:
            found = self.asks(host, address, port)
            assert found <= {*answers, CLOSED}, (address, port)
            seen.update(found & set(answers))
            return seen == set(answers)

        wait_for(all_seen)


@pytest.fixture(params=["bridge", "routed"])
def place(request: pytest.FixtureRequest, kernel: Kernel, tmp_path: Path) -> Iterator[Place]:
    with net(pods=0, waiting=3) as made:
        node, elsewhere = made.node, made.waiting[2]
        if request.param == "bridge":
            bridged.bridge(node, *made.waiting[:2])
            ends, ends6 = bridged.V4[:2], bridged.V6[:2]
        else:
            _route(made)
            ends, ends6 = ("10.244.0.2", "10.244.0.3"), ("fd00:244::2", "fd00:244::3")
        _join(node, elsewhere)
        pins = ROOT / f"fairway-test-proxy-{os.getpid()}"
        stage = Stage(made, tmp_path, pins)
        found = Place(made, stage, (ends[0], ends[1]), (ends6[0], ends6[1]))
        for of in (FOUR, SIX):
            node.run("nft", "-f", "-", input=_services(found, of))
        try:
            with contextlib.ExitStack() as servers:
                for host, name in ((found.client, "self"), (found.near, "near"), (elsewhere, "far")):
                    command = (sys.executable, "-u", "-c", SAYS_WHO, str(BACKEND), name)
                    servers.enter_context(running(host, *command, ready="up"))
                yield found
        finally:
            if stage.agent:
                stage.kill()
            shutil.rmtree(pins, ignore_errors=True)


def _route(made: Net) -> None:
    """As ptp and the clouds' plugins do it, at the addresses of the pod network."""
    for number, host in enumerate(made.waiting[:2]):
        wire(made.node, Host(host.namespace, f"10.244.0.{2 + number}", f"fd00:244::{2 + number}"), f"pod{number}")


def _join(node: Host, elsewhere: Host) -> None:
    ip(f"link add up0 netns {node.namespace} type veth peer name up0 netns {elsewhere.namespace}")
    ip(
        "link set up0 up",
        f"addr add {FOUR.node}/30 dev up0",
        f"addr add {SIX.node}/64 dev up0 nodad",
        f"route add {FOUR.far} via {FOUR.outside}",
        f"route add {SIX.far} via {SIX.outside}",
        namespace=node.namespace,
    )
    ip(
        "link set lo up",
        "link set up0 up",
        f"addr add {FOUR.outside}/30 dev up0",
        f"addr add {SIX.outside}/64 dev up0 nodad",
        f"addr add {FOUR.far}/32 dev lo",
        f"addr add {SIX.far}/128 dev lo nodad",
        f"route add 10.244.0.0/24 via {FOUR.node}",
        f"route add fd00:244::/64 via {SIX.node}",
        namespace=elsewhere.namespace,
    )


def _services(place: Place, of: Family) -> str:
    near = place.ends(of)[1]
    both, local = ((near, BACKEND), (of.far, BACKEND)), ((near, BACKEND),)
    served = (
        Served("shop/web", of.web, PORT, SHARED, both),
        Served("shop/kept", of.kept, PORT, KEPT, both, local, keeps_source=True),
    )
    return ruleset(served, of.node, of.pods)


def obey(place: Place, *policies: dict[str, Any], mode: Mode = Mode.ENFORCE) -> None:
    """Give the agent what the hub would of these policies, and start it if need be."""
    backends = {"near": (place.v4[1], place.v6[1]), "far": (FOUR.far, SIX.far)}
    http = [{"name": "http", "port": PORT, "targetPort": BACKEND}]
    cluster = objects.cluster(
        objects.namespace("shop"),
        objects.node("node", FOUR.node, SIX.node),
        objects.node("other", FOUR.outside, SIX.outside),
        objects.pod("shop/client", place.v4[0], place.v6[0], labels={"app": "client"}, on="node"),
        *(
            objects.pod(f"shop/{name}", *at, labels={"app": "web", "at": name}, ports={"http": BACKEND}, on=node)
            for (name, at), node in zip(backends.items(), ("node", "other"), strict=True)
        ),
        *(
            objects.service(f"shop/{name}", *at, selector={"app": "web"}, ports=http)
            for name, at in (("web", (FOUR.web, SIX.web)), ("kept", (FOUR.kept, SIX.kept)))
        ),
        *policies,
    )
    place.stage.revision += 1
    orders = Orders(PolicySet(cluster.policies), usual=mode)
    place.stage.write(node_feeds(cluster, Intent(), place.stage.revision, orders=orders)["node"])
    if place.stage.agent is None:
        place.stage.start()
    wait_for(lambda: place.stage.batches()[-1].header.revision == place.stage.revision)
    wait_for(lambda: len(place.stage.batches()[-1].header.pods) == 2)


def only(*peers: dict[str, Any]) -> dict[str, Any]:
    """Into the backends only these may."""
    rule = {"from": list(peers), "ports": [{"port": BACKEND}]}
    selector = {"matchLabels": {"app": "web"}}
    return objects.policy(
        "shop/web", podSelector=selector, policyTypes=["Ingress"], ingress=[rule] if peers else []
    )


def leaving(where: str) -> dict[str, Any]:
    """The client may open a connection to one of the two backends."""
    peer = {"podSelector": {"matchLabels": {"at": where}}}
    selector = {"matchLabels": {"app": "client"}}
    rule = {"to": [peer], "ports": [{"port": BACKEND}]}
    return objects.policy("shop/client", podSelector=selector, policyTypes=["Egress"], egress=[rule])


@pytest.mark.parametrize(
    ("place", "of"), [("bridge", FOUR), ("routed", SIX)], indirect=["place"], ids=["bridge-v4", "routed-v6"]
)
def test_services_are_seen_and_judged_by_who_asks_and_who_answers(place: Place, of: Family) -> None:
    client, near = place.ends(of)
    both = (f"near {client}", f"far {client}")
    obey(place, mode=Mode.OFF)
    place.gets(place.client, of.web, PORT, *both)
    # The client's end tells the Service that was dialled, the backend's who asked.
    wait_for(lambda: {of.web, client} <= _told(place))

    # Who asks is judged at the backend, by its own address wherever that is kept.
    obey(place, only({"podSelector": {"matchLabels": {"app": "client"}}}))
    place.gets(place.client, of.web, PORT, *both)
    place.gets(place.client, of.node, KEPT, *both)  # kube-proxy takes a pod the short way
    assert place.asks(place.elsewhere, near, BACKEND, 2) == {CLOSED}
    assert place.asks(place.elsewhere, of.node, KEPT, 2) == {CLOSED}
    obey(place, only({"ipBlock": {"cidr": f"{of.outside}/{128 if of is SIX else 32}"}}))
    place.gets(place.elsewhere, of.node, KEPT, f"near {of.outside}")
    assert place.asks(place.client, near, BACKEND, 2) == {CLOSED}
    assert f"near {client}" not in place.asks(place.client, of.web, PORT)

    # Where the node's address hides who asks, that is the node itself to its own pods, which always may.
    obey(place, only())
    hidden = {one for one in place.asks(place.elsewhere, of.node, SHARED, 20) if one.startswith("near ")}
    assert hidden
    assert f"near {of.outside}" not in hidden

    # Where the client may reach one backend only, each connection is judged by the one that it was given.
    for name in ("near", "far"):
        obey(place, leaving(name))
        place.gets(place.client, of.web, PORT, f"{name} {client}", CLOSED)


def test_a_pod_behind_a_service_reaches_itself(place: Place) -> None:
    """The node hides it then; its own way to itself is nobody's to deny."""
    obey(place, only())
    for of in (FOUR, SIX):
        near = place.ends(of)[1]
        wait_for(lambda of=of: any(one.startswith("near ") for one in place.asks(place.near, of.web, PORT)))
        assert f"near {near}" not in place.asks(place.near, of.web, PORT)


def _told(place: Place) -> set[str]:
    return {text(bytes(one)) for one in place.stage.rows(batch.EDGE)["remote_address"]}
