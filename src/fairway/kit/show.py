"""What people look at: tables that fit the terminal, or the same values as JSON or YAML; progress; no colour
where no terminal is."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TextIO

import yaml
from rich.console import Console
from rich.table import Table

_PIPE_WIDTH: Final = 160
"""Columns where no terminal says how many it has: a pipe or a file takes wide lines better than folded ones."""


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

    `right` names the columns to align right (numbers).
    """
    if output is not Output.TABLE:
        value(list(values), output=output)
        return
    if not values:
        out.print(empty, markup=False)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for key in values[0]:
        table.add_column(key.replace("_", " "), justify="right" if key in right else "left", overflow="fold")
    for row in values:
        table.add_row(*(cell(item) for item in row.values()))
    out.print(table)


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
