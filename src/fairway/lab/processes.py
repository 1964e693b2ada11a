"""Processes of a lab: started in a namespace, tagged in their environment, found again by anyone, stopped."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

TAG: Final = "FAIRWAY_LAB_PROCESS"
"""`LAB:NAME`. Not FAIRWAY_LAB: a person may export that one to choose a lab, and their shell must survive."""

_children: Final[list[subprocess.Popen[bytes]]] = []
"""Started here and not known to have ended: who starts a process must collect it."""


def tagged(lab: str, name: str, env: Mapping[str, str]) -> dict[str, str]:
    """An environment by which a process is found again as the lab's `name`."""
    return {**env, "FAIRWAY_LAB": lab, TAG: f"{lab}:{name}"}


def start(lab: str, name: str, argv: Sequence[str], log: Path, env: Mapping[str, str]) -> int:
    """Start a background process of the lab in a session of its own; its output goes to `log`. Its id."""
    with log.open("ab") as sink:
        child = subprocess.Popen(
            argv,
            env=tagged(lab, name, env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children.append(child)
    return child.pid


def find(lab: str) -> dict[int, str]:
    """Ids and names of the lab's living processes, less this one and its ancestors."""
    reap()
    prefix, own, found = f"{TAG}={lab}:".encode(), _ancestry(), {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) in own:
            continue
        try:
            environment = Path(entry.path, "environ").read_bytes()
        except OSError:
            continue
        for line in environment.split(b"\0"):
            if line.startswith(prefix):
                found[int(entry.name)] = line[len(prefix) :].decode(errors="replace")
                break
    return found


def named(lab: str, name: str) -> list[int]:
    """Ids of the lab's processes called `name`."""
    return [pid for pid, other in find(lab).items() if other == name]


def end(pids: Iterable[int], number: int = signal.SIGTERM, timeout: float = 5.0) -> None:
    """Signal processes and wait until they are gone; those still there at the timeout are killed."""
    open_ones = {}
    for pid in pids:
        try:
            open_ones[os.pidfd_open(pid)] = pid
        except ProcessLookupError:
            continue
    try:
        _signal(open_ones, number)
        _wait(open_ones, timeout)
        if open_ones:
            _signal(open_ones, signal.SIGKILL)
            _wait(open_ones, 5.0)
    finally:
        for descriptor in open_ones:
            os.close(descriptor)
    reap()


def _signal(open_ones: Mapping[int, int], number: int) -> None:
    for descriptor in open_ones:
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            continue


def _wait(open_ones: dict[int, int], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    poll = select.poll()
    for descriptor in open_ones:
        poll.register(descriptor, select.POLLIN)
    while open_ones and (left := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(left * 1000):
            poll.unregister(descriptor)
            del open_ones[descriptor]
            os.close(descriptor)


def reap() -> None:
    """Collect the exit codes of ended children, so that they do not stay as zombies."""
    _children[:] = [child for child in _children if child.poll() is None]


def _ancestry() -> set[int]:
    pid, line = os.getpid(), {0}
    while pid not in line:
        line.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
    return line
