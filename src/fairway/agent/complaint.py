"""Complaint: a trouble that lasts is told once, counted each time, and told again only after it was over."""

from collections.abc import Callable
from typing import Final

Say = Callable[[str], None]
_REASONS_KEPT: Final = 16


class Complaint:
    """What goes wrong with one thing. `consequence` ends the line: what happens meanwhile."""

    def __init__(self, subject: str, consequence: str, say: Say) -> None:
        self._subject, self._consequence, self._say = subject, consequence, say
        self._reasons: set[str] = set()
        self._since = 0
        self.count = 0

    def trouble(self, reason: str) -> None:
        """It went wrong; a reason that was told since it last went well is only counted."""
        self.count += 1
        self._since += 1
        if reason not in self._reasons and len(self._reasons) < _REASONS_KEPT:
            self._reasons.add(reason)
            self._say(f"{self._subject}: {reason}; {self._consequence}")

    def fine(self) -> None:
        """It went well."""
        if self._since:
            self._say(f"{self._subject}: well again after {self._since} failed attempts")
            self._since = 0
            self._reasons.clear()
