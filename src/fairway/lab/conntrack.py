"""Conntrack: fill a network namespace's table of connections, as a node that many talk to does.

Run in the namespace: `python -m fairway.lab.conntrack fill|empty`. How many a table takes is of the whole machine,
how many there are is of each namespace: no other is touched. Messages: linux/netfilter/nfnetlink_conntrack.h.
"""

import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MOST: Final = 1 << 20
"""Entries, some 250 MiB: a machine whose table takes more is not filled."""
_LIMIT: Final = Path("/proc/sys/net/netfilter/nf_conntrack_max")
_NETFILTER: Final = 12
_NEW, _DELETE = 0x100, 0x102
_REQUEST, _ACK, _CREATE = 1, 4, 0x400
_ORIGINAL, _REPLY, _STATUS, _TIMEOUT, _MARK, _MARK_MASK = 1, 2, 3, 7, 8, 21
_ASSURED: Final = 0xE
"""Seen both ways, assured and confirmed: such entries do not make room for newcomers."""
_MINE: Final = 0xFA12
_SECONDS: Final = 600
_BATCH: Final = 500


def fill() -> int:
    """Put entries in until no more fit; how many the table takes. OSError where it takes too many, or none."""
    most = int(_LIMIT.read_text())
    if not 0 < most <= MOST:
        raise OSError(f"the table takes {most} entries, more than are put in")
    with _socket() as netlink:
        entries = _entries(most)
        for _ in range(-(-most // _BATCH)):
            netlink.send(b"".join(entry for _, entry in zip(range(_BATCH), entries, strict=False)))
    return most


def empty() -> None:
    """Take them out again, and no others."""
    with _socket() as netlink:
        marked = _attribute(_MARK, struct.pack("!I", _MINE)) + _attribute(_MARK_MASK, struct.pack("!I", 0xFFFFFFFF))
        netlink.send(_message(_DELETE, _REQUEST | _ACK, marked))
        number = struct.unpack_from("=IHHIIi", netlink.recv(65536))[5]
        if number:
            raise OSError(-number, "the table's entries cannot be removed")


def _entries(count: int) -> Iterator[bytes]:
    """Connections between addresses that nobody has (RFC 2544)."""
    target = socket.inet_aton("198.18.0.1")
    for number in range(count):
        source = struct.pack("!I", 0xC6130000 + (number >> 15))
        port = struct.pack("!H", 1024 + (number & 0x7FFF))
        yield _message(
            _NEW,
            _REQUEST | _CREATE,
            _tuple(_ORIGINAL, source, target, port, b"\0\x09")
            + _tuple(_REPLY, target, source, b"\0\x09", port)
            + _attribute(_STATUS, struct.pack("!I", _ASSURED))
            + _attribute(_TIMEOUT, struct.pack("!I", _SECONDS))
            + _attribute(_MARK, struct.pack("!I", _MINE)),
        )


def _tuple(which: int, source: bytes, target: bytes, source_port: bytes, target_port: bytes) -> bytes:
    addresses = _nest(1, _attribute(1, source) + _attribute(2, target))
    ports = _attribute(1, bytes([socket.IPPROTO_UDP])) + _attribute(2, source_port) + _attribute(3, target_port)
    return _nest(which, addresses + _nest(2, ports))


def _nest(kind: int, content: bytes) -> bytes:
    return _attribute(kind | 0x8000, content)


def _attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("=HH", len(content) + 4, kind) + content + b"\0" * (-len(content) % 4)


def _message(kind: int, flags: int, content: bytes) -> bytes:
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + content
    return struct.pack("=IHHII", len(body) + 16, kind, flags, 0, 0) + body


def _socket() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)


if __name__ == "__main__":
    if sys.argv[1:] == ["fill"]:
        fill()
    else:
        empty()
