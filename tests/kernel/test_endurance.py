"""Under load nothing that is allowed is lost and nothing that is denied passes: while policies are swapped a
thousand times a second, and while agents are killed again and again."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairway.agent.attach import Attachments
from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.agent.obey import Enforcement
from fairway.wire.rules import FIRST_POLICY, PodRules, RuleTable
from fairway.wire.words import Direction, Mode
from support.net import net
from support.stage import Load, Stage, allow

UDP = 17
ALLOWED, DENIED = 8080, 9090
KILLS = int(os.environ.get("FAIRWAY_KILLS", "20"))
SWAP_SECONDS = float(os.environ.get("FAIRWAY_SWAP_SECONDS", "5"))
SWAPS_PER_SECOND = 1000


@pytest.fixture
def stage(kernel: Kernel, tmp_path: Path) -> Iterator[Stage]:
    pins = ROOT / f"fairway-test-endurance-{os.getpid()}"
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
def test_swapping_policies_loses_nothing_and_lets_nothing_through(
    stage: Stage, kernel: Kernel, family: str
) -> None:
    enforcement = Enforcement(kernel)
    pod = PodRules("server", active=(FIRST_POLICY, FIRST_POLICY), mode=(Mode.ENFORCE, Mode.OFF))

    def table(revision: int) -> RuleTable:
        other = allow(Direction.INGRESS, 1000 + revision % 5, UDP)
        return RuleTable(revision, rows=(allow(Direction.INGRESS, ALLOWED, UDP), other), pods=(pod,))

    def hold() -> None:
        interface = socket.if_nametoindex("pod1")
        enforcement.obey(table(1))
        enforcement.add(interface, "server")
        attachments.attach(interface)

    attachments = Attachments({way: kernel.program(f"fairway_{way}") for way in ("from_pod", "to_pod")}, None)
    stage.net.node.inside(hold)
    swaps = 1
    with Load(stage.client, stage.server, getattr(stage.server, family), ALLOWED, DENIED) as load:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < SWAP_SECONDS:
            swaps += 1
            enforcement.obey(table(swaps))
            time.sleep(max(0, swaps / SWAPS_PER_SECOND - passed))
    attachments.close()
    assert swaps > 10
    assert load.result["sent"] > 10
    assert [load.result[name] for name in ("lost", "leaked", "passed")] == [0, 0, 0]


@pytest.mark.every_kernel
def test_agents_are_killed_and_nothing_happens(stage: Stage) -> None:
    stage.feed(allow(Direction.INGRESS, ALLOWED, UDP), mode=Mode.ENFORCE, isolated=(1,))
    stage.start()
    packets = 0
    with Load(stage.client, stage.server, stage.server.v4, ALLOWED, DENIED) as load:
        for _ in range(KILLS):
            stage.kill()
            stage.start()
            last = stage.batches()[-1].header.packets
            assert last >= packets, "the kernel counts on"
            packets = last
    stage.kill(signal.SIGTERM)
    assert load.result["sent"] > KILLS
    assert [load.result[name] for name in ("lost", "leaked", "passed")] == [0, 0, 0]
    assert stage.packets_told() == stage.batches()[-1].header.packets, "each packet was told once"
