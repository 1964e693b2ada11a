"""DNS messages as resolvers and their clients write them. RFC 1035 section 4."""

import struct
from ipaddress import ip_address

A, CNAME, AAAA = 1, 5, 28


def wire(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def query(name: str, number: int = 7, kind: int = A) -> bytes:
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + wire(name) + struct.pack("!2H", kind, 1)


def answer(name: str, *records: tuple[bytes, int, int, bytes], number: int = 7, flags: int = 0x8180) -> bytes:
    head = struct.pack("!6H", number, flags, 1, len(records), 0, 0) + wire(name) + struct.pack("!2H", A, 1)
    return head + b"".join(
        owner + struct.pack("!2HIH", kind, 1, ttl, len(content)) + content for owner, kind, ttl, content in records
    )


def of(address: str, ttl: int = 300, owner: bytes = b"\xc0\x0c") -> tuple[bytes, int, int, bytes]:
    """A record that gives an address; its owner is a pointer to the question unless told."""
    number = ip_address(address)
    return owner, A if number.version == 4 else AAAA, ttl, number.packed
