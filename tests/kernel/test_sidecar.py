"""Pods whose TCP goes through proxies of their own, redirected by nftables as Istio's and Linkerd's is: what is
seen and enforced between pods is the application's port, not the proxies'."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.wire import batch
from fairway.wire.address import text
from fairway.wire.words import Direction, Mode
from support.net import Host, net
from support.stage import Stage, allow, wait_for

OUT, IN, MARK = 15001, 15006, 1337
RULES = f"""
table ip sidecar {{
	chain out {{
		type nat hook output priority -100
		meta mark {MARK} return
		oif lo return
		meta l4proto tcp redirect to :{OUT}
	}}
	chain in {{
		type nat hook prerouting priority -100
		iif lo return
		meta l4proto tcp redirect to :{IN}
	}}
}}
"""
PROXY = """
import socket, struct, sys, threading
mark = int(sys.argv[1])
def copy(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def carry(near):
    _, port, address = struct.unpack("!HH4s8x", near.getsockopt(socket.SOL_IP, 80, 16))  # SO_ORIGINAL_DST
    with near, socket.socket() as far:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        far.settimeout(5)
        try:
            far.connect((socket.inet_ntoa(address), port))
        except OSError:
            return
        back = threading.Thread(target=copy, args=(far, near))
        back.start()
        copy(near, far)
        back.join()
def serve(port):
    while True:
        threading.Thread(target=carry, args=(port.accept()[0],), daemon=True).start()
out, into = (socket.create_server(("0.0.0.0", int(port))) for port in sys.argv[2:])
threading.Thread(target=serve, args=(out,), daemon=True).start()
print("up", flush=True)
serve(into)
"""
ASK = """
import socket, sys
with socket.socket() as s:
    s.settimeout(3)
    try:
        s.connect((sys.argv[1], 8080))
        s.sendall(b"x")
        print(s.recv(1).decode())
    except OSError as error:
        print(error)
"""


@contextlib.contextmanager
def sidecar(pod: Host) -> Iterator[None]:
    pod.run("nft", "-f", "-", input=RULES)
    proxy = pod.start(sys.executable, "-u", "-c", PROXY, *map(str, (MARK, OUT, IN)), stdout=subprocess.PIPE)
    try:
        assert proxy.stdout
        assert proxy.stdout.readline() == "up\n"
        yield
    finally:
        proxy.kill()
        proxy.wait()
        proxy.stdout.close()


@pytest.fixture
def stage(kernel: Kernel, tmp_path: Path) -> Iterator[Stage]:
    pins = ROOT / f"fairway-test-sidecar-{os.getpid()}"
    with net() as made, sidecar(made.pods[0]), sidecar(made.pods[1]):
        stage = Stage(made, tmp_path, pins)
        try:
            yield stage
        finally:
            if stage.agent:
                stage.kill()
            shutil.rmtree(pins, ignore_errors=True)


def answers(stage: Stage) -> bool:
    """Whether a byte comes back through both proxies."""
    return stage.client.run(sys.executable, "-c", ASK, stage.server.v4).stdout == "x\n"


def test_the_applications_port_is_seen_and_enforced(stage: Stage) -> None:
    stage.feed()
    stage.start()
    with stage.serve(stage.server):
        assert answers(stage)
        wait_for(lambda: len(stage.rows(batch.EDGE, pod=0)) and len(stage.rows(batch.EDGE, pod=1)))
        for pod, other in ((0, stage.server), (1, stage.client)):
            rows = stage.rows(batch.EDGE, pod=pod)
            assert {(text(bytes(row["remote_address"])), int(row["port"])) for row in rows} == {(other.v4, 8080)}

        for port, direction, subject, passes in (
            (8080, Direction.INGRESS, 1, True),
            (8080, Direction.EGRESS, 0, True),
            (IN, Direction.INGRESS, 1, False),
            (OUT, Direction.EGRESS, 0, False),
        ):
            stage.feed(allow(direction, port), mode=Mode.ENFORCE, isolated=(subject,))
            assert answers(stage) is passes, (port, direction)
