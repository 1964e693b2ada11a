"""The capabilities that the agent needs: asked before anything is done, and let go of when they are used up.

Numbers: linux/capability.h. What needs which is in docs/agent.md.
"""

import ctypes
import os
import re
from pathlib import Path
from typing import Final

from fairway.kit.errors import EnvironmentLacksError

SYS_ADMIN: Final = 21
NEEDED: Final = {
    "BPF": (39, "to load programs and use their tables"),
    "NET_ADMIN": (12, "to attach programs to pods' interfaces"),
    "PERFMON": (38, "to load programs that read packets"),
}
"""Number of each, and what for. Before Linux 5.8 had BPF and PERFMON, SYS_ADMIN was both, and still is."""

# Attaching to new pods, files of others in the spool, a port below 1024, and setns into a pod go on to the end.
_KEPT: Final = (0, 1, 2, 3, 10, NEEDED["NET_ADMIN"][0], SYS_ADMIN, NEEDED["BPF"][0])
_VERSION_3: Final = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def held() -> set[int]:
    """Numbers of the capabilities in force."""
    sets = re.search(r"^CapEff:\s*(\w+)$", Path("/proc/thread-self/status").read_text(), re.MULTILINE)
    mask = int(sets[1], 16) if sets else 0
    return {number for number in range(64) if mask >> number & 1}


def require() -> None:
    """EnvironmentLacksError, naming each that is missing and what it is for."""
    have = held()
    missing = {
        name: what
        for name, (number, what) in NEEDED.items()
        if number not in have and (name == "NET_ADMIN" or SYS_ADMIN not in have)
    }
    if missing:
        lacks = ", ".join(f"{name} {what}" for name, what in missing.items())
        raise EnvironmentLacksError(f"missing capabilities: {lacks}; run as root, or add them to the container")


def drop() -> None:
    """Let go of all that are not needed from now on, for this thread and those it will start."""
    keep = held() & set(_KEPT)
    sets = (_Sets * 2)()
    for number in keep:
        one = sets[number // 32]
        one.effective |= 1 << number % 32
        one.permitted |= 1 << number % 32
    header = _Header(_VERSION_3, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.byref(header), sets) < 0:
        raise EnvironmentLacksError(f"cannot drop capabilities: {os.strerror(ctypes.get_errno())}")
