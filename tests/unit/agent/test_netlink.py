"""What netlink answers: about this machine's loopback, and as root about a node with pods out of namespaces."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fairway.agent.netlink import NAMED_NAMESPACES, Listeners, Netlink
from fairway.kit.errors import EnvironmentLacksError
from fairway.wire.address import packed
from support.net import Host, Net, net

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to make and enter network namespaces")
SERVER = """
import socket, sys
server = socket.create_server((sys.argv[1], 0), family=int(sys.argv[2]))
client = socket.create_connection(server.getsockname()[:2])
print(server.getsockname()[1], client.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def netlink() -> Iterator[Netlink]:
    made = Netlink()
    yield made
    made.close()


@pytest.fixture(scope="module")
def stage() -> Iterator[Net]:
    with net() as made:
        yield made


def ask(host: Host, question: Callable[[Netlink], Any]) -> Any:
    """What the question is answered in the host's namespace."""
    answers = []

    def go() -> None:
        netlink = Netlink()
        answers.append(question(netlink))
        netlink.close()

    host.inside(go)
    return answers[0]


def test_the_way_to_this_machine_is_the_loopback(netlink: Netlink) -> None:
    loopback = socket.if_nametoindex("lo")
    assert netlink.interface_to(packed("127.0.0.1")) == loopback
    assert netlink.interface_to(packed("127.1.2.3")) == loopback
    assert netlink.peer_namespace(loopback) is None, "it has no other end"


def test_what_is_not_there(netlink: Netlink, tmp_path: Path) -> None:
    assert netlink.peer_namespace(1 << 30) is None
    assert netlink.interface_to(packed("127.0.0.1")) is not None, "each question gets its own answer"
    assert netlink.named_namespaces(tmp_path / "missing") == {}
    (tmp_path / "no-namespace").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    assert netlink.named_namespaces(tmp_path) == {}


@pytest.mark.kernel
@needs_root
def test_a_pods_interface_is_where_its_addresses_are_routed(stage: Net) -> None:
    def interfaces(netlink: Netlink) -> list[list[int | None]]:
        return [[netlink.interface_to(packed(address)) for address in (pod.v4, pod.v6)] for pod in stage.pods]

    names = ask(stage.node, lambda _: [socket.if_nametoindex(f"pod{index}") for index in range(2)])
    assert ask(stage.node, interfaces) == [[name, name] for name in names]
    for nobody in ("192.0.2.1", "2001:db8:ffff::1"):
        assert ask(stage.node, lambda netlink, address=nobody: netlink.interface_to(packed(address))) is None


@pytest.mark.kernel
@needs_root
def test_behind_a_pods_interface_is_its_namespace(stage: Net) -> None:
    def behind(netlink: Netlink) -> list[Path | None]:
        named = netlink.named_namespaces()
        numbers = [netlink.peer_namespace(socket.if_nametoindex(f"pod{index}")) for index in range(2)]
        return [named.get(number) if number is not None else None for number in numbers]

    assert ask(stage.node, behind) == [NAMED_NAMESPACES / pod.namespace for pod in stage.pods]


@pytest.mark.kernel
@needs_root
@pytest.mark.parametrize(("address", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_who_listens_in_a_pod(stage: Net, address: str, family: int) -> None:
    pod, other = stage.pods
    command = (sys.executable, "-c", SERVER, address, str(int(family)))
    namespaces = [NAMED_NAMESPACES / host.namespace for host in (pod, other)]
    own = Path("/proc/thread-self/ns/net")
    before = own.stat().st_ino
    with closing(Listeners(namespaces[0])) as inside, closing(Listeners(namespaces[1])) as elsewhere:
        with pod.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            server, client = map(int, process.stdout.readline().split())
            assert inside.ports() == {server}
            assert client not in inside.ports(), "who only called does not listen"
            assert elsewhere.ports() == frozenset()
            process.communicate()
        assert inside.ports() == frozenset()
    assert own.stat().st_ino == before, "whoever asked is still where they were"


def test_no_namespace_to_look_into(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match=r"cannot look into network namespace .*/gone: No such file"):
        Listeners(tmp_path / "gone")
