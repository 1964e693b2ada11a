"""Domain names in the kernel's form. Their numbers are tested on the kernel's own tables, in tests/kernel."""

import pytest

from fairway.agent.names import NAME_BYTES, wire_name


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("example.com", b"\7example\3com\0"),
        ("API.Example.COM.", b"\3api\7example\3com\0"),
        ("a" * 63 + "." + "b" * 62, b"\x3f" + b"a" * 63 + b"\x3e" + b"b" * 62 + b"\0"),
    ],
)
def test_a_name_as_dns_writes_it(name: str, written: bytes) -> None:
    assert wire_name(name) == written.ljust(NAME_BYTES, b"\0")
    assert len(wire_name(name)) == NAME_BYTES


def test_a_name_that_the_kernel_cannot_compare() -> None:
    name = "a" * 63 + "." + "b" * 63
    with pytest.raises(ValueError, match=r"is longer than the 126 characters that the kernel compares"):
        wire_name(name)
