"""Addresses as the kernel keeps them: 16 bytes, an IPv4 address mapped into ::ffff:0:0/96 (RFC 4291, 2.5.5.2)."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

V4_PREFIX: Final = bytes(10) + b"\xff\xff"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@lru_cache(maxsize=65536)
def packed(address: str) -> bytes:
    """The 16 bytes of an address written as text; ValueError if it is none."""
    parsed = ip_address(address)
    return V4_PREFIX + parsed.packed if parsed.version == 4 else parsed.packed


@lru_cache(maxsize=65536)
def text(address: bytes) -> str:
    """The canonical text of 16 bytes; the mapped prefix means IPv4."""
    return str(IPv4Address(address[12:]) if address.startswith(V4_PREFIX) else IPv6Address(address))


def family(address: bytes) -> int:
    """4 or 6."""
    return 4 if address.startswith(V4_PREFIX) else 6
