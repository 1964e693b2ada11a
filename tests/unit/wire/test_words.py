"""The numbers of words are those of bpf/fairway.h: two sides of one wire."""

import re
import socket
from enum import IntEnum
from pathlib import Path

import pytest

from fairway.agent.kernel import COUNTERS
from fairway.wire import rules
from fairway.wire.words import (
    ANY_PROTOCOL,
    PROTOCOL_NAMES,
    PROTOCOL_NUMBERS,
    Direction,
    Initiator,
    Mode,
    Reason,
    Slot,
    Verdict,
    protocol_name,
)

HEADER = (Path(__file__).parents[3] / "bpf" / "fairway.h").read_text()


def enumeration(name: str) -> dict[str, int]:
    """The names and numbers of an `enum` of the header; one without a number is the one before plus one."""
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
    (body,) = re.findall(rf"enum {name} {{(.*?)}}", code, flags=re.DOTALL)
    found: dict[str, int] = {}
    for item in filter(None, (part.strip() for part in body.split(","))):
        word, _, number = (part.strip() for part in item.partition("="))
        found[word] = int(number) if number else max(found.values(), default=-1) + 1
    return found


@pytest.mark.parametrize("words", [Direction, Slot, Mode, Verdict, Reason, Initiator])
def test_words_are_the_kernels(words: type[IntEnum]) -> None:
    prefix = "MODE_" if words is Mode else ""
    assert enumeration(words.__name__.lower()) == {f"{prefix}{word.name}": word.value for word in words}


def test_policies_and_identities_with_a_meaning() -> None:
    policies = {"POLICY_UNUSED": rules.UNUSED, "POLICY_OPEN": rules.OPEN, "POLICY_CLOSED": rules.CLOSED}
    assert enumeration("policy") == policies
    assert max(policies.values()) < rules.FIRST_POLICY
    defined = dict(re.findall(r"#define (IDENTITY_\w+) (\w+)", HEADER))
    assert {name: int(number, 0) for name, number in defined.items()} == {
        "IDENTITY_WORLD": rules.WORLD,
        "IDENTITY_ANY": rules.ANY,
    }


def test_counters_are_in_the_kernels_order() -> None:
    *names, end = enumeration("counter")
    assert end == "COUNTERS"
    assert tuple(name.lower() for name in names) == COUNTERS


def test_protocols_have_their_numbers() -> None:
    numbers = {name: getattr(socket, f"IPPROTO_{name.upper()}") for name in PROTOCOL_NUMBERS}
    assert numbers == PROTOCOL_NUMBERS
    assert ANY_PROTOCOL not in PROTOCOL_NAMES


@pytest.mark.parametrize(("number", "name"), [(6, "TCP"), (58, "ICMPv6"), (132, "SCTP"), (47, "47"), (0, "0")])
def test_a_protocol_without_a_name_is_its_number(number: int, name: str) -> None:
    assert protocol_name(number) == name
