"""Values know their path; problems name it once."""

from typing import Any

import pytest

from fairway.policy.fields import Field, parse_address, parse_network, shown


def field(value: Any) -> Field:
    return Field(value, "$", "f.yaml: Pod a/b", [])


def test_paths_go_through_mappings_lists_and_odd_keys() -> None:
    root = field({"a": [{"b/c": {"d": 1}}]})
    inner = next(root.get("a").each()).get("b/c", "d")
    assert (inner.path, inner.value) == ("$.a[0]['b/c'].d", 1)
    inner.problem("is wrong; mend it")
    inner.problem("is wrong; mend it")
    assert root.problems == ["f.yaml: Pod a/b: `$.a[0]['b/c'].d` is wrong; mend it"]


@pytest.mark.parametrize(
    ("value", "read", "part"),
    [
        ([1], lambda f: f.get("x").value, "is not a mapping"),
        ({}, lambda f: list(f.each()) or None, "is not a list"),
        (3, lambda f: f.text() or None, "3 is not text; put it in quotes"),
        (None, lambda f: f.required() or None, "is missing"),
        ("1", lambda f: f.integer(1, 9), "`1` is not a number from 1 to 9"),
        (10, lambda f: f.integer(1, 9), "10 is not a number from 1 to 9"),
        ("yes", lambda f: f.truth() or None, "`yes` is not true or false"),
        (["a"], lambda f: f.strings() or None, "is not a mapping; write `key: value`"),
        ("fe80::1%eth0", lambda f: f.address(), "is not an IP address"),
        ("10.0.0.0", lambda f: f.network(), "is not a network"),
    ],
)
def test_a_wrong_type_is_a_problem_and_reads_as_absent(value: Any, read: Any, part: str) -> None:
    found = field(value)
    assert read(found) is None
    assert [part in line for line in found.problems] == [True]


def test_absent_is_no_problem() -> None:
    found = field(None)
    assert (found.text("d"), found.integer(1, 2), found.truth(), list(found.each()), found.strings()) == (
        "d",
        None,
        False,
        [],
        {},
    )
    assert found.get("a", "b").value is None
    assert found.problems == []


def test_np34_one_address_has_one_text() -> None:
    assert str(parse_address("fd00:0::2")) == "fd00::2"
    assert str(parse_address("::ffff:10.0.0.1")) == "10.0.0.1"
    assert str(parse_network("10.0.0.99/24")) == "10.0.0.0/24"
    assert str(parse_network("::ffff:10.0.0.0/104")) == "10.0.0.0/8"
    assert str(parse_network("::/0")) == "::/0"


def test_input_is_quoted_short() -> None:
    assert shown("x" * 100) == f"`{'x' * 60}...`"
    assert shown(7) == "7"
    assert shown("a\nb\x1b[2J\x0c\ud800é") == "`a\\nb\\x1b[2J\\x0c\\ud800é`"
    assert shown(1 << 20_000).endswith("...")
    assert shown(["x" * 9] * 1000) == f"`{str(['x' * 9] * 9).replace(chr(39), chr(34))[:60]}...`"


def test_input_without_end_or_with_strange_keys_is_quoted_short() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert shown(endless) == "`[...`"
    assert shown({(1, 2): "x"}) == "`{...`"
