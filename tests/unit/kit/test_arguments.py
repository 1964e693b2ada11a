"""What people type on the command line."""

import argparse
from datetime import timedelta

import pytest

from fairway.kit.arguments import between, count, duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), ("5m", 300), ("2h", 7200), ("7d", 604800), ("1h30m", 5400)]
)
def test_duration(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "-5m", "5 m", "5w", "1.5h", "٣m", "9999999999s", "99999d", "1d" * 99999]
)
def test_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no duration"):
        duration(text)


def test_count() -> None:
    assert count("12") == 12


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", ""])
def test_no_count(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no whole number"):
        count(text)


@pytest.mark.parametrize("text", ["0", "90", "100"])
def test_within_bounds(text: str) -> None:
    assert between(0, 100)(text) == int(text)


@pytest.mark.parametrize("text", ["101", "-1", "9.5", "", "1000"])
def test_out_of_bounds(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no whole number from 0 to 100"):
        between(0, 100)(text)
