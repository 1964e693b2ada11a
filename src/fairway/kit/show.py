"""What people look at: tables that fit the terminal, or the same values as JSON or YAML; progress; no colour
where no terminal is."""

import json
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TextIO

import yaml
from rich.console import Console
from rich.table import Table

_PIPE_WIDTH: Final = 160
"""Columns where no terminal says how many it has: a pipe or a file takes wide lines better than folded ones."""


_NAME: Final = 14
"""Columns that a name needs at least so that somebody knows it again."""
_NOTHING: Final = ("", "0", "0 B", "-")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line: rich would end the process with 1, which says that the answer is no."""
        raise BrokenPipeError


def _console(stream: TextIO, *, stderr: bool = False) -> Console:
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return _Console(stderr=stderr, width=width, highlight=False, emoji=False)


out: Final = _console(sys.stdout)
err: Final = _console(sys.stderr, stderr=True)


class Output(StrEnum):
    """The formats of `--output`."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def rows(
    values: Sequence[Mapping[str, Any]],
    *,
    output: Output = Output.TABLE,
    title: str = "",
    right: Sequence[str] = (),
    empty: str = "nothing to show",
) -> None:
    """Print a list of like mappings: as a table with their keys for columns, or as JSON or YAML.

    `right` names the columns to align right (numbers); they are never folded. A table that does not fit the
    terminal goes without the columns that have nothing in them, and says so.
    """
    if output is not Output.TABLE:
        value(list(values), output=output)
        return
    if not values:
        out.print(empty, markup=False)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    room = out.width
    wide = _width(values, list(values[0])) > room
    bare = [key for key in values[0] if wide and all(str(row[key]) in _NOTHING for row in values)]
    keys = [key for key in values[0] if key not in bare]
    space = "\n" if _width(values, keys) > room else " "
    whole = _whole(values, keys, right, room)
    for key in keys:
        table.add_column(
            key.replace("_", space if key in whole else " "),
            justify="right" if key in right else "left",
            no_wrap=key in whole,
            overflow="fold",
        )
    for row in values:
        table.add_row(*(cell(row[key]) for key in keys))
    out.print(table)
    if bare:
        out.print(f"nothing in: {', '.join(bare).replace('_', ' ')}", markup=False, soft_wrap=True)


def _width(values: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> int:
    """Of a table in which nothing is folded."""
    return sum(max(len(key), *(len(str(row[key])) for row in values)) + 2 for key in keys) - 2


def _whole(
    values: Sequence[Mapping[str, Any]], keys: Sequence[str], right: Sequence[str], room: int
) -> Collection[str]:
    """Columns that are not folded: numbers, and the shortest others as long as there is room for the rest."""
    need = {key: max(*map(len, key.split("_")), *(len(str(row[key])) for row in values), 0) + 2 for key in keys}
    whole = {key for key in keys if key in right}
    others = sorted((key for key in keys if key not in whole), key=need.__getitem__)
    left = room - sum(need[key] for key in whole)
    for number, key in enumerate(others, 1):
        left -= need[key]
        if left < sum(min(need[other], _NAME) for other in others[number:]):
            break
        whole.add(key)
    return whole


def value(content: Any, *, output: Output = Output.JSON) -> None:
    """Print one value as JSON (default) or YAML, whole and without colour."""
    if output is Output.YAML:
        sys.stdout.write(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    else:
        sys.stdout.write(json.dumps(content, ensure_ascii=False, default=str) + "\n")


def size(count: float) -> str:
    """A number of bytes for a person: `1.2 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def cell(item: Any) -> str:
    """A value as a table shows it, safe from being read as markup."""
    if isinstance(item, bool):
        return "yes" if item else "no"
    return "" if item is None else str(item).replace("[", "\\[")
