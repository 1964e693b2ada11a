"""Attaches the two programs to an interface: a tcx link where the kernel has it, a clsact filter otherwise.

Both let the programs of others run, after ours: had theirs the first word, theirs could be the last. A tcx link is
pinned by the interface's index, so that it outlives the agent and the next one can put its own program under it
without a packet between the two.
"""

import ctypes as c
import errno
import os
import threading
from enum import StrEnum
from pathlib import Path
from typing import Final

from fairway.agent import bpffs
from fairway.agent.libbpf import BPFError, LinkOptions, TcHook, TcOptions, check, library
from fairway.agent.netlink import Netlink
from fairway.kit.errors import EnvironmentLacksError

_TCX: Final = {"from_pod": 46, "to_pod": 47}  # enum bpf_attach_type: BPF_TCX_INGRESS, BPF_TCX_EGRESS
_CLSACT: Final = {"from_pod": 1, "to_pod": 2}  # enum bpf_tc_attach_point: seen from the host side
_PARENTS: Final = {"from_pod": 0xFFFFFFF2, "to_pod": 0xFFFFFFF3}  # TC_H_CLSACT and TC_H_MIN_INGRESS, _EGRESS
_BOTH: Final = 3  # BPF_TC_INGRESS | BPF_TC_EGRESS: the clsact hook as such
_REPLACE: Final = 1
_BEFORE_ALL: Final = 1 << 3  # BPF_F_BEFORE: another's program that passes a packet ends the chain
_HANDLE, _PRIORITY = 0xFA1, 1
WAYS: Final = ("from_pod", "to_pod")


class Hook(StrEnum):
    """How programs are attached; AUTO takes tcx if the kernel has it."""

    AUTO = "auto"
    TCX = "tcx"
    CLSACT = "clsact"


class Attachments:
    """The attached interfaces. `programs` are file descriptors by way; `pins` None keeps links only as long as
    this process lives. Several threads may attach."""

    def __init__(self, programs: dict[str, int], pins: Path | None, hook: Hook = Hook.AUTO) -> None:
        self._programs = programs
        self._pins = pins / "links" if pins is not None else None
        self._links: dict[tuple[int, str], int] = {}
        self._attached: set[int] = set()
        self._lock = threading.RLock()
        self.hook = hook
        if self._pins is not None:
            bpffs.make(self._pins)

    def __contains__(self, interface: int) -> bool:
        return interface in self._attached

    def attach(self, interface: int) -> None:
        """Put both programs on an interface, in place of an earlier agent's; done already, nothing happens.

        BPFError if it is gone.
        """
        with self._lock:
            if interface in self._attached:
                return
            for way in WAYS:
                if self.hook is Hook.CLSACT:
                    self._filter(interface, way)
                else:
                    self._link(interface, way)
            self._attached.add(interface)

    def detach(self, interface: int) -> None:
        """Take both programs off, and the clsact hook if no filter of others needs it."""
        with self._lock:
            self.drop(interface)
            if self.hook is Hook.TCX:
                return
            ours = False  # AUTO may not know yet what an earlier agent took
            for way in WAYS:
                hook, options = _hook(interface, way), _options()
                ours |= library().bpf_tc_detach(c.byref(hook), c.byref(options)) == 0
            netlink = Netlink()
            if ours and not any(netlink.filters(interface, parent) for parent in _PARENTS.values()):
                library().bpf_tc_hook_destroy(c.byref(_hook(interface)))
            netlink.close()

    def drop(self, interface: int) -> bool:
        """Let go of an interface that is gone and took its programs with it; whether it had them."""
        with self._lock:
            known = interface in self._attached
            self._attached.discard(interface)
            for way in WAYS:
                link = self._links.pop((interface, way), None)
                if link is not None:
                    # Closed and unpinned it would go a moment later, and until then refuse the next one.
                    library().bpf_link_detach(link)
                    os.close(link)
                if self._pins is not None:
                    self._pin(interface, way).unlink(missing_ok=True)
            return known

    def held(self) -> set[int]:
        """Interfaces that are attached or have a pinned link, an earlier agent's among them."""
        pinned = self._pins.iterdir() if self._pins is not None else ()
        return {int(path.name.partition("-")[0]) for path in pinned} | self._attached

    def close(self) -> None:
        """Let go; pinned links and filters stay in force."""
        for link in self._links.values():
            os.close(link)
        self._links.clear()

    def _link(self, interface: int, way: str) -> None:
        program, link = self._programs[way], self._inherited(interface, way)
        if link is None:
            options = LinkOptions(size=c.sizeof(LinkOptions), flags=_BEFORE_ALL)
            link = library().bpf_link_create(program, interface, _TCX[way], c.byref(options))
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
        result = library().bpf_tc_hook_create(c.byref(_hook(interface)))
        if result < 0 and -result != errno.EEXIST:
            raise BPFError(f"cannot make the clsact hook of interface {interface}", -result)
        hook, options = _hook(interface, way), _options()
        options.prog_fd, options.flags = self._programs[way], _REPLACE
        result = library().bpf_tc_attach(c.byref(hook), c.byref(options))
        if result < 0:
            raise BPFError(f"cannot attach to interface {interface}", -result)

    def _pin(self, interface: int, way: str) -> Path:
        return (self._pins or Path()) / f"{interface}-{way}"


def _hook(interface: int, way: str | None = None) -> TcHook:
    return TcHook(size=c.sizeof(TcHook), ifindex=interface, attach_point=_CLSACT[way] if way else _BOTH)


def _options() -> TcOptions:
    return TcOptions(size=c.sizeof(TcOptions), handle=_HANDLE, priority=_PRIORITY)
