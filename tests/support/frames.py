"""Ethernet frames by hand, so that tests say exactly which bytes the kernel gets."""

import struct
from ipaddress import ip_address

TCP, UDP, ICMP, ICMPV6, SCTP = 6, 17, 1, 58, 132
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


def ethernet(payload: bytes, ethertype: int) -> bytes:
    return bytes.fromhex("020000000002020000000001") + struct.pack("!H", ethertype) + payload


def ipv4(src: str, dst: str, protocol: int, payload: bytes, *, fragment: int = 0, id: int = 1) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), id, fragment, 64, protocol, 0)
    return ethernet(header + ip_address(src).packed + ip_address(dst).packed + payload, 0x0800)


def ipv6(src: str, dst: str, protocol: int, payload: bytes, *, hops: int = 64) -> bytes:
    header = struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops)
    return ethernet(header + ip_address(src).packed + ip_address(dst).packed + payload, 0x86DD)


def ip(src: str, dst: str, protocol: int, payload: bytes) -> bytes:
    return (ipv4 if ip_address(src).version == 4 else ipv6)(src, dst, protocol, payload)


def tcp(sport: int, dport: int, flags: int = SYN, payload: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 5 << 4, flags, 65535, 0, 0) + payload


def udp(sport: int, dport: int, payload: bytes = b"x" * 8) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def icmp(type: int, id: int = 7, rest: bytes = b"") -> bytes:
    return struct.pack("!BBHHH", type, 0, 0, id, 1) + rest


def transport(protocol: int, sport: int, dport: int) -> bytes:
    """The first packet of a connection."""
    if protocol == TCP:
        return tcp(sport, dport)
    if protocol in (UDP, SCTP):
        return udp(sport, dport)
    return icmp(8 if protocol == ICMP else 128, id=sport)


def fragment_header(next: int, offset: int, more: bool, id: int = 9) -> bytes:
    return struct.pack("!BBHI", next, 0, offset << 3 | more, id)


def extension(next: int, words: int = 0) -> bytes:
    return struct.pack("!BB6x", next, words) + bytes(8 * words)
