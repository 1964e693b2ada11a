"""The program on the node's own interfaces, where packets of pods leave the node for a backend's real address.

Needed only while rules speak of Services whose backends differ. An interface that carries no Ethernet frames cannot
be watched: as long as one is up, the node cannot judge such backends, and the agent leaves those rules out.
"""

import ctypes as c
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Final

from fairway.agent import bpffs
from fairway.agent.libbpf import BPFError, TcHook, TcOptions, check, library

_TCX_EGRESS: Final = 47  # enum bpf_attach_type
_CLSACT_EGRESS: Final = 2  # enum bpf_tc_attach_point
_BOTH: Final = 3
_REPLACE: Final = 1
_HANDLE, _PRIORITY = 0xFA2, 1
_GET_FLAGS, _GET_HARDWARE = 0x8913, 0x8927  # linux/sockios.h
_UP: Final = 1
_ETHERNET, _LOOPBACK = 1, 772  # linux/if_arp.h


class Uplinks:
    """The interfaces of this thread's network namespace that `program` watches. `pins` None: only while we live."""

    def __init__(self, program: int, pins: Path | None) -> None:
        self._program = program
        self._pins = pins / "uplinks" if pins is not None else None
        self._links: dict[int, int | None] = {}  # None: a clsact filter
        if self._pins is not None:
            bpffs.make(self._pins)

    def watch(self, pods: Collection[int]) -> bool:
        """Be on every interface that is up, but the loopback and those of pods; whether all could be taken."""
        found = interfaces()
        wanted = {index for index, kind in found.items() if kind == _ETHERNET and index not in pods}
        for index in self._links.keys() - wanted:
            self._leave(index)
        for index in wanted - self._links.keys():
            try:
                self._links[index] = self._attach(index)
            except BPFError:
                if index in interfaces():
                    raise
        return all(kind in (_ETHERNET, _LOOPBACK) for kind in found.values())

    def leave(self) -> None:
        """Be on none."""
        for index in list(self._links):
            self._leave(index)

    def close(self) -> None:
        """Let go; what is pinned or a filter stays in force."""
        for link in self._links.values():
            if link is not None:
                os.close(link)
        self._links.clear()

    def _attach(self, index: int) -> int | None:
        inherited = self._inherited(index)
        if inherited is not None:
            return inherited
        link = library().bpf_link_create(self._program, index, _TCX_EGRESS, None)
        if link >= 0:
            if self._pins is not None:
                (self._pins / str(index)).unlink(missing_ok=True)
                check(
                    library().bpf_obj_pin(link, str(self._pins / str(index)).encode()), f"cannot pin link {index}"
                )
            return int(link)
        if (number := c.get_errno()) != errno.EINVAL:
            raise BPFError(f"cannot attach to interface {index}", number)
        hook = TcHook(size=c.sizeof(TcHook), ifindex=index, attach_point=_BOTH)  # before Linux 6.6
        result = library().bpf_tc_hook_create(c.byref(hook))
        if result < 0 and -result != errno.EEXIST:
            raise BPFError(f"cannot make the clsact hook of interface {index}", -result)
        options = _options()
        options.prog_fd, options.flags = self._program, _REPLACE
        hook.attach_point = _CLSACT_EGRESS
        result = library().bpf_tc_attach(c.byref(hook), c.byref(options))
        if result < 0:
            raise BPFError(f"cannot attach to interface {index}", -result)
        return None

    def _inherited(self, index: int) -> int | None:
        if self._pins is None:
            return None
        link = library().bpf_obj_get(str(self._pins / str(index)).encode())
        if link < 0:
            return None
        if library().bpf_link_update(link, self._program, None) < 0:
            os.close(link)  # its interface is gone, and another has its number
            return None
        return int(link)

    def _leave(self, index: int) -> None:
        link = self._links.pop(index)
        if self._pins is not None:
            (self._pins / str(index)).unlink(missing_ok=True)
        if link is not None:
            os.close(link)
            return
        hook, options = TcHook(size=c.sizeof(TcHook), ifindex=index, attach_point=_CLSACT_EGRESS), _options()
        library().bpf_tc_detach(c.byref(hook), c.byref(options))


def interfaces() -> dict[int, int]:
    """The interfaces that are up, by index: the kind of their addresses, as numbered in linux/if_arp.h."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for index, name in socket.if_nameindex():
            request = struct.pack("16s24x", name.encode())
            try:
                flags = struct.unpack_from("H", fcntl.ioctl(asking, _GET_FLAGS, request), 16)[0]
                kind = struct.unpack_from("H", fcntl.ioctl(asking, _GET_HARDWARE, request), 16)[0]
            except OSError:
                continue  # gone meanwhile
            if flags & _UP:
                found[index] = kind
    return found


def _options() -> TcOptions:
    return TcOptions(size=c.sizeof(TcOptions), handle=_HANDLE, priority=_PRIORITY)
