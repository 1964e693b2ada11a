"""`fairway top`: next to an agent by its pinned tables, read-only, or alone; on a terminal and in a pipe."""

import contextlib
import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.agent.libbpf import BPFError
from fairway.agent.pinned import PinnedTables, agent_tables
from fairway.kit.errors import EnvironmentLacksError
from fairway.wire.rules import NodeFeed, NodePod
from support.net import Host, Net, net

TOP = (sys.executable, "-m", "fairway.cli.main", "top", "--interval", "1")
ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5353))
print("up", flush=True)
while True:
    data, who = s.recvfrom(2000)
    s.sendto(data, who)
"""
ASK = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.05)
while True:
    s.sendto(bytes(500), (sys.argv[1], 5353))
    try:
        s.recv(2000)
    except OSError:
        pass
"""


@contextlib.contextmanager
def started(host: Host, *command: str, **options: object) -> Iterator["subprocess.Popen[str]"]:
    process = host.start(*command, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


@pytest.fixture
def busy(kernel: Kernel) -> Iterator[Net]:
    """A node whose two pods talk all the time."""
    with net() as made:
        client, server = made.pods
        with started(server, sys.executable, "-u", "-c", ECHO, stdout=subprocess.PIPE) as echo:
            assert echo.stdout
            assert echo.stdout.readline() == "up\n"
            with started(client, sys.executable, "-c", ASK, server.v4):
                yield made


def look(busy: Net, *options: str) -> dict[str, object]:
    return json.loads(busy.node.run(*TOP, "--once", "--output", "json", *options).stdout)


def nowhere() -> str:
    return str(ROOT / f"fairway-nowhere-{os.getpid()}")


def test_alone_it_attaches_and_leaves_nothing(busy: Net) -> None:
    found = look(busy, "--pins", nowhere())
    assert found["pods"] == 2
    talks = {talk["pod"]: talk for talk in found["conversations"]}
    assert talks["pod0"]["remote"] == busy.pods[1].v4
    assert (talks["pod0"]["port"], talks["pod0"]["protocol"]) == (5353, "UDP")
    assert talks["pod0"]["out_bytes"] > 500
    assert talks["pod0"]["out_bytes"] == pytest.approx(talks["pod1"]["in_bytes"], rel=0.2)
    for way in ("ingress", "egress"):
        assert not busy.node.run("tc", "filter", "show", "dev", "pod0", way).stdout


def test_next_to_an_agent_it_reads_and_has_the_names(busy: Net, tmp_path: Path) -> None:
    pins = ROOT / busy.node.namespace
    feed = tmp_path / "feed.json"
    pods = tuple(NodePod(f"uid-{i}", "test", f"pod-{i}", (pod.v4,)) for i, pod in enumerate(busy.pods))
    feed.write_bytes(msgspec.json.encode(NodeFeed("node-a", pods)))
    agent = ("--node", "node-a", "--control", str(feed), "--spool", str(tmp_path / "spool"), "--pins", str(pins))
    command = (sys.executable, "-m", "fairway.cli.main", "agent", "--interval", "0.3", *agent)
    try:
        with started(busy.node, *command, stderr=subprocess.DEVNULL):
            deadline = time.monotonic() + 20
            while not list((tmp_path / "spool").glob("*.arrow")):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert agent_tables(pins)
            found = look(busy, "--pins", str(pins), "--control", str(feed))
            assert {talk["pod"] for talk in found["conversations"]} == {"test/pod-0", "test/pod-1"}
            assert look(busy, "--pins", str(pins))["conversations"][0]["pod"] in ("pod0", "pod1")
            with contextlib.closing(PinnedTables(pins)) as tables:
                flows = tables.tables["flows"]
                keys, values = flows.read()
                assert len(keys) >= 2
                with pytest.raises(BPFError, match="cannot write to table `flows`"):
                    flows.set(keys[:1].copy(), values[:1].copy())
    finally:
        shutil.rmtree(pins, ignore_errors=True)


def test_the_tables_of_another_build_are_not_read(kernel: Kernel) -> None:
    pins = ROOT / f"fairway-other-{os.getpid()}"
    other = Kernel(pins, {"flows": 1024})
    try:
        assert agent_tables(pins)
        with pytest.raises(EnvironmentLacksError, match="holds the tables of an agent of another version"):
            PinnedTables(pins)
    finally:
        other.close()
        shutil.rmtree(pins)


def test_on_a_terminal_it_draws_until_q(busy: Net) -> None:
    """A terminal of 80 columns; what a person sees is what comes out of it."""
    leader, follower = pty.openpty()

    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(follower)
    shown: list[bytes] = []
    with started(busy.node, *TOP, "--pins", nowhere(), stdin=follower, stdout=follower) as top:
        deadline = time.monotonic() + 20
        while b"5353/UDP" not in b"".join(shown):
            assert time.monotonic() < deadline
            if select.select([leader], [], [], 0.1)[0]:
                shown.append(os.read(leader, 1 << 16))
        os.write(leader, b"q")
        drain = threading.Thread(target=lambda: shown.append(os.read(leader, 1 << 16)), daemon=True)
        drain.start()
        assert top.wait(10) == 0
        drain.join(5)
    assert termios.tcgetattr(follower) == before
    seen = b"".join(shown).decode()
    assert seen.startswith("\x1b[?1049h\x1b[?25l")
    assert seen.endswith("\x1b[?25h\x1b[?1049l")
    assert "\x1b[1mfairway top" in seen
    os.close(leader)
    os.close(follower)


def test_in_a_pipe_there_is_no_colour(busy: Net) -> None:
    shown = busy.node.run(*TOP, "--once", "--pins", nowhere(), env={**os.environ, "COLUMNS": "80"}).stdout
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "5353/UDP" in shown
