"""The four questions the agent asks the kernel's netlink: which interface leads to an address, which network
namespace is behind an interface, who is it among those with a name, and who listens in there.

Formats: linux/netlink.h, linux/rtnetlink.h, linux/net_namespace.h, linux/inet_diag.h.
"""

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fairway.kit.errors import EnvironmentLacksError
from fairway.wire.address import V4_PREFIX

_ROUTE, _SOCK_DIAG = 0, 4
_REQUEST, _DUMP = 0x1, 0x300
_ERROR, _DONE = 2, 3
_GET_LINK, _GET_ROUTE, _GET_NSID, _SOCK_DIAG_BY_FAMILY = 18, 26, 90, 20
_RTA_DST, _RTA_OIF, _IFLA_LINK_NETNSID, _NETNSA_NSID, _NETNSA_FD = 1, 4, 37, 1, 3
_TCP_LISTEN: Final = 10
_CLONE_NEWNET: Final = 0x40000000
NAMED_NAMESPACES: Final = Path("/run/netns")


class Netlink:
    """A route socket of the network namespace this thread is in when it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE)

    def close(self) -> None:
        self._socket.close()

    def interface_to(self, address: bytes) -> int | None:
        """Index of the interface that the route to a 16-byte address leaves by; None if there is no route."""
        short = address.removeprefix(V4_PREFIX) if address.startswith(V4_PREFIX) else address
        family = socket.AF_INET if len(short) == 4 else socket.AF_INET6
        body = struct.pack("=BBBBBBBBI", family, len(short) * 8, 0, 0, 0, 0, 0, 0, 0) + _attribute(_RTA_DST, short)
        for answer in _ask(self._socket, _GET_ROUTE, _REQUEST, body):
            found = dict(_attributes(answer[12:])).get(_RTA_OIF)
            return int.from_bytes(found, "little") if found else None
        return None

    def peer_namespace(self, interface: int) -> int | None:
        """Number of the network namespace at a veth's other end, as this namespace counts them."""
        body = struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, interface, 0, 0)
        for answer in _ask(self._socket, _GET_LINK, _REQUEST, body):
            found = dict(_attributes(answer[16:])).get(_IFLA_LINK_NETNSID)
            return int.from_bytes(found, "little", signed=True) if found else None
        return None

    def named_namespaces(self, folder: Path = NAMED_NAMESPACES) -> dict[int, Path]:
        """The network namespaces with a file in `folder`, by the number this namespace knows them under."""
        result = {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue  # gone meanwhile
            try:
                body = struct.pack("=Bxxx", socket.AF_UNSPEC) + _attribute(_NETNSA_FD, struct.pack("=I", handle))
                for answer in _ask(self._socket, _GET_NSID, _REQUEST, body):
                    found = dict(_attributes(answer[4:])).get(_NETNSA_NSID)
                    number = int.from_bytes(found, "little", signed=True) if found else -1
                    if number >= 0:
                        result[number] = path
            finally:
                os.close(handle)
        return result


class Listeners:
    """Asks for the TCP ports somebody listens on in another network namespace."""

    def __init__(self, namespace: Path) -> None:
        self._socket = _socket_inside(namespace)

    def close(self) -> None:
        self._socket.close()

    def ports(self) -> frozenset[int]:
        """TCP ports in state LISTEN, both families."""
        found = set()
        for family in (socket.AF_INET, socket.AF_INET6):
            body = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, 1 << _TCP_LISTEN)
            for answer in _ask(self._socket, _SOCK_DIAG_BY_FAMILY, _REQUEST | _DUMP, body):
                found.add(int.from_bytes(answer[4:6], "big"))
        return frozenset(found)


def _socket_inside(namespace: Path) -> socket.socket:
    """A netlink socket that belongs to another namespace. Only a thread of its own goes there: it never returns,
    and the namespace of everyone else stays as it is."""
    made: list[socket.socket | OSError] = []

    def enter() -> None:
        try:
            handle = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) < 0:
                    raise OSError(ctypes.get_errno(), "setns")
                made.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG))
            finally:
                os.close(handle)
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    result = made[0]
    if isinstance(result, OSError):
        raise EnvironmentLacksError(
            f"cannot look into network namespace {namespace}: {result.strerror}"
        ) from result
    return result


def _ask(sock: socket.socket, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """The bodies of the answers to one question; nothing if the kernel says there is no such thing."""
    sock.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
    bodies: list[bytes] = []
    while True:
        data = sock.recv(1 << 18)
        offset, more = 0, bool(flags & _DUMP)
        while offset + 16 <= len(data):
            length, answer_kind = struct.unpack_from("=IH", data, offset)
            if answer_kind in (_ERROR, _DONE):
                return iter(bodies)
            bodies.append(data[offset + 16 : offset + length])
            offset += (length + 3) & ~3
        if not more:
            return iter(bodies)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            return
        yield kind & 0x3FFF, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
