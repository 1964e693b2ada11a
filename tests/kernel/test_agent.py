"""The agent on real packets: what it counts, what it tells, what it obeys, and what outlives it."""

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairway.agent.attach import Attachments, Hook
from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.agent.libbpf import BPFError
from fairway.kit.errors import EnvironmentLacksError
from fairway.wire import batch
from fairway.wire.address import text
from fairway.wire.words import Direction, Initiator, Mode, Reason, Verdict
from support.net import net
from support.pod import LOOPBACK
from support.stage import CLIENT, Stage, allow, wait_for


@pytest.fixture(params=["tcx", "clsact"])
def hook(request: pytest.FixtureRequest, kernel: Kernel) -> str:
    """Both hooks; tcx only where the kernel has it, which trying it on the loopback tells."""
    if request.param == "tcx":
        clock = kernel.program("fairway_clock")
        attachments = Attachments({"from_pod": clock, "to_pod": clock}, None, Hook.TCX)
        try:
            attachments.attach(LOOPBACK)
            attachments.detach(LOOPBACK)
        except BPFError:
            raise
        except EnvironmentLacksError as error:
            pytest.skip(str(error))
    return request.param


@pytest.fixture
def stage(kernel: Kernel, tmp_path: Path) -> Iterator[Stage]:
    pins = ROOT / f"fairway-test-{os.getpid()}"
    with net() as made:
        stage = Stage(made, tmp_path, pins)
        try:
            yield stage
        finally:
            if stage.agent:
                stage.kill()
            shutil.rmtree(pins, ignore_errors=True)


@pytest.mark.every_kernel
@pytest.mark.parametrize("family", ["v4", "v6"])
def test_counts_match_what_was_sent(stage: Stage, hook: str, family: str) -> None:
    size = 3_000_000
    stage.feed()
    stage.start("--hook", hook)
    with stage.serve(stage.server):
        assert stage.connect(getattr(stage.server, family), size)
    wait_for(lambda: stage.rows(pod=0)["tx_bytes"].sum() > size and stage.rows(pod=1)["rx_bytes"].sum() > size)
    stage.kill(signal.SIGTERM)
    for pod, sent, initiator in ((0, "tx_bytes", Initiator.POD), (1, "rx_bytes", Initiator.REMOTE)):
        rows = stage.rows(pod=pod)
        assert set(rows["port"]) == {8080}
        assert set(rows["initiator"]) == {initiator}
        assert rows["connections"].sum() == 1
        headers = rows[sent.replace("bytes", "packets")].sum() * (72 if family == "v6" else 52)
        again = int(stage.rows(pod=0)["retransmissions"].sum()) * 1500  # a busy machine may send some twice
        assert int(rows[sent].sum()) == pytest.approx(size + int(headers), abs=size * 1e-4 + again)
    assert stage.rows(pod=0)["srtt_us"].max() > 0
    assert {text(bytes(a)) for a in stage.rows(pod=0)["remote_address"]} == {getattr(stage.server, family)}


def test_sums_are_exact_when_few_conversations_are_told(stage: Stage) -> None:
    stage.feed()
    stage.start("--top", "1")
    with contextlib.ExitStack() as servers:
        for port in (8080, 8081, 8082):
            servers.enter_context(stage.serve(stage.server, port))
            assert stage.connect(stage.server.v4, port=port)
    stage.kill(signal.SIGTERM)
    told = np.concatenate([stage.rows(batch.FLOW), stage.rows(batch.REST)])
    last = stage.batches()[-1].header
    assert told["tx_packets"].sum() + told["rx_packets"].sum() == last.packets
    assert (last.kernel, last.cpu_seconds > 0.01, last.resident_bytes > 1 << 20) == (os.uname().release, True, True)
    assert {int(port) for port in stage.rows(batch.EDGE)["port"]} == {8080, 8081, 8082}, "edges are never cut"


@pytest.mark.every_kernel
def test_enforcement_audit_and_the_kubelet(stage: Stage) -> None:
    stage.feed(allow(Direction.INGRESS, 8080), mode=Mode.ENFORCE, isolated=(1,))
    stage.start()
    with stage.serve(stage.server), stage.serve(stage.server, 9090):
        assert stage.connect(stage.server.v4)
        assert stage.connect(stage.server.v6)
        assert not stage.connect(stage.server.v4, port=9090, patience=0.5)
        stage.net.node.run(sys.executable, "-c", CLIENT, stage.server.v4, "9090", "10", "5")
        denied = wait_for(lambda: [row for row in stage.rows(pod=1) if row["denied"] > 0])
        assert {row["reason"] for row in denied} == {Reason.NO_RULE}
        stage.feed(allow(Direction.INGRESS, 8080), mode=Mode.AUDIT, isolated=(1,))
        assert stage.connect(stage.server.v4, port=9090)
    audited = wait_for(lambda: [r for r in stage.rows(pod=1) if r["verdict"] == Verdict.DENY and r["rx_bytes"] > 0])
    assert audited[0]["port"] == 9090


@pytest.mark.every_kernel
def test_enforcement_outlives_the_agent_and_the_next_takes_over(stage: Stage) -> None:
    stage.feed(allow(Direction.INGRESS, 8080), mode=Mode.ENFORCE, isolated=(1,))
    stage.start()
    with stage.serve(stage.server), stage.serve(stage.server, 9090):
        assert stage.connect(stage.server.v4)
        # Killed between noting and sending, an agent would take that interval's counts with it.
        wait_for(lambda: stage.packets_told() == stage.batches()[-1].header.packets > 0)
        stage.kill()
        assert stage.connect(stage.server.v4)
        assert not stage.connect(stage.server.v4, port=9090, patience=0.5)
        before = stage.batches()[-1].header.packets
        stage.revision += 1
        stage.feed(allow(Direction.INGRESS, 9090), mode=Mode.ENFORCE, isolated=(1,))
        stage.start()
        assert stage.batches()[-1].header.packets > before, "counters went on while nobody was there"
        stage.kill(signal.SIGTERM)
        stage.start()
        assert stage.connect(stage.server.v4, port=9090)
        assert not stage.connect(stage.server.v4, patience=0.5)
    stage.kill(signal.SIGTERM)
    assert stage.packets_told() == stage.batches()[-1].header.packets, "three agents told each packet once"


def test_a_pod_that_went_while_no_agent_was_there_is_let_go(stage: Stage) -> None:
    """Its interface is still there, and held to the posture from now on."""
    stage.feed(mode=Mode.ENFORCE, isolated=(1,))
    stage.start()
    stage.kill()
    server = stage.server
    with stage.serve(server):
        assert not stage.connect(server.v4, patience=0.3)
        stage.net = dataclasses.replace(stage.net, pods=stage.net.pods[:1])
        stage.feed()
        stage.start()
        wait_for(lambda: stage.connect(server.v4, patience=0.3))


def test_without_pins_nothing_is_left_in_force(stage: Stage, hook: str) -> None:
    stage.feed(mode=Mode.ENFORCE, isolated=(1,))
    stage.start("--hook", hook, pins=False)
    with stage.serve(stage.server):
        assert not stage.connect(stage.server.v4, patience=0.5)
        stage.kill(signal.SIGTERM)
        assert stage.connect(stage.server.v4)


def test_a_connection_older_than_the_agent_gets_its_client(stage: Stage) -> None:
    stage.feed()
    talk = CLIENT.replace("c.sendall(bytes(sent))", "[(c.sendall(b'x'), c.recv(1)) for _ in sys.stdin]")
    with stage.serve(stage.server):
        command = [sys.executable, "-u", "-c", talk, stage.server.v4, "8080", "0", "20"]
        client = stage.client.start(*command, stdin=subprocess.PIPE)
        assert client.stdin
        client.stdin.write("\n")
        client.stdin.flush()
        wait_for(lambda: b":8080" in stage.client.run("ss", "-Htn", "state", "established").stdout.encode())
        stage.start()
        client.stdin.write("\n")
        client.stdin.close()
        client.wait(60)
        flows = wait_for(lambda: list(stage.rows()) if len(set(stage.rows()["pod"])) == 2 else None)
    assert {(int(r["pod"]), int(r["initiator"]), int(r["port"])) for r in flows} == {
        (0, Initiator.POD, 8080),
        (1, Initiator.REMOTE, 8080),
    }


def test_a_malformed_feed_changes_nothing(stage: Stage) -> None:
    stage.feed(mode=Mode.ENFORCE, isolated=(1,))
    stage.start()
    (stage.folder / "feed.json").write_text('{"node": 7')
    wait_for(lambda: stage.batches()[-1].header.losses["malformed_feeds"])
    with stage.serve(stage.server):
        assert not stage.connect(stage.server.v4, patience=0.5)


def test_truncated_frames_do_not_pass(stage: Stage) -> None:
    """Shorter than BPF_PROG_TEST_RUN lets a frame be: sent raw out of the pod."""
    stage.feed(mode=Mode.ENFORCE, isolated=(0,))
    stage.start()
    send = (
        "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0));"
        "head = bytes.fromhex('0200000000010200000000ff0800');"
        "[s.send(head + bytes.fromhex('45000028')[:n]) for n in range(5)]"
    )
    stage.client.run(sys.executable, "-c", send)
    wait_for(lambda: stage.batches()[-1].header.losses["packets_unparsed"] >= 4)
