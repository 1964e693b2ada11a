"""What a network card counts itself: `ethtool -S`, by the ioctl that drivers answer.

Formats: linux/ethtool.h (ETHTOOL_GSSET_INFO, ETHTOOL_GSTRINGS, ETHTOOL_GSTATS). The netlink way knows only the
standard groups; the allowances of a cloud's card are in the driver's own.
"""

import array
import ctypes
import fcntl
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SIOCETHTOOL: Final = 0x8946
_SET_INFO, _STRINGS, _STATS = 0x37, 0x1B, 0x1D
_SET_OF_STATS: Final = 1
_NAME_BYTES: Final = 32
_MOST: Final = 65536

ALLOWANCES: Final = {
    "bw_in_allowance_exceeded": "bw_in",
    "bw_out_allowance_exceeded": "bw_out",
    "pps_allowance_exceeded": "pps",
    "conntrack_allowance_exceeded": "conntrack",
    "linklocal_allowance_exceeded": "linklocal",
}
"""The ENA driver's counters of packets that the cloud queued or dropped beyond what the machine is allowed."""
AVAILABLE: Final = "conntrack_allowance_available"
_CARDS_SECONDS: Final = 60.0


def statistics(interface: str) -> dict[str, int]:
    """All counters of an interface's driver by name; empty where it is gone or counts nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            info = _ask(sock, interface, struct.pack("=IIQI", _SET_INFO, 0, 1 << _SET_OF_STATS, 0))
            if not struct.unpack_from("=Q", info, 8)[0]:
                return {}
            count = min(struct.unpack_from("=I", info, 16)[0], _MOST)
            head = struct.pack("=III", _STRINGS, _SET_OF_STATS, count)
            names = _ask(sock, interface, head + bytes(count * _NAME_BYTES))[12:]
            values = array.array("Q")
            values.frombytes(_ask(sock, interface, struct.pack("=II", _STATS, count) + bytes(count * 8))[8:])
        except OSError:
            return {}
    return dict(zip(_names(names), values, strict=True))


def allowances(interfaces: Iterable[str]) -> dict[str, dict[str, int]]:
    """The allowance counters of those interfaces that have them."""
    found = {}
    for interface in interfaces:
        mine = {n: v for n, v in statistics(interface).items() if n in ALLOWANCES or n == AVAILABLE}
        if mine:
            found[interface] = mine
    return found


def _names(table: bytes) -> list[str]:
    parts = (table[i : i + _NAME_BYTES] for i in range(0, len(table), _NAME_BYTES))
    return [part.partition(b"\0")[0].decode("ascii", "replace").strip() for part in parts]


def _ask(sock: socket.socket, interface: str, command: bytes) -> bytes:
    buffer = ctypes.create_string_buffer(command, len(command))
    request = struct.pack("=16sQ", interface.encode()[:15], ctypes.addressof(buffer))
    fcntl.ioctl(sock, _SIOCETHTOOL, request)
    return buffer.raw


@dataclass(slots=True)
class Cards:
    """Network cards that count allowances; which they are is looked up once a minute."""

    _names: tuple[str, ...] = ()
    _due: float = 0.0

    def read(self) -> dict[str, dict[str, int]]:
        """Their counters by interface."""
        if time.monotonic() >= self._due:
            self._names = tuple(allowances(name for _, name in socket.if_nameindex()))
            self._due = time.monotonic() + _CARDS_SECONDS
        return allowances(self._names)
