"""Addresses as 16 bytes and back."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairway.wire.address import V4_PREFIX, family, packed, text


@given(st.ip_addresses())
def test_round_trip(address: IPv4Address | IPv6Address) -> None:
    content = packed(str(address))
    assert len(content) == 16
    if address.version == 6 and address.ipv4_mapped:
        assert (text(content), family(content)) == (str(address.ipv4_mapped), 4)
    else:
        assert (text(content), family(content)) == (str(address), address.version)


@pytest.mark.parametrize(
    ("written", "content", "canonical", "version"),
    [
        ("10.0.0.7", V4_PREFIX + bytes([10, 0, 0, 7]), "10.0.0.7", 4),
        ("0.0.0.0", V4_PREFIX + bytes(4), "0.0.0.0", 4),
        ("::ffff:10.0.0.7", V4_PREFIX + bytes([10, 0, 0, 7]), "10.0.0.7", 4),
        ("::", bytes(16), "::", 6),
        ("2001:DB8:0:0::1", bytes.fromhex("20010db8") + bytes(11) + b"\1", "2001:db8::1", 6),
        ("::10.0.0.7", bytes(12) + bytes([10, 0, 0, 7]), "::a00:7", 6),
    ],
)
def test_by_example(written: str, content: bytes, canonical: str, version: int) -> None:
    assert packed(written) == content
    assert (text(content), family(content)) == (canonical, version)


@pytest.mark.parametrize(
    "written", ["", "10.0.0", "10.0.0.256", "10.0.0.1/32", "010.0.0.1", "::1::", "name", " 10.0.0.1"]
)
def test_no_address(written: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        packed(written)
