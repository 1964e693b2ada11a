"""Attaches the two programs to an interface: a tcx link where the kernel has it, a clsact filter otherwise.

Both let the programs of others run, after ours. A tcx link is pinned by the interface's index, so that it
outlives the agent and the next one can put its own program under it without a packet between the two.
"""

import ctypes as c
import errno
import os
from enum import StrEnum
from pathlib import Path
from typing import Final

from fairway.agent import bpffs
from fairway.agent.libbpf import BPFError, TcHook, TcOptions, check, library
from fairway.kit.errors import EnvironmentLacksError

_TCX: Final = {"from_pod": 46, "to_pod": 47}  # enum bpf_attach_type: BPF_TCX_INGRESS, BPF_TCX_EGRESS
_CLSACT: Final = {"from_pod": 1, "to_pod": 2}  # enum bpf_tc_attach_point: seen from the host side
_REPLACE: Final = 1
_HANDLE, _PRIORITY = 0xFA1, 1
WAYS: Final = ("from_pod", "to_pod")


class Hook(StrEnum):
    """How programs are attached; AUTO takes tcx if the kernel has it."""

    AUTO = "auto"
    TCX = "tcx"
    CLSACT = "clsact"


class Attachments:
    """The attached interfaces. `programs` are file descriptors by way; `pins` None keeps links only as long as
    this process lives."""

    def __init__(self, programs: dict[str, int], pins: Path | None, hook: Hook = Hook.AUTO) -> None:
        self._programs = programs
        self._pins = pins / "links" if pins is not None else None
        self._links: dict[tuple[int, str], int] = {}
        self.hook = hook
        if self._pins is not None:
            bpffs.make(self._pins)

    def attach(self, interface: int) -> None:
        """Put both programs on an interface, in place of an earlier agent's. BPFError if it is gone."""
        for way in WAYS:
            if self.hook is Hook.CLSACT:
                self._filter(interface, way)
            else:
                self._link(interface, way)

    def detach(self, interface: int) -> None:
        """Take both programs off; an interface that is gone took them with it."""
        for way in WAYS:
            link = self._links.pop((interface, way), None)
            if link is not None:
                # Closed and unpinned it would go a moment later, and until then refuse the next one.
                library().bpf_link_detach(link)
                os.close(link)
            if self._pins is not None:
                self._pin(interface, way).unlink(missing_ok=True)
            if self.hook is not Hook.TCX:  # AUTO may not know yet what an earlier agent took
                hook, options = _hook(interface, way), _options()
                library().bpf_tc_detach(c.byref(hook), c.byref(options))

    def pinned(self) -> set[int]:
        """Interfaces that have a pinned link, an earlier agent's among them."""
        if self._pins is None:
            return set()
        return {int(path.name.partition("-")[0]) for path in self._pins.iterdir()}

    def close(self) -> None:
        """Let go; pinned links and filters stay in force."""
        for link in self._links.values():
            os.close(link)
        self._links.clear()

    def _link(self, interface: int, way: str) -> None:
        program, link = self._programs[way], self._inherited(interface, way)
        if link is None:
            link = library().bpf_link_create(program, interface, _TCX[way], None)
            if link < 0:
                self._no_link(interface, way)
                return
            if self._pins is not None:
                pin = self._pin(interface, way)
                pin.unlink(missing_ok=True)
                check(library().bpf_obj_pin(link, str(pin).encode()), f"cannot pin {pin}")
        self._links[interface, way] = link

    def _no_link(self, interface: int, way: str) -> None:
        number = c.get_errno()
        if number == errno.EINVAL and self.hook is Hook.AUTO:
            self.hook = Hook.CLSACT  # before Linux 6.6
            self._filter(interface, way)
        elif number == errno.EINVAL:
            raise EnvironmentLacksError("this kernel has no tcx links (Linux 6.6); use the clsact hook")
        else:
            raise BPFError(f"cannot attach to interface {interface}", number)

    def _inherited(self, interface: int, way: str) -> int | None:
        """An earlier agent's link, now with our program; None if there is none or its interface is gone."""
        if self._pins is None:
            return None
        link = library().bpf_obj_get(str(self._pin(interface, way)).encode())
        if link < 0:
            return None
        if library().bpf_link_update(link, self._programs[way], None) < 0:
            os.close(link)
            return None
        return int(link)

    def _filter(self, interface: int, way: str) -> None:
        hook = TcHook(size=c.sizeof(TcHook), ifindex=interface, attach_point=3)
        result = library().bpf_tc_hook_create(c.byref(hook))
        if result < 0 and -result != errno.EEXIST:
            raise BPFError(f"cannot make the clsact hook of interface {interface}", -result)
        hook, options = _hook(interface, way), _options()
        options.prog_fd, options.flags = self._programs[way], _REPLACE
        result = library().bpf_tc_attach(c.byref(hook), c.byref(options))
        if result < 0:
            raise BPFError(f"cannot attach to interface {interface}", -result)

    def _pin(self, interface: int, way: str) -> Path:
        return (self._pins or Path()) / f"{interface}-{way}"


def _hook(interface: int, way: str) -> TcHook:
    return TcHook(size=c.sizeof(TcHook), ifindex=interface, attach_point=_CLSACT[way])


def _options() -> TcOptions:
    return TcOptions(size=c.sizeof(TcOptions), handle=_HANDLE, priority=_PRIORITY)
