"""The agent beside others and after others: programs of other tools go on, an earlier layout's enforcement has no
gap, and nothing is left where nothing is to be left."""

import ctypes as c
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairway.agent import kernel as kernels
from fairway.agent.attach import Attachments, Hook
from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel, record
from fairway.agent.libbpf import LinkOptions, TcHook, TcOptions, check, library
from fairway.agent.obey import Enforcement
from fairway.kit.errors import EnvironmentLacksError
from fairway.wire.rules import FIRST_POLICY, PodRules, RuleTable
from fairway.wire.words import Direction, Mode
from support.net import net
from support.pod import LOOPBACK
from support.stage import Load, Stage, allow, wait_for

UDP = 17
ALLOWED, DENIED = 8080, 9090
TCX_EGRESS, AFTER_ALL, BEFORE_ALL = 47, 1 << 4, 1 << 3


@pytest.fixture
def stage(kernel: Kernel, tmp_path: Path) -> Iterator[Stage]:
    with net() as made:
        stage = Stage(made, tmp_path, ROOT / f"fairway-test-takeover-{os.getpid()}")
        try:
            yield stage
        finally:
            if stage.agent:
                stage.kill()
            shutil.rmtree(stage.pins, ignore_errors=True)


def require_hook(kernel: Kernel, name: str) -> None:
    """Skip where the kernel has no tcx, which trying it on the loopback tells."""
    clock = kernel.program("fairway_clock")
    attachments = Attachments({"from_pod": clock, "to_pod": clock}, None, Hook(name))
    try:
        attachments.attach(LOOPBACK)
    except EnvironmentLacksError as error:
        pytest.skip(str(error))
    attachments.detach(LOOPBACK)


class Stranger:
    """Somebody else's program on the way to a pod: it notes the time of each packet, and passes it on."""

    def __init__(self, kernel: Kernel, hook: str) -> None:
        self._kernel, self._hook, self.link = kernel, hook, -1

    def attach(self) -> None:
        interface, program = socket.if_nametoindex("pod1"), self._kernel.program("fairway_clock")
        if self._hook == "tcx":
            options = LinkOptions(size=c.sizeof(LinkOptions), flags=AFTER_ALL)
            link = library().bpf_link_create(program, interface, TCX_EGRESS, c.byref(options))
            self.link = check(link, "stranger")
            return
        hook = TcHook(size=c.sizeof(TcHook), ifindex=interface, attach_point=3)
        library().bpf_tc_hook_create(c.byref(hook))
        hook.attach_point = 2
        options = TcOptions(size=c.sizeof(TcOptions), handle=1, priority=99, prog_fd=program)
        check(library().bpf_tc_attach(c.byref(hook), c.byref(options)), "stranger")

    def saw(self) -> int:
        """When it saw its last packet, in jiffies."""
        clock = self._kernel.tables["clock"]
        value = clock.get(record(clock.key, 0))
        return int(value["jiffies"][0]) if value is not None else 0

    def forget(self) -> None:
        """What it saw, once nothing more comes of connections that are being closed."""
        clock = self._kernel.tables["clock"]

        def silent() -> bool:
            clock.set(record(clock.key, 0), np.zeros(1, clock.value))
            threading.Event().wait(0.1)
            return not self.saw()

        wait_for(silent)


def seen_denied(stage: Stage, stranger: Stranger) -> int:
    """What it saw while a connection was denied: nothing, or a neighbour's question that happened to come then."""
    stranger.forget()
    assert not stage.connect(stage.server.v4, port=9090, patience=0.3)
    return stranger.saw()


@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("their_hook", ["tcx", "clsact"])
@pytest.mark.parametrize("our_hook", ["tcx", "clsact"])
def test_programs_of_others_stay_and_run(
    stage: Stage, kernel: Kernel, our_hook: str, their_hook: str, first: str
) -> None:
    for hook in {our_hook, their_hook}:
        require_hook(kernel, hook)
    stranger = Stranger(kernel, their_hook)
    stage.feed(allow(Direction.INGRESS, 8080), mode=Mode.ENFORCE, isolated=(1,))
    if first == "theirs":
        stage.net.node.inside(stranger.attach)
    stage.start("--hook", our_hook, "--detach")
    if first == "ours":
        stage.net.node.inside(stranger.attach)
    with stage.serve(stage.server), stage.serve(stage.server, 9090):
        stranger.forget()
        assert stage.connect(stage.server.v4)
        assert stranger.saw(), "what we pass, it sees"
        if our_hook == "tcx" or their_hook == "clsact":
            assert any(not seen_denied(stage, stranger) for _ in range(5)), "what we drop, it does not"
        stage.kill(signal.SIGTERM)
        stranger.forget()
        assert stage.connect(stage.server.v4, port=9090), "we are gone"
        assert stranger.saw(), "and it is not"
    if stranger.link >= 0:
        os.close(stranger.link)


@pytest.mark.every_kernel
@pytest.mark.parametrize("hook", ["auto", "clsact"])
def test_detach_leaves_nothing(stage: Stage, hook: str) -> None:
    before = stage.net.node.run("tc", "qdisc", "show").stdout
    stage.feed(mode=Mode.ENFORCE, isolated=(1,))
    stage.start("--detach", "--hook", hook)
    with stage.serve(stage.server):
        assert not stage.connect(stage.server.v4, patience=0.3)
        stage.kill(signal.SIGTERM)
        assert stage.connect(stage.server.v4)
    assert not stage.pins.exists()
    assert stage.net.node.run("tc", "qdisc", "show").stdout == before
    assert stage.log.read_text().endswith("fairway agent: stopped; nothing is left in force\n")


def test_without_detach_enforcement_stays_and_it_says_so(stage: Stage) -> None:
    stage.feed(mode=Mode.ENFORCE, isolated=(1,))
    stage.start()
    stage.kill(signal.SIGTERM)
    assert stage.log.read_text().endswith("fairway agent: stopped; enforcement goes on\n")
    with stage.serve(stage.server):
        assert not stage.connect(stage.server.v4, patience=0.3)


@pytest.mark.every_kernel
@pytest.mark.parametrize("hook", ["auto", "clsact"])
def test_enforcement_goes_over_from_another_layout_without_a_gap(stage: Stage, hook: str) -> None:
    """Tables of another size are another layout: not this agent's to read, so it does not know who opened what."""
    earlier = Kernel(stage.pins, {"flows": 1024})
    rules = allow(Direction.INGRESS, ALLOWED, UDP)

    def enforce() -> None:
        enforcement = Enforcement(earlier)
        pods = (PodRules("uid-1", active=(FIRST_POLICY, FIRST_POLICY), mode=(Mode.ENFORCE, Mode.ENFORCE)),)
        enforcement.obey(RuleTable(1, rows=(rules,), pods=pods))
        programs = {way: earlier.program(f"fairway_{way}") for way in ("from_pod", "to_pod")}
        attachments = Attachments(programs, stage.pins, Hook(hook))
        interface = socket.if_nametoindex("pod1")
        enforcement.add(interface, "uid-1")
        attachments.attach(interface)
        attachments.close()

    stage.net.node.inside(enforce)
    former = earlier.pins
    assert former is not None
    earlier.close()
    stage.feed(rules, mode=Mode.ENFORCE, isolated=(1,))
    with Load(stage.client, stage.server, stage.server.v4, ALLOWED, DENIED) as load:
        stage.start("--hook", hook)
        wait_for(lambda: not former.exists())
    assert [load.result[name] for name in ("leaked", "passed")] == [0, 0]
    assert load.result["lost"] <= 1, "an answer that was on its way looks like a question"
    assert f"removed the tables of another layout, {former.name}: flows are counted anew\n" in stage.log.read_text()
    others = {path.name for path in stage.pins.iterdir()} - {"links", "uplinks", "sockets"}
    assert len(others) == 1, "this layout's tables"


def test_other_programs_with_the_same_layout_take_over_the_tables(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = Kernel(stage.pins)
    pods = earlier.tables["pods"]
    pods.set(record(pods.key, 7), np.zeros(1, pods.value))
    earlier.close()
    (tmp_path / "other.o").write_bytes(kernels.OBJECT.read_bytes() + b"\0")
    monkeypatch.setattr(kernels, "OBJECT", tmp_path / "other.o")
    later = Kernel(stage.pins)
    assert later.pins == earlier.pins
    assert later.tables["pods"].read()[0].tolist() == [7]
    later.close()
