"""The agent as a process: it looks behind Services, hears of sockets that gave up, and leaves nothing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.wire import batch
from fairway.wire.address import packed
from fairway.wire.rules import FIRST_POLICY, NodeFeed, NodePod, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode, Verdict
from support.net import Net, ip, net
from support.watched import PORT, client

SERVICE, TCP = "10.96.0.80", 6
REMOTE = ("10.0.2.10", "10.0.2.11")


@pytest.fixture
def node(kernel: Kernel) -> Iterator[Net]:
    """A node with one pod, and behind its uplink another host with two addresses."""
    with net(2) as made:
        node, elsewhere = made.node, made.pods[1]
        ip(f"link add up0 netns {node.namespace} type veth peer name up0 netns {elsewhere.namespace}")
        routes = (f"route add {address} via 192.0.2.2" for address in REMOTE)
        ip("link set up0 up", "addr add 192.0.2.1/30 dev up0", *routes, namespace=node.namespace)
        addresses = (f"addr add {address}/32 dev lo" for address in REMOTE)
        route = f"route replace {made.pods[0].v4} via 192.0.2.1"
        ip("link set up0 up", "addr add 192.0.2.2/30 dev up0", *addresses, route, namespace=elsewhere.namespace)
        turns = ", ".join(f"{index} : {address} . {PORT}" for index, address in enumerate(REMOTE))
        rule = f"ip daddr {SERVICE} tcp dport 80 dnat ip to numgen inc mod 2 map {{ {turns} }}"
        table = f"table ip service {{\nchain pre {{\ntype nat hook prerouting priority -100\n{rule}\n}}\n}}\n"
        node.run("nft", "-f", "-", input=table)
        yield made


def feed(made: Net) -> bytes:
    rows = tuple(
        Row(FIRST_POLICY, identity, Direction.EGRESS, TCP, port, port, 0) for identity, port in ((1, PORT), (3, 80))
    )
    table = RuleTable(
        1,
        exact=((REMOTE[0], 1), (REMOTE[1], 2), (SERVICE, 3)),
        rows=rows[:1],
        behind=rows[1:],
        pods=(PodRules("uid-0", active=(0, FIRST_POLICY), mode=(Mode.OFF, Mode.ENFORCE)),),
    )
    pods = (NodePod("uid-0", "test", "pod-0", (made.pods[0].v4, made.pods[0].v6)),)
    return msgspec.json.encode(NodeFeed("node", pods, table))


def told(spool: Path) -> tuple[list[batch.Header], NDArray[np.void]]:
    batches = [batch.decode(path.read_bytes()) for path in sorted(spool.glob("*.arrow"))]
    rows = [one.rows for one in batches] or [np.zeros(0, batch.RECORD)]
    return [one.header for one in batches], np.concatenate(rows)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def test_an_agent_judges_behind_services_and_hears_of_sockets(node: Net, tmp_path: Path) -> None:
    (tmp_path / "feed.json").write_bytes(feed(node))
    pins, spool = ROOT / f"fairway-kernel-test-{os.getpid()}", tmp_path / "spool"
    command = [sys.executable, "-m", "fairway.cli.main", "agent", "--node", "node", "--interval", "0.2", "--detach"]
    command += ["--control", str(tmp_path / "feed.json"), "--spool", str(spool), "--pins", str(pins)]
    agent = node.node.start(*command, stderr=subprocess.PIPE)
    attempt = f"s.settimeout(0.4); s.connect(('{SERVICE}', 80)); print('open')"
    server = node.pods[1].start(
        sys.executable, "-c", f"import socket\ns = socket.create_server(('', {PORT}))\nwhile True: s.accept()"
    )
    try:
        until(lambda: any(header.revision and header.pods for header in told(spool)[0]))
        until(lambda: "open" in client(node.pods[0], attempt))
        results = ["open" in client(node.pods[0], attempt) for _ in range(4)]
        assert sorted(results) == [False, False, True, True]
        until(lambda: (told(spool)[1]["denied"] > 0).any())
        headers, rows = told(spool)
        denied = rows[(rows["denied"] > 0) & (rows["protocol"] == TCP)]
        assert {bytes(row["remote_address"]) for row in denied} == {packed(REMOTE[1])}
        assert {int(row["port"]) for row in denied} == {PORT}
        assert {int(row["verdict"]) for row in denied} == {Verdict.DENY}
        flows = rows[(rows["kind"] == batch.FLOW) & (rows["protocol"] == TCP) & (rows["denied"] == 0)]
        assert {bytes(row["remote_address"]) for row in flows} == {packed(SERVICE)}
        until(lambda: told(spool)[1]["failed"].sum() >= 2)
        assert headers[-1].losses["sockets_unheard"] == 0
        agent.send_signal(signal.SIGTERM)
        agent.wait(10)
        assert "open" in client(node.pods[0], attempt)
        assert "open" in client(node.pods[0], attempt), "nothing is left on the uplink"
        assert not pins.exists()
    finally:
        for process in (agent, server):
            process.kill()
            process.wait()
        if agent.stderr:
            agent.stderr.close()
        shutil.rmtree(pins, ignore_errors=True)
