"""A question to the database: a statement, and what is bound in it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """A statement, and its parameters by name. No text of a user is in the statement."""

    statement: str
    parameters: dict[str, Any] = field(default_factory=dict)
    coded: bool = False
    """Words as dictionaries: for many rows. Each block of an answer brings its own, so for sums, which come in many
    small blocks, reading them takes longer than making them."""
