"""Rules with domain names: a resolver's answer is known before it arrives; what anybody else says is not."""

import os
import signal
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel, record
from fairway.wire.address import packed
from fairway.wire.rules import FIRST_POLICY, NodeFeed, NodePod, PodRules, Row, RuleTable
from fairway.wire.words import ANY_PROTOCOL, Direction, Mode, Slot
from support import frames as f
from support.dns import CNAME, A, answer, of, query, wire
from support.net import Host, net
from support.pod import UID, PodUnderTest
from support.stage import Stage, wait_for
from support.watched import running, watch

RESOLVER, OTHER = "10.96.0.10", "10.96.0.11"
ADDRESS, ADDRESS6 = "198.51.100.7", "2001:db8:7::7"
API, CDN, BELOW = 100, 101, 102
HTTPS = 443


@pytest.fixture
def pod(kernel: Kernel) -> PodUnderTest:
    pod = PodUnderTest(kernel)
    obey(pod)
    return pod


def obey(pod: PodUnderTest, *, slot: Slot = Slot.ACTIVE, names: bool = True, mode: Mode = Mode.ENFORCE) -> None:
    """DNS at both servers is open; HTTPS to three names; one of the servers is the resolver."""
    egress = Direction.EGRESS
    rows = [Row(FIRST_POLICY, 1, egress, f.UDP, 53, 53, 1)]
    rows += [Row(FIRST_POLICY, name, egress, f.TCP, HTTPS, HTTPS, 2) for name in (API, CDN, BELOW)]
    pod.revision += 1
    pod.obey(
        RuleTable(
            pod.revision,
            exact=((RESOLVER, 1), (OTHER, 1)),
            rows=tuple(rows),
            pods=(PodRules(UID, **{slot.name.lower(): (0, FIRST_POLICY)}, mode=(Mode.OFF, mode)),),
            names=(("api.example.com", API), ("cdn.example.net", CDN), ("*.below.example.org", BELOW)) * names,
            resolvers=(RESOLVER,),
            rules=("", "dns", "by name"),
        )
    )


def ask(pod: PodUnderTest, name: str, *, server: str = RESOLVER, sport: int = 40000, number: int = 7) -> None:
    assert pod.sends(f.ip(pod.address, server, f.UDP, f.udp(sport, 53, query(name, number))))


def hear(pod: PodUnderTest, content: bytes, *, server: str = RESOLVER, sport: int = 40000) -> None:
    pod.gets(f.ip(server, pod.address, f.UDP, f.udp(53, sport, content)))


def connects(pod: PodUnderTest, address: str = ADDRESS, port: int = HTTPS, sport: int = 50000) -> bool:
    return pod.opens(address, f.TCP, port, sport)


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS6])
def test_the_first_syn_after_an_answer_passes(pod: PodUnderTest, address: str) -> None:
    assert not connects(pod, address)
    ask(pod, "api.example.com")
    hear(pod, answer("api.example.com", of(address)))
    assert connects(pod, address)
    assert not connects(pod, address, port=80), "the rule's port only"
    assert pod.flow(remote_port=HTTPS)["rule"][0] == 2


@pytest.mark.parametrize(
    ("name", "learned"),
    [
        ("api.example.com", True),
        ("API.Example.COM", True),
        ("xapi.example.com", False),
        ("x.api.example.com", False),
        ("example.com", False),
        ("a.below.example.org", True),
        ("b.a.below.example.org", True),
        ("A.BELOW.example.ORG", True),
        ("below.example.org", False),
        ("xbelow.example.org", False),
        ("a.below.example.org.evil.test", False),
        ("x" * 60 + "." + "y" * 44 + ".below.example.org", True),
        ("x" * 60 + "." + "y" * 60 + ".below.example.org", False),  # longer than is compared
        ("a.b.c.d.e.f.g.h.below.example.org", True),
        ("a.b.c.d.e.f.g.h.i.j.k.l.m.below.example.org", False),  # more labels than are walked
    ],
)
def test_names(pod: PodUnderTest, name: str, learned: bool) -> None:
    ask(pod, name)
    hear(pod, answer(name, of(ADDRESS)))
    assert connects(pod) is learned


def test_answers_are_counted_by_their_code_and_only_the_resolvers(pod: PodUnderTest) -> None:
    codes = {0: "noerror", 2: "servfail", 3: "nxdomain", 5: "refused", 4: "other", 9: "other"}
    before = pod.kernel.counters()
    for code in codes:
        hear(pod, answer("api.example.com", flags=0x8180 | code))
    hear(pod, answer("api.example.com", flags=0x8182), server=OTHER)
    hear(pod, query("api.example.com"))
    now = pod.kernel.counters()
    counted = {name: now[f"dns_{name}"] - before[f"dns_{name}"] for name in codes.values()}
    assert counted == {"noerror": 1, "servfail": 1, "nxdomain": 1, "refused": 1, "other": 2}


def test_a_chain_of_aliases_and_several_addresses(pod: PodUnderTest) -> None:
    target, others = wire("edge.cdn.test"), ["198.51.100.1", "198.51.100.2"]
    ask(pod, "cdn.example.net")
    alias = (b"\xc0\x0c", CNAME, 60, target)
    hear(pod, answer("cdn.example.net", alias, *(of(other, owner=target) for other in others)))
    assert [connects(pod, other) for other in others] == [True, True]


@pytest.mark.parametrize(
    "lie",
    [
        "nobody asked",
        "another number",
        "another port",
        "another server, that was asked",
        "another server, that was not asked",
        "not an answer",
        "an error",
    ],
)
def test_what_was_not_asked_of_the_resolver_is_not_believed(pod: PodUnderTest, lie: str) -> None:
    server = OTHER if lie.startswith("another server") else RESOLVER
    if lie != "nobody asked":
        ask(pod, "api.example.com", server=OTHER if lie == "another server, that was asked" else RESOLVER)
    number = 8 if lie == "another number" else 7
    flags = {"not an answer": 0x0100, "an error": 0x8183}.get(lie, 0x8180)
    content = answer("api.example.com", of(ADDRESS), number=number, flags=flags)
    hear(pod, content, server=server, sport=40001 if lie == "another port" else 40000)
    assert not connects(pod)


def test_an_answer_is_believed_once(pod: PodUnderTest) -> None:
    ask(pod, "api.example.com")
    hear(pod, answer("api.example.com", of(ADDRESS)))
    hear(pod, answer("api.example.com", of("198.51.100.66")))
    assert [connects(pod, ADDRESS), connects(pod, "198.51.100.66")] == [True, False]


def expire(pod: PodUnderTest, address: str = ADDRESS) -> int:
    """Let what is known of an address be over; for how many seconds it would have held."""
    table = pod.kernel.tables["learned"]
    key = record(table.key, 4, packed(address))
    value = table.get(key)
    assert value is not None
    left = int(value["expires"].max())
    value["expires"][:] = np.minimum(value["expires"], 1)
    table.set(key, value)
    return round((left - time.monotonic_ns()) / 1e9)


def test_the_time_to_live_is_obeyed(pod: PodUnderTest) -> None:
    ask(pod, "api.example.com")
    hear(pod, answer("api.example.com", of(ADDRESS, ttl=300)))
    assert connects(pod)
    assert 290 <= expire(pod) <= 302
    assert not connects(pod, sport=50001)
    later = f.ip(pod.address, ADDRESS, f.TCP, f.tcp(50000, HTTPS, f.ACK))
    assert pod.sends(later)
    obey(pod)
    assert pod.sends(later), "an open connection is not cut because its name's time is over"
    assert not connects(pod, sport=50000), "its next one is judged as any other"
    ask(pod, "api.example.com")
    hear(pod, answer("api.example.com", of(ADDRESS)))
    assert connects(pod, sport=50001)


def test_what_is_known_outlives_a_change_of_rules(pod: PodUnderTest) -> None:
    ask(pod, "api.example.com")
    hear(pod, answer("api.example.com", of(ADDRESS)))
    obey(pod)
    assert connects(pod)
    obey(pod, names=False)
    assert not connects(pod)
    assert len(pod.kernel.tables["names"].read()[0]) == 0


def test_an_address_of_several_names(pod: PodUnderTest) -> None:
    for number, name in enumerate(("api.example.com", "a.below.example.org", "cdn.example.net")):
        ask(pod, name, number=number)
        hear(pod, answer(name, of(ADDRESS), number=number))
    table = pod.kernel.tables["learned"]
    value = table.get(record(table.key, 4, packed(ADDRESS)))
    assert value is not None
    assert np.count_nonzero(value["name"]) == 3


def test_names_on_trial(pod: PodUnderTest) -> None:
    obey(pod, slot=Slot.STAGED)
    ask(pod, "api.example.com")
    hear(pod, answer("api.example.com", of(ADDRESS)))
    assert connects(pod)
    assert connects(pod, "198.51.100.8", sport=50001)
    assert pod.flow(local_port=50000)["verdict"][1] == 1
    assert pod.flow(local_port=50001)["verdict"][1] == 2


@pytest.mark.parametrize(
    "content",
    [
        answer("api.example.com", of(ADDRESS))[:-1],
        answer("api.example.com", of(ADDRESS))[:40],
        answer("api.example.com", (b"\x3f" * 200, A, 60, b"abcd")),
        answer("api.example.com", of(ADDRESS), flags=0x8380),
        answer("api.example.com", *(of(f"198.51.100.{i}") for i in range(40))),
    ],
    ids=["cut", "cut early", "endless name", "truncated", "more records than are read"],
)
def test_what_cannot_be_followed_is_counted(pod: PodUnderTest, content: bytes) -> None:
    ask(pod, "api.example.com")
    hear(pod, content)
    assert pod.kernel.counters()["answers_unread"] == 1


RESOLVE = """
import socket, struct, sys
resolver, count = sys.argv[1], int(sys.argv[2])
name = b"".join(bytes([len(l)]) + l for l in b"api.example.com".split(b".")) + b"\\0"
lost = 0
with socket.socket(type=socket.SOCK_DGRAM) as dns:
    dns.connect((resolver, 53))
    for number in range(count):
        dns.send(struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + name + struct.pack("!2H", 1, 1))
        address = socket.inet_ntoa(dns.recv(512)[-4:])
        with socket.socket() as s:
            s.settimeout(0.5)
            try:
                s.connect((address, 443))
            except TimeoutError:
                lost += 1
print(lost)
"""
SERVE = """
import select, socket, struct
dns = socket.socket(type=socket.SOCK_DGRAM)
dns.bind(("", 53))
web = socket.create_server(("", 443), backlog=128)
print("up", flush=True)
answered = 0
while True:
    for ready in select.select([dns, web], [], [])[0]:
        if ready is web:
            web.accept()[0].close()
            continue
        asked, client = dns.recvfrom(512)
        answered += 1
        address = bytes([10, 77, answered >> 8, answered & 255])
        head = asked[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + asked[12:]
        dns.sendto(head + b"\\xc0\\x0c" + struct.pack("!2HIH", 1, 1, 60, 4) + address, client)
"""


def web_of_names(node: Host, server: Host) -> RuleTable:
    """The first pod may ask the server, and connect to what it says is `api.example.com`; nothing else."""
    server.run("ip", "route", "add", "local", "10.77.0.0/16", "dev", "lo")
    node.run("ip", "route", "add", "10.77.0.0/16", "via", server.v4, "dev", "pod1", "onlink")
    rows = (
        Row(FIRST_POLICY, 1, Direction.EGRESS, f.UDP, 53, 53, 0),
        Row(FIRST_POLICY, API, Direction.EGRESS, ANY_PROTOCOL, 0, 65535, 0),
    )
    pods = (PodRules("uid-0", active=(0, FIRST_POLICY), mode=(Mode.OFF, Mode.ENFORCE)),)
    return RuleTable(1, exact=((server.v4, 1),), rows=rows, pods=pods, names=(("api.example.com", API),))


def test_no_first_syn_is_lost_on_real_packets(kernel: Kernel) -> None:
    """Each answer has an address that nobody knew; the connection follows at once."""
    with watch(kernel) as watched:
        table = web_of_names(watched.net.node, watched.server)
        watched.obey(msgspec.structs.replace(table, resolvers=(watched.server.v4,)))
        with running(watched.server, sys.executable, "-u", "-c", SERVE, ready="up"):
            done = watched.client.run(sys.executable, "-c", RESOLVE, watched.server.v4, "1000")
    assert done.stdout == "0\n"


def test_an_agent_is_told_whom_to_believe_beside_the_clusters_own(kernel: Kernel, tmp_path: Path) -> None:
    settings = tmp_path / "agent.yaml"
    settings.write_text("top: 500\n")
    with net() as made:
        stage = Stage(made, tmp_path, ROOT / f"fairway-test-names-{os.getpid()}")
        client, server = made.pods
        stage.revision = 1
        pods = tuple(NodePod(f"uid-{i}", "test", f"pod-{i}", (pod.v4,)) for i, pod in enumerate(made.pods))
        stage.write(NodeFeed("node", pods, web_of_names(made.node, server)))
        try:
            stage.start("--config", str(settings), pins=False)
            with running(server, sys.executable, "-u", "-c", SERVE, ready="up"):
                assert client.run(sys.executable, "-c", RESOLVE, server.v4, "2").stdout == "2\n"
                settings.write_text(f"resolvers: {server.v4}\n")
                stage.agent.send_signal(signal.SIGHUP)
                wait_for(lambda: "settings read anew" in stage.log.read_text())
                assert client.run(sys.executable, "-c", RESOLVE, server.v4, "20").stdout == "0\n"
        finally:
            if stage.agent:
                stage.kill()
