"""The program on the node's cgroup, which hears of sockets that gave up. The agent does without where it must."""

import ctypes as c
import os
from pathlib import Path
from typing import Final

from fairway.agent import bpffs
from fairway.agent.kernel import Kernel
from fairway.agent.libbpf import check, library

_SOCK_OPS: Final = 3  # enum bpf_attach_type: BPF_CGROUP_SOCK_OPS
_MOUNTS: Final = Path("/proc/self/mountinfo")
PROGRAM: Final = "fairway_sockets"


class SocketEvents:
    """`missing` says in words why nothing is heard; empty if all is well."""

    def __init__(self, kernel: Kernel, pins: Path | None) -> None:
        self._link: int | None = None
        self.missing = "this kernel refuses its program" if PROGRAM in kernel.lacking else ""
        cgroup = unified_cgroup()
        if not self.missing and cgroup is None:
            self.missing = "no cgroup2 file system is mounted"
        if cgroup is None or self.missing:
            return
        pin = pins / "sockets" if pins is not None else None
        if pin is not None:
            bpffs.make(pin)
            pin /= "link"
        program = kernel.program(PROGRAM)
        self._link = self._inherited(program, pin) if pin is not None else None
        if self._link is None:
            self._attach(program, cgroup, pin)

    def close(self, *, detach: bool = False) -> None:
        """Let go; a pinned link stays, unless `detach`, which the removal of its pin completes."""
        if self._link is None:
            return
        if detach:
            library().bpf_link_detach(self._link)
        os.close(self._link)
        self._link = None

    def _attach(self, program: int, cgroup: Path, pin: Path | None) -> None:
        folder = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            link = library().bpf_link_create(program, folder, _SOCK_OPS, None)
        finally:
            os.close(folder)
        if link < 0:
            self.missing = f"{cgroup}: {os.strerror(c.get_errno())}"
            return
        if pin is not None:
            pin.unlink(missing_ok=True)
            check(library().bpf_obj_pin(link, str(pin).encode()), f"cannot pin {pin}")
        self._link = int(link)

    @staticmethod
    def _inherited(program: int, pin: Path) -> int | None:
        link = library().bpf_obj_get(str(pin).encode())
        if link < 0:
            return None
        if library().bpf_link_update(link, program, None) < 0:
            os.close(link)
            return None
        return int(link)


def unified_cgroup(mounts: Path = _MOUNTS) -> Path | None:
    """Where the cgroup2 hierarchy is mounted; Documentation/filesystems/proc.rst has the format. In a container
    that was given the node's as well as its own: the node's, whose root is above (`/..`)."""
    found = None
    for line in mounts.read_text().splitlines():
        where, _, what = line.partition(" - ")
        if what.startswith("cgroup2 "):
            root, place = where.split()[3:5]
            if root.startswith("/.."):
                return Path(place)
            found = found or Path(place)
    return found
