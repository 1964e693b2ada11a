"""A node whose pods have the programs and that no agent looks after: tests read and write the tables themselves."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from fairway.agent.attach import Attachments
from fairway.agent.drain import FlowDrain
from fairway.agent.kernel import Kernel
from fairway.agent.obey import Enforcement
from fairway.wire.rules import RuleTable
from support.net import Host, Net, net

PORT = 8080
ECHO = """
import socket, sys
s = socket.create_server(("", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("up", flush=True)
while True:
    c, _ = s.accept()
    with c:
        while data := c.recv(65536):
            c.sendall(data[:1])
"""


@dataclass
class Watched:
    net: Net
    kernel: Kernel
    enforcement: Enforcement
    interfaces: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client, self.server = self.net.pods[:2]
        self.drain = FlowDrain(self.kernel)

    def obey(self, table: RuleTable) -> None:
        """Hold the pods, whose uids are `uid-0` and so on, to a table."""
        self.enforcement.obey(table)

    def flow(self, pod: str = "pod0", port: int = PORT) -> dict[str, int]:
        """All counters of one pod's connections with one port, added up since the start."""
        keys, values = self.kernel.tables["flows"].read()
        mine = (keys["ifindex"] == self.interfaces[pod]) & (keys["protocol"] == 6)
        mine &= (keys["local_port"] == port) | (keys["remote_port"] == port)
        names = [n for n in values.dtype.names or () if values[n].ndim == 1]
        return {name: int(values[name][mine].astype("i8").sum()) for name in names}

    def lose(self, where: str) -> None:
        """Drop by an nftables expression on the way from pod to pod."""
        chain = f"type filter hook forward priority 0\n{where} drop"
        self.net.node.run("nft", "-f", "-", input=f"table inet loss {{\nchain forward {{\n{chain}\n}}\n}}\n")

    def lose_nothing(self) -> None:
        self.net.node.run("nft", "delete", "table", "inet", "loss")


@contextlib.contextmanager
def watch(kernel: Kernel, pods: int = 2) -> Iterator[Watched]:
    """Make the node and its pods, attached; and take all away again."""
    with net(pods) as made:
        watched, attachments = Watched(made, kernel, Enforcement(kernel)), []

        def attach() -> None:
            programs = {way: kernel.program(f"fairway_{way}") for way in ("from_pod", "to_pod")}
            attachments.append(Attachments(programs, None))
            for index, pod in enumerate(made.pods):
                number = socket.if_nametoindex(f"pod{index}")
                watched.interfaces[f"pod{index}"] = number
                watched.enforcement.add(number, f"uid-{index}", (pod.v4, pod.v6))
                attachments[0].attach(number)

        made.node.inside(attach)
        try:
            yield watched
        finally:
            attachments[0].close()


@contextlib.contextmanager
def running(host: Host, *command: str, ready: str = "") -> Iterator[subprocess.Popen[str]]:
    process = host.start(*command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout
        while ready and ready not in process.stdout.readline():
            assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stdin):
            if pipe:
                pipe.close()


def echo(host: Host, port: int = PORT) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    return running(host, sys.executable, "-u", "-c", ECHO, str(port), ready="up")


def client(host: Host, code: str) -> str:
    """Run Python in a pod; `s` is a socket that is not connected yet."""
    done = subprocess.run(
        [*host.enter, sys.executable, "-c", f"import socket, struct, time, sys\ns = socket.socket()\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr
