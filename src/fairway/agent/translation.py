"""Translation: how this node turns Services' addresses into their backends', as far as the node itself shows it.

kube-proxy's nftables mode has tables of its name, its iptables mode a chain KUBE-SERVICES in the table `nat`, its
ipvs mode the interface kube-ipvs0 (and that chain as well). What the older iptables keeps is not looked into; there
kube-proxy says its mode itself, at its metrics port of the loopback (`/proxyMode`).
Netlink: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h.
"""

import http.client
import socket
import struct
import time
from typing import Final

from fairway.agent.netlink import ask, attribute

MODES: Final = ("nftables", "ipvs", "iptables")
NONE: Final = "none"
_NETFILTER: Final = 12  # linux/netlink.h
_GET_TABLE, _GET_CHAIN = 10 << 8 | 1, 10 << 8 | 4
_NAME, _TABLE, _CHAIN_NAME = 1, 1, 3
_REQUEST: Final = 1
_FAMILIES: Final = (2, 10)  # NFPROTO_IPV4, NFPROTO_IPV6
_PORT: Final = 10249
_PATIENCE: Final = 0.3
_EVERY: Final = 60.0
"""Seconds between two looks: kube-proxy may start after the agent, and be given another mode."""


class Translation:
    """Of the network namespace of the thread that asks. `mode()`: one of MODES, several with `+`, or `none`."""

    def __init__(self) -> None:
        self._known, self._due = NONE, 0.0

    def mode(self) -> str:
        """As of at most a minute ago."""
        if time.monotonic() >= self._due:
            self._known, self._due = seen(), time.monotonic() + _EVERY
        return self._known


def seen(port: int = _PORT) -> str:
    """By the node's own tables, else by what kube-proxy says."""
    found = [mode for mode, there in (("nftables", _nftables()), ("ipvs", _ipvs())) if there]
    if not found and _chain():
        found = ["iptables"]
    return "+".join(found) or _said(port) or NONE


def _ipvs() -> bool:
    return any(name == "kube-ipvs0" for _, name in socket.if_nameindex())


def _nftables() -> bool:
    return any(_asked(_GET_TABLE, family, attribute(_NAME, b"kube-proxy\0")) for family in _FAMILIES)


def _chain() -> bool:
    body = attribute(_TABLE, b"nat\0") + attribute(_CHAIN_NAME, b"KUBE-SERVICES\0")
    return any(_asked(_GET_CHAIN, family, body) for family in _FAMILIES)


def _asked(kind: int, family: int, attributes: bytes) -> bool:
    """Whether the kernel has such a thing. A kernel without nftables, or one that may not be asked, has not."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER) as asking:
            return any(True for _ in ask(asking, kind, _REQUEST, struct.pack("!BBH", family, 0, 0) + attributes))
    except OSError:
        return False


def _said(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/proxyMode")
        said = connection.getresponse().read(64).decode("ascii", "replace").strip()
    except (OSError, http.client.HTTPException):
        said = ""
    finally:
        connection.close()
    return said if said in MODES else ""
