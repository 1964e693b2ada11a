import os
import signal
import sys
import time
from pathlib import Path

from fairway.lab import processes

LAB = f"test{os.getpid()}"
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('on', flush=True); signal.pause()"


def start(name: str, code: str, log: Path) -> int:
    return processes.start(LAB, name, [sys.executable, "-S", "-c", code], log, dict(os.environ))


def wait_for(path: Path, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in (path.read_text() if path.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_processes_are_found_by_lab_and_name_and_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    sleeper = start("sleeper", "print('on', flush=True); import time; time.sleep(60)", log)
    try:
        wait_for(log, "on")
        assert processes.find(LAB) == {sleeper: "sleeper"}
        assert processes.named(LAB, "sleeper") == [sleeper]
        assert processes.named(LAB, "other") == []
        assert processes.find(LAB + "x") == {}
    finally:
        processes.end(processes.find(LAB))
    assert processes.find(LAB) == {}


def test_one_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = start("stubborn", STUBBORN, log)
    wait_for(log, "on")
    processes.end([pid], signal.SIGTERM, timeout=0.2)
    assert not Path(f"/proc/{pid}").exists()


def test_one_that_has_ended_already_does_not_matter(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = start("short", "print('on', flush=True)", log)
    wait_for(log, "on")
    processes.end([pid])
    processes.end([pid])
    assert processes.find(LAB) == {}


def test_a_shell_that_only_chose_the_lab_is_not_its_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "FAIRWAY_LAB": "elsewhere" + LAB}
    pid = processes.start(LAB, "x", ["env", "-u", processes.TAG, "sleep", "60"], log, environment)
    try:
        deadline = time.monotonic() + 10
        while b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()[:5]:
            assert time.monotonic() < deadline
        assert processes.find(LAB) == {}
    finally:
        processes.end([pid], signal.SIGKILL)
