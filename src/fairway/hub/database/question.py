"""A question to the database: a statement, and what is bound in it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """A statement, and its parameters by name. No text of a user is in the statement."""

    statement: str
    parameters: dict[str, Any] = field(default_factory=dict)
