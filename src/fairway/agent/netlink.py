"""What the agent asks the kernel's netlink: which interface leads to an address, which network namespace is behind
an interface, who is it among those with a name, and who listens in there; and what it is told: interfaces that come
and go.

Formats: linux/netlink.h, linux/rtnetlink.h, linux/net_namespace.h, linux/inet_diag.h.
"""

import ctypes
import errno
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from fairway.kit.errors import EnvironmentLacksError
from fairway.wire.address import V4_PREFIX

_ROUTE, _SOCK_DIAG = 0, 4
_REQUEST, _DUMP = 0x1, 0x300
_ERROR, _DONE = 2, 3
_NEW_LINK, _DEL_LINK, _GET_LINK, _GET_ROUTE, _GET_FILTER, _GET_NSID, _SOCK_DIAG_BY_FAMILY = (
    16,
    17,
    18,
    26,
    46,
    90,
    20,
)
_RTA_DST, _RTA_OIF, _RTA_PREFSRC, _RTA_MULTIPATH, _NETNSA_NSID, _NETNSA_FD = 1, 4, 7, 9, 1, 3
_IFLA_MASTER, _IFLA_LINKINFO, _IFLA_INFO_KIND, _IFLA_LINK_NETNSID = 10, 18, 1, 37
_IFA_ADDRESS, _IFA_LOCAL, _IFA_TARGET_NETNSID = 1, 2, 10
_GET_ADDRESS: Final = 22
_SOL_NETLINK, _STRICT_CHECK = 270, 12
_LINK_GROUP: Final = 1
_ALL_CHANGED: Final = b"\xff" * 4
_RECEIVE_BYTES: Final = 4 << 20
_TCP_LISTEN: Final = 10
_CLONE_NEWNET: Final = 0x40000000
NAMED_NAMESPACES: Final = Path("/run/netns")


class Link(NamedTuple):
    """An interface: whether it is there, its kind (empty: hardware), the interface it is a port of (0: none), and
    whether its other end is in another network namespace; `fresh` if it was made just now."""

    number: int
    present: bool
    kind: str
    master: int
    elsewhere: bool
    fresh: bool


class OverrunError(Exception):
    """The kernel had more to tell than the socket could hold: look at everything again."""


class LinkNews:
    """Tells of interfaces that come, change and go in the network namespace it is made in."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        self._socket.bind((0, _LINK_GROUP))

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> list[Link]:
        """What one message tells; waits for it. OverrunError if some were lost."""
        try:
            data = self._socket.recv(1 << 18)
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                raise OverrunError from error
            raise
        return [_link(kind, body) for kind, body in _messages(data) if kind in (_NEW_LINK, _DEL_LINK)]


class Netlink:
    """A route socket of the network namespace this thread is in when it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE)
        self._strict = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE)
        self._strict.setsockopt(_SOL_NETLINK, _STRICT_CHECK, 1)  # else what is asked about a namespace is not heard

    def close(self) -> None:
        self._socket.close()
        self._strict.close()

    def addresses_in(self, namespace: int) -> frozenset[bytes]:
        """All addresses, of 16 bytes, in another network namespace, by the number this one knows it under. It takes
        NET_ADMIN, and no file of the namespace."""
        found = set()
        for family in (socket.AF_INET, socket.AF_INET6):
            body = struct.pack("=BBBBI", family, 0, 0, 0, 0)
            body += attribute(_IFA_TARGET_NETNSID, struct.pack("=i", namespace))
            for answer in ask(self._strict, _GET_ADDRESS, _REQUEST | _DUMP, body):
                attributes = dict(_attributes(answer[8:]))
                address = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS, b"")
                found.add(V4_PREFIX * (len(address) == 4) + address)
        return frozenset(found)

    def interface_to(self, address: bytes) -> int | None:
        """Index of the interface that the route to a 16-byte address leaves by; None if there is no route."""
        found = self._route_to(address).get(_RTA_OIF)
        return int.from_bytes(found, "little") if found else None

    def source_to(self, address: bytes) -> bytes | None:
        """The address, of 16 bytes, that this node itself would speak from to another one."""
        found = self._route_to(address).get(_RTA_PREFSRC)
        return V4_PREFIX * (len(found) == 4) + found if found else None

    def _route_to(self, address: bytes) -> dict[int, bytes]:
        short = address.removeprefix(V4_PREFIX) if address.startswith(V4_PREFIX) else address
        family = socket.AF_INET if len(short) == 4 else socket.AF_INET6
        body = struct.pack("=BBBBBBBBI", family, len(short) * 8, 0, 0, 0, 0, 0, 0, 0) + attribute(_RTA_DST, short)
        for answer in ask(self._socket, _GET_ROUTE, _REQUEST, body):
            return dict(_attributes(answer[12:]))
        return {}

    def peer_namespace(self, interface: int) -> int | None:
        """Number of the network namespace at a veth's other end, as this namespace counts them."""
        body = struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, interface, 0, 0)
        for answer in ask(self._socket, _GET_LINK, _REQUEST, body):
            found = dict(_attributes(answer[16:])).get(_IFLA_LINK_NETNSID)
            return int.from_bytes(found, "little", signed=True) if found else None
        return None

    def links(self) -> list[Link]:
        """Every interface of this namespace."""
        body = struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, 0, 0, 0)
        return [_link(_NEW_LINK, answer) for answer in ask(self._socket, _GET_LINK, _REQUEST | _DUMP, body)]

    def uplinks(self) -> frozenset[int]:
        """The interfaces that default routes leave by, both families."""
        found = set()
        for family in (socket.AF_INET, socket.AF_INET6):
            for answer in ask(
                self._socket, _GET_ROUTE, _REQUEST | _DUMP, struct.pack("=BBBBBBBBI", family, *[0] * 8)
            ):
                if answer[1] == 0:
                    attributes = dict(_attributes(answer[12:]))
                    found |= set(_next_hops(attributes.get(_RTA_MULTIPATH, b"")))
                    found.add(int.from_bytes(attributes.get(_RTA_OIF, b""), "little"))
        return frozenset(found - {0})

    def filters(self, interface: int, parent: int) -> int:
        """How many tc filters there are under a parent (TC_H_MAKE) of an interface."""
        body = struct.pack("=BBHiIII", socket.AF_UNSPEC, 0, 0, interface, 0, parent, 0)
        return sum(1 for _ in ask(self._socket, _GET_FILTER, _REQUEST | _DUMP, body))

    def named_namespaces(self, folder: Path = NAMED_NAMESPACES) -> dict[int, Path]:
        """The network namespaces with a file in `folder`, by the number this namespace knows them under."""
        result = {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue  # gone meanwhile
            try:
                body = struct.pack("=Bxxx", socket.AF_UNSPEC) + attribute(_NETNSA_FD, struct.pack("=I", handle))
                for answer in ask(self._socket, _GET_NSID, _REQUEST, body):
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
            for answer in ask(self._socket, _SOCK_DIAG_BY_FAMILY, _REQUEST | _DUMP, body):
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


def ask(sock: socket.socket, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """The bodies of the answers to one question; nothing if the kernel says there is no such thing."""
    sock.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
    bodies: list[bytes] = []
    while True:
        for answer_kind, answer in _messages(sock.recv(1 << 18)):
            if answer_kind in (_ERROR, _DONE):
                return iter(bodies)
            bodies.append(answer)
        if not flags & _DUMP:
            return iter(bodies)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        if length < 16:
            return
        yield kind, data[offset + 16 : offset + length]
        offset += (length + 3) & ~3


def _link(kind: int, body: bytes) -> Link:
    """struct ifinfomsg and its attributes."""
    attributes = dict(_attributes(body[16:]))
    described = dict(_attributes(attributes.get(_IFLA_LINKINFO, b"")))
    return Link(
        number=int.from_bytes(body[4:8], "little"),
        present=kind == _NEW_LINK,
        kind=described.get(_IFLA_INFO_KIND, b"").rstrip(b"\0").decode(errors="replace"),
        master=int.from_bytes(attributes.get(_IFLA_MASTER, b""), "little"),
        elsewhere=_IFLA_LINK_NETNSID in attributes,
        fresh=body[12:16] == _ALL_CHANGED,  # ifi_change
    )


def _next_hops(data: bytes) -> Iterator[int]:
    """Interfaces of a route with several ways: struct rtnexthop, one after the other."""
    offset = 0
    while offset + 8 <= len(data):
        length, _, _, interface = struct.unpack_from("=HBBi", data, offset)
        if length < 8:
            return
        yield interface
        offset += (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute of a message, padded (struct nlattr)."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            return
        yield kind & 0x3FFF, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
