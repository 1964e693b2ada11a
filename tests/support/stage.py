"""A node, two pods and a real agent on real packets."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairway.wire import batch
from fairway.wire.rules import ANY, FIRST_POLICY, NodeFeed, NodePod, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode
from support.net import Host, Net

TCP = 6
PATIENCE = float(os.environ.get("FAIRWAY_PATIENCE", "60"))
LOAD = str(Path(__file__).with_name("load.py"))
SERVER = """
import socket, sys
s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("up", flush=True)
while True:
    c, _ = s.accept()
    with c:
        while data := c.recv(65536):
            c.sendall(data if len(data) < 1000 else b"ok")
"""
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[4])) as c:
    sent = int(sys.argv[3])
    c.sendall(bytes(sent))
    c.shutdown(socket.SHUT_WR)
    while c.recv(65536):
        pass
"""


def wait_for(what: Callable[[], object], seconds: float = PATIENCE) -> object:
    deadline = time.monotonic() + seconds
    while not (result := what()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
    return result


class Stage:
    """A node, two pods and an agent that tests tell what to do."""

    def __init__(self, net: Net, folder: Path, pins: Path) -> None:
        self.net, self.folder, self.pins = net, folder, pins
        self.revision = 0
        self.agent: subprocess.Popen[str] | None = None
        self._batches: dict[str, batch.Batch] = {}

    @property
    def client(self) -> Host:
        return self.net.pods[0]

    @property
    def server(self) -> Host:
        return self.net.pods[1]

    def feed(self, *rows: Row, mode: Mode = Mode.OFF, isolated: tuple[int, ...] = (), **slots: object) -> None:
        pods = tuple(
            NodePod(f"uid-{i}", "test", f"pod-{i}", (pod.v4, pod.v6)) for i, pod in enumerate(self.net.pods)
        )
        self.revision += 1
        policies = {"active": (FIRST_POLICY, FIRST_POLICY), **slots}
        rules = tuple(PodRules(f"uid-{i}", mode=(mode, mode), **policies) for i in isolated)
        table = RuleTable(self.revision, local=(self.net.node.v4, self.net.node.v6), rows=rows, pods=rules)
        self.write(NodeFeed("node", pods, table))
        if self.agent:
            self.applied()

    def write(self, feed: NodeFeed) -> None:
        partial = self.folder / "feed.partial"
        partial.write_bytes(msgspec.json.encode(feed))
        partial.rename(self.folder / "feed.json")

    def start(self, *options: str, pins: bool = True) -> None:
        command = [sys.executable, "-m", "fairway.cli.main", "agent", "--node", "node", "--interval", "0.2"]
        command += ["--control", str(self.folder / "feed.json"), "--spool", str(self.folder / "spool")]
        before = {one.header.boot for one in self.batches()}
        command += ["--pins", str(self.pins)] if pins else []
        with self.log.open("a") as log:
            self.agent = self.net.node.start(*command, *options, stderr=log)
        wait_for(lambda: {one.header.boot for one in self.batches()} - before)
        self.applied()

    def applied(self) -> None:
        pods = bool(self.net.pods)
        wait_for(
            lambda: any(b.header.revision == self.revision and (b.header.pods or not pods) for b in self.batches())
        )

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.agent
        self.agent.send_signal(number)
        self.agent.wait(PATIENCE)
        self.agent = None
        sys.stderr.write(self.log.read_text())

    @property
    def log(self) -> Path:
        """What agents said."""
        return self.folder / "log"

    def batches(self) -> list[batch.Batch]:
        for path in (self.folder / "spool").glob("*.arrow"):
            if path.name not in self._batches:
                self._batches[path.name] = batch.decode(path.read_bytes())
        return sorted(self._batches.values(), key=lambda one: (one.header.end_us, one.header.sequence))

    def rows(self, kind: int = batch.FLOW, pod: int | None = None, protocol: int = TCP) -> NDArray[np.void]:
        parts = [b.rows for b in self.batches()]
        rows = np.concatenate(parts) if parts else np.zeros(0, batch.RECORD)
        keep = (rows["kind"] == kind) & ((rows["protocol"] == protocol) | (kind == batch.REST))
        return rows[keep & (rows["pod"] == pod)] if pod is not None else rows[keep]

    def packets_told(self) -> int:
        told = np.concatenate([one.rows for one in self.batches()])
        told = told[np.isin(told["kind"], (batch.FLOW, batch.REST))]
        return int(told["tx_packets"].sum() + told["rx_packets"].sum())

    def serve(self, host: Host, port: int = 8080) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
        return serving(host, port)

    def connect(self, address: str, size: int = 100, port: int = 8080, patience: float = 5.0) -> bool:
        command = [*self.client.enter, sys.executable, "-c", CLIENT, address, str(port), str(size), str(patience)]
        return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode == 0


@contextlib.contextmanager
def serving(host: Host, port: int) -> Iterator[subprocess.Popen[str]]:
    process = host.start(sys.executable, "-u", "-c", SERVER, str(port), stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def allow(direction: Direction, port: int, protocol: int = TCP) -> Row:
    return Row(FIRST_POLICY, ANY, direction, protocol, port, port, 0)


class Load:
    """Datagrams between a client and a server while something else goes on: `with Load(...) as load: ...`, then
    `load.result`."""

    def __init__(self, client: Host, server: Host, address: str, allowed: int, denied: int) -> None:
        self._client, self._server, self._denied = client, server, denied
        self._ask = ("ask", address, str(allowed), str(denied))
        self._serve = ("serve", str(allowed), str(denied))
        self.result: dict[str, int] = {}

    def __enter__(self) -> Self:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._server_process = self._server.start(sys.executable, "-u", LOAD, *self._serve, **pipes)
        assert self._server_process.stdout
        assert self._server_process.stdout.readline() == "up\n"
        self._client_process = self._client.start(sys.executable, "-u", LOAD, *self._ask, **pipes)
        assert self._client_process.stdout
        assert self._client_process.stdout.readline() == "up\n"
        return self

    def __exit__(self, *_: object) -> None:
        said, _ = self._client_process.communicate(timeout=PATIENCE)
        got, _ = self._server_process.communicate("how many\n", timeout=PATIENCE)
        self.result = json.loads(said) | {"passed": json.loads(got)[str(self._denied)]}
