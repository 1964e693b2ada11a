"""Services whose backends differ: each connection is judged by the backend it really goes to."""

import contextlib
import json
from collections.abc import Iterator

import pytest

from fairway.agent.kernel import Kernel
from fairway.agent.uplinks import Uplinks
from fairway.wire.address import packed, text
from fairway.wire.rules import FIRST_POLICY, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Initiator, Mode, Reason, Verdict
from support.net import ip
from support.watched import PORT, Watched, client, echo, running, watch

SERVICE, SERVICE6 = "10.96.0.80", "fd00:96::80"
TCP, UDP = 6, 17
ALLOWED, DENIED, FRONT = 1, 2, 3
REMOTE = ("10.0.2.10", "10.0.2.11")
TRY = """
results = []
for _ in range(6):
    with socket.socket(socket.AF_INET6 if ":" in "{address}" else socket.AF_INET, socket.{kind}) as c:
        c.settimeout(0.4)
        try:
            c.connect(("{address}", {port}))
            c.send(b"x")
            results.append(c.recv(1) == b"x")
        except TimeoutError:
            results.append(False)
print(results)
"""
ECHO_UDP = """
import select, socket, sys
sockets = []
for address in sys.argv[2:]:
    sockets.append(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM))
    sockets[-1].bind((address, int(sys.argv[1])))
print("up", flush=True)
while True:
    for one in select.select(sockets, [], [])[0]:
        data, peer = one.recvfrom(2048)
        one.sendto(data, peer)
"""
"""A socket for each address: what answers must answer from where it was asked."""


@pytest.fixture
def watched(kernel: Kernel) -> Iterator[Watched]:
    """A client, two backends on its node, and two addresses of a backend on another."""
    with watch(kernel, pods=4) as watched:
        node, elsewhere = watched.net.node, watched.net.pods[3]
        ip(f"link add up0 netns {node.namespace} type veth peer name up0 netns {elsewhere.namespace}")
        ip(
            "link set up0 up",
            "addr add 192.0.2.1/30 dev up0",
            *(f"route add {address} via 192.0.2.2" for address in REMOTE),
            namespace=node.namespace,
        )
        ip(
            "link set up0 up",
            "addr add 192.0.2.2/30 dev up0",
            *(f"addr add {address}/32 dev lo" for address in REMOTE),
            f"route replace {watched.client.v4} via 192.0.2.1",
            namespace=elsewhere.namespace,
        )
        uplinks = Uplinks(kernel.program("fairway_to_node"), None)
        seen: list[bool] = []
        node.inside(lambda: seen.append(uplinks.watch(set(watched.interfaces.values()))))
        assert seen == [True]
        watched.enforcement.behind = True
        yield watched
        uplinks.close()


@contextlib.contextmanager
def answering(watched: Watched, protocol: int) -> Iterator[None]:
    """Whatever the backends are: both on the node, and the one elsewhere."""
    with contextlib.ExitStack() as servers:
        for number, host in enumerate(watched.net.pods[1:4], start=1):
            addresses = REMOTE if number == 3 else (host.v4, host.v6)
            command = ("python3", "-c", ECHO_UDP, str(PORT), *addresses)
            servers.enter_context(echo(host) if protocol == TCP else running(host, *command, ready="up"))
        yield


def serve(watched: Watched, *backends: str, protocol: int = TCP) -> None:
    """A Service that takes its backends in turn, as kube-proxy would translate it."""
    family, service = ("ip6", SERVICE6) if ":" in backends[0] else ("ip", SERVICE)
    turns = ", ".join(f"{index} : {backend} . {PORT}" for index, backend in enumerate(backends))
    match = f"{family} daddr {service} meta l4proto {protocol} th dport 80"
    rule = f"{match} dnat {family} to numgen inc mod {len(backends)} map {{ {turns} }}"
    table = f"table {family} service {{\nchain pre {{\ntype nat hook prerouting priority -100\n{rule}\n}}\n}}\n"
    watched.net.node.run("nft", "-f", "-", input=table)


def table(backends: tuple[str, str], *, staged: bool = False, revision: int = 1, protocol: int = TCP) -> RuleTable:
    """The client may open the port of the first backend; the Service is judged behind."""
    allowed = Row(FIRST_POLICY, ALLOWED, Direction.EGRESS, protocol, PORT, PORT, 0)
    front = Row(FIRST_POLICY, FRONT, Direction.EGRESS, protocol, 80, 80, 0)
    slot = {"staged" if staged else "active": (0, FIRST_POLICY)}
    return RuleTable(
        revision,
        exact=((backends[0], ALLOWED), (backends[1], DENIED), (SERVICE, FRONT), (SERVICE6, FRONT)),
        rows=(allowed,),
        behind=(front,),
        pods=(PodRules("uid-0", mode=(Mode.OFF, Mode.ENFORCE), **slot),),
    )


def tries(watched: Watched, address: str = SERVICE, port: int = 80, protocol: int = TCP) -> list[bool]:
    kind = "SOCK_STREAM" if protocol == TCP else "SOCK_DGRAM"
    told = client(watched.client, TRY.format(address=address, port=port, kind=kind))
    return json.loads(told.lower())


@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize("where", ["v4", "v6", "elsewhere"])
def test_each_backend_is_judged_by_itself(watched: Watched, where: str, protocol: int) -> None:
    one, other = watched.net.pods[1:3]
    backends = REMOTE if where == "elsewhere" else (getattr(one, where), getattr(other, where))
    serve(watched, *backends, protocol=protocol)
    watched.obey(table(backends, protocol=protocol))
    with answering(watched, protocol):
        service = SERVICE6 if where == "v6" else SERVICE
        assert sorted(tries(watched, service, protocol=protocol)) == [False] * 3 + [True] * 3
        keys, values = watched.kernel.tables["denials"].read()
    denied = {
        (int(k["ifindex"]), text(bytes(k["remote"])), int(k["remote_port"]), int(v["initiator"]), *v["reason"][:1])
        for k, v in zip(keys, values, strict=True)
        if k["protocol"] == protocol
    }
    assert denied == {(watched.interfaces["pod0"], backends[1], PORT, Initiator.POD, Reason.NO_RULE)}


def test_without_a_look_behind_the_service_is_closed(watched: Watched) -> None:
    backends = (watched.net.pods[1].v4, watched.net.pods[2].v4)
    serve(watched, *backends)
    watched.enforcement.behind = False
    watched.obey(table(backends))
    with echo(watched.net.pods[1]), echo(watched.net.pods[2]):
        assert tries(watched) == [False] * 6


def test_what_the_pod_dials_itself_is_judged_at_its_own_interface(watched: Watched) -> None:
    backends = (watched.net.pods[1].v4, watched.net.pods[2].v4)
    watched.obey(table(backends))
    with echo(watched.net.pods[1]), echo(watched.net.pods[2]):
        assert tries(watched, backends[0], PORT) == [True] * 6
        assert tries(watched, backends[1], PORT) == [False] * 6
    _, values = watched.kernel.tables["flows"].read()
    assert not values["behind"].any()


def test_a_policy_on_trial_tells_the_backend_it_would_deny(watched: Watched) -> None:
    backends = (watched.net.pods[1].v4, watched.net.pods[2].v4)
    serve(watched, *backends)
    watched.obey(table(backends, staged=True))
    with echo(watched.net.pods[1]), echo(watched.net.pods[2]):
        assert tries(watched) == [True] * 6
    keys, values, deltas = watched.drain.read()
    behind = values["behind"] == 1
    assert {bytes(key["remote"]) for key in keys[behind]} == {packed(backends[1])}
    assert set(values["verdict"][behind][:, 1].tolist()) == {Verdict.DENY}
    assert deltas["connections"][behind].sum() == 3
    assert deltas["tx_packets"][behind].sum() == 0, "counted once, under the Service's address"


def test_a_change_of_rules_reaches_a_connection_behind_a_service(watched: Watched) -> None:
    backends = (watched.net.pods[1].v4, watched.net.pods[2].v4)
    serve(watched, backends[0])
    watched.obey(table(backends))
    talk = f"s.connect(('{SERVICE}', 80)); s.settimeout(0.5)\n"
    talk += "s.send(b'x'); print(s.recv(1), flush=True); sys.stdin.readline(); s.send(b'y')\nprint(s.recv(1))"
    with echo(watched.net.pods[1]):
        code = f"import socket, sys\ns = socket.socket()\n{talk}"
        with running(watched.client, "python3", "-u", "-c", code, ready="b'x'") as process:
            watched.obey(table((backends[1], backends[0]), revision=2))
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout
            assert "timed out" in process.stdout.read()
