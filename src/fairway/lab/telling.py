"""How the demo speaks: a heading per step, what is under way, tables, and a verdict. It keeps the figures."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fairway.kit import show

INDENT: Final = 4


class StepFailedError(Exception):
    """A step did not hold; the text says what was expected and what was seen."""


@dataclass(slots=True)
class Step:
    """One step of the story: whether it held, and its figures."""

    name: str
    ok: bool = False
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Telling:
    """The story so far. `total` is the number of steps to come."""

    total: int
    steps: list[Step] = field(default_factory=list)
    number: int = 0

    @contextmanager
    def step(self, number: int, name: str, title: str) -> Iterator[Step]:
        """Tell a step; one that raises StepFailedError is told as such, and ends the story."""
        step = Step(name)
        self.steps.append(step)
        self.number = number
        started = time.monotonic()
        show.out.print(f"\n[bold]{number}/{self.total}  {title}[/bold]", markup=True)
        try:
            yield step
            step.ok = True
        except StepFailedError as error:
            self.say(f"[red]✗[/red] {error}")
        finally:
            step.figures["seconds"] = round(time.monotonic() - started, 1)
        if step.ok:
            self.say(f"[green]✓[/green] held, {step.figures['seconds']:.1f} s")

    @property
    def ok(self) -> bool:
        return all(step.ok for step in self.steps)

    def say(self, text: str, more: int = 0) -> None:
        """A sentence below the step's heading."""
        show.out.print(Padding(Text.from_markup(text), (0, 0, 0, INDENT + more), expand=False))

    def verbatim(self, text: str) -> None:
        """A file as it is; long lines are the terminal's to wrap."""
        show.out.print(Text(indent(text.rstrip(), " " * INDENT)), soft_wrap=True)

    def table(self, values: Sequence[Mapping[str, Any]], right: Sequence[str] = ()) -> None:
        """A table of like mappings; nothing if there are none."""
        if values:
            self.sections({"": values}, right)

    def sections(self, groups: Mapping[str, Sequence[Mapping[str, Any]]], right: Sequence[str] = ()) -> None:
        """One table in named parts."""
        first = next(rows[0] for rows in groups.values() if rows)
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for key in first:
            table.add_column(key.replace("_", " "), justify="right" if key in right else "left", overflow="fold")
        for name, rows in groups.items():
            if name and rows:
                table.add_row(Text(name, style="italic"))
            for row in rows:
                table.add_row(*(show.cell(value) for value in row.values()))
        show.out.print(Padding(table, (0, 0, 0, INDENT), expand=False))

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """While something takes its time: a spinner on a terminal, a line elsewhere."""
        if show.out.is_interactive:
            with show.out.status(what):
                yield
        else:
            self.say(f"{what} ...")
            yield

    def record(self) -> dict[str, Any]:
        """The story as one JSON value."""
        steps = [{"name": step.name, "ok": step.ok, "figures": step.figures} for step in self.steps]
        return {"ok": self.ok, "steps": steps}


def require(held: object, otherwise: str) -> None:
    """StepFailedError unless it held."""
    if not held:
        raise StepFailedError(otherwise)
