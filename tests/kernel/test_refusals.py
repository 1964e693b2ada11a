"""What this kernel or this user lacks is one sentence and exit 3, and nothing is left behind; tried for real."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairway.agent import kernel as kernels
from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.agent.libbpf import BPFError
from fairway.agent.obey import Enforcement, OldRulesError
from fairway.agent.privileges import NEEDED
from fairway.wire.rules import ANY, FIRST_POLICY, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode
from support import frames
from support.pod import LOOPBACK, PASS, UID, PodUnderTest, allow
from support.stage import wait_for

PEER = "10.0.2.131"


@pytest.fixture
def pins(kernel: Kernel) -> Iterator[Path]:
    """The kernel as well: where there is no BPF, these tests have nothing to say."""
    folder = ROOT / f"fairway-test-refusals-{os.getpid()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Agent:
    """An agent in a network namespace of its own, started by way of `before`."""

    def __init__(self, folder: Path, pins: Path, *before: str) -> None:
        command = [sys.executable, "-m", "fairway.cli.main", "agent", "--node", "a", "--interval", "0.2"]
        command += ["--control", str(folder / "none.json"), "--spool", str(folder / "spool"), "--pins", str(pins)]
        self._told = folder / "told"
        with self._told.open("w") as told:
            self.process = subprocess.Popen(["unshare", "--net", *before, *command], stdout=told, stderr=told)
        wait_for(lambda: self.process.poll() is not None or list(folder.glob("spool/*.arrow")))

    @property
    def status(self) -> str:
        return Path(f"/proc/{self.process.pid}/status").read_text()

    def end(self) -> str:
        """Stop it if it runs; what it said."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)
        return self._told.read_text()

    def refusal(self) -> str:
        """Its only line, having ended with 3."""
        told = self.end()
        assert self.process.returncode == 3, told
        assert told.count("\n") == 1, told
        return told

    def ran(self) -> bool:
        return "enforcement goes on" in self.end() and self.process.returncode == 0


Start = Callable[..., Agent]


def only(*names: str) -> tuple[str, ...]:
    """Root with these capabilities and no others, as a container has them."""
    return ("setpriv", f"--bounding-set={','.join(['-all', *(f'+{name.lower()}' for name in names)])}")


def in_mounts(commands: str) -> tuple[str, ...]:
    """In a mount namespace of its own where `commands` were run."""
    return ("unshare", "--mount", "bash", "-c", f'{commands}; exec "$@"', "bash")


@pytest.fixture
def agent(pins: Path, tmp_path: Path) -> Iterator[Start]:
    made: list[Agent] = []

    def start(*before: str) -> Agent:
        made.append(Agent(tmp_path, pins, *before))
        return made[-1]

    yield start
    for one in made:
        one.end()


def test_exactly_the_capabilities_that_are_documented_suffice(agent: Start) -> None:
    running = agent(*only(*NEEDED))
    assert running.process.poll() is None, running.end()
    mask = sum(1 << NEEDED[name][0] for name in ("BPF", "NET_ADMIN"))
    assert f"CapPrm:\t{mask:016x}\n" in running.status, "PERFMON is let go of when the programs are loaded"
    assert running.ran()


@pytest.mark.parametrize("name", NEEDED)
def test_each_of_them_is_missed_by_name(name: str, agent: Start, pins: Path) -> None:
    told = agent(*only(*(other for other in NEEDED if other != name))).refusal()
    assert told.startswith(f"fairway: missing capabilities: {name} to ")
    assert not pins.exists()


@pytest.mark.every_kernel
def test_a_small_limit_of_locked_memory(agent: Start, pins: Path) -> None:
    """Linux 5.10 counts tables against it, and only SYS_RESOURCE may raise it; later kernels do not care."""
    running = agent("prlimit", "--memlock=65536", *only(*NEEDED))
    if running.process.poll() is None:
        assert running.ran()
    else:
        assert "64 KiB are allowed: ulimit -l unlimited" in running.refusal()
        assert not pins.exists()


def test_without_the_kernels_btf_it_runs(agent: Start) -> None:
    assert agent(*in_mounts("mount -t tmpfs none /sys/kernel; test ! -e /sys/kernel/btf || exit 9")).ran()


@pytest.mark.parametrize(
    "mounts",
    ["mount -t tmpfs -o ro none /sys", "mount -t bpf none /sys/fs/bpf; mount -o remount,ro,bind /sys/fs/bpf"],
)
def test_a_read_only_sys(mounts: str, agent: Start, pins: Path) -> None:
    told = agent(*in_mounts(mounts)).refusal()
    assert told.startswith(f"fairway: cannot make {pins}")
    assert f"for pins: Read-only file system; run as root, with {ROOT} writable" in told


def test_no_bpf_file_system_and_no_right_to_mount_one(agent: Start) -> None:
    told = agent(*in_mounts("mount -t tmpfs none /sys/fs/bpf"), *only(*NEEDED)).refusal()
    assert f"no BPF file system is mounted at {ROOT}; mount -t bpf bpf {ROOT}" in told


SOURCE = """
struct event { int number; };
struct { int (*type)[2]; int *key; struct event *value;
	int (*max_entries)[%s]; } events __attribute__((section(".maps")));
static long (*unheard_of)(void) = (void *)9999;
__attribute__((section("tc"))) int fairway_from_pod(void *context) { %s }
char LICENSE[] __attribute__((section("license"))) = "GPL";
"""


@pytest.mark.parametrize(
    ("entries", "body", "told"),
    [
        (
            "1",
            "return unheard_of();",
            "load program `fairway_from_pod`: this kernel has no helper number 9999",
        ),
        (
            "1",
            "return *(volatile int *)8;",
            "load program `fairway_from_pod`: the kernel's verifier",
        ),
        ("0", "return 0;", "make table `events`: "),
    ],
)
def test_an_object_that_this_kernel_refuses(
    entries: str, body: str, told: str, pins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("clang"):
        pytest.skip("needs clang, to make such objects")
    source, object_file = tmp_path / "refused.c", tmp_path / "refused.o"
    source.write_text(SOURCE % (entries, body))
    command = ["clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-c", source, "-o", object_file]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setattr(kernels, "OBJECT", object_file)
    with pytest.raises(BPFError) as refused:
        Kernel(pins)
    assert str(refused.value).startswith(f"cannot {told}")
    assert re.search(r"; Linux 5\.10 or newer is needed", str(refused.value))
    assert "\n" not in str(refused.value)
    assert not pins.exists()


def test_rules_that_do_not_fit_leave_those_before_in_force(kernel: Kernel) -> None:
    small = Kernel(sizes={"rules": 64})
    pod = PodUnderTest(small)
    pod.rules(allow(Direction.EGRESS, 80))
    rows = tuple(Row(FIRST_POLICY, ANY, Direction.EGRESS, frames.TCP, 2 * i, 2 * i, 1) for i in range(100, 200))
    with pytest.raises(BPFError, match=r"cannot write to table `rules` of 64 entries: .*; the table is full"):
        pod.rules(*rows)
    assert pod.opens(PEER, frames.TCP, 80, 40000)
    assert not pod.opens(PEER, frames.TCP, 200, 40001)
    assert len(small.tables["rules"].keys()) == 1, "and nothing of the others is left"
    small.close()


def test_older_rules_are_refused(kernel: Kernel) -> None:
    enforcement = Enforcement(kernel)
    isolated = (PodRules(UID, active=(FIRST_POLICY, FIRST_POLICY), mode=(Mode.ENFORCE, Mode.ENFORCE)),)
    enforcement.obey(RuleTable(7, pods=isolated))
    enforcement.add(LOOPBACK, UID)
    with pytest.raises(OldRulesError, match="the rules' revision 3 is older than 7, which is in force"):
        enforcement.obey(RuleTable(3))
    frame = frames.ip("10.0.1.130", PEER, frames.TCP, frames.transport(frames.TCP, 40000, 80))
    assert kernel.run("fairway_from_pod", frame) != PASS
    enforcement.obey(RuleTable(8))
    assert kernel.run("fairway_from_pod", frame) == PASS
