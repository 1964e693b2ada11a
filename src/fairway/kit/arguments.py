"""Command-line options that several verbs share, and their types."""

import argparse
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = timedelta(days=36500)


def duration(text: str) -> timedelta:
    """`90s`, `5m`, `2h`, `7d`, or several in a row (`1h30m`); for argparse, which words the error."""
    if not re.fullmatch(r"([0-9]{1,9}[smhd])+", text):
        raise argparse.ArgumentTypeError(f"`{text}` is no duration; write 90s, 5m, 2h or 7d")
    parts = re.findall(r"([0-9]+)([smhd])", text)
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST.total_seconds():
        raise argparse.ArgumentTypeError(f"`{text}` is no duration of this world; at most {_LONGEST.days}d")
    return timedelta(seconds=seconds)


def interval(text: str) -> timedelta:
    """A duration that is not nothing; for argparse."""
    found = duration(text)
    if not found:
        raise argparse.ArgumentTypeError(f"`{text}` is no interval; write 1s or more")
    return found


def count(text: str) -> int:
    """A whole number from 1 on; for argparse."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number from 1 on")
    return int(text)


def between(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds; for argparse."""

    def number(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"`{text}` is no whole number from {low} to {high}")
        return int(text)

    return number


def add_output(parser: argparse.ArgumentParser) -> None:
    """Give a verb `--output`, as a value of fairway.kit.show.Output."""
    parser.add_argument(
        "--output", choices=("table", "json", "yaml"), default="table", help="how to print (default: %(default)s)"
    )
