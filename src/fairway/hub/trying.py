"""Trying: a part's step that may fail, told once and remembered until the part works again."""

import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from fairway.kit.errors import FairwayError

_ONE_LINE: Final = "this is a mistake in fairway, the log has its place"


class Trying:
    """For any thread; each part is one thread's. `failures` counts, by part, what nobody thought of."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._troubles: dict[str, str] = {}
        self.failures: Counter[str] = Counter()

    @property
    def troubles(self) -> Mapping[str, str]:
        """What cannot be done now, by the part that cannot, and why."""
        return self._troubles.copy()

    def attempt(self, part: str, step: Callable[[], object]) -> None:
        """Take a step that says whether it did anything. Tell each new trouble once, in one line, and its end."""
        try:
            if step() and self.works(part):
                self._log(f"{part}: fine again")
        except (FairwayError, OSError) as error:
            first, *more = str(error).splitlines() or [type(error).__name__]
            trouble = f"{first} (and {len(more)} more)" if more else first
            if self._troubles.get(part) != trouble:
                self._log(f"{part}: {trouble}; the last good state stays")
            self._troubles[part] = trouble
        except Exception as error:  # the other parts go on
            self.failed(part, error)

    def works(self, part: str) -> bool:
        """It did what it should; whether it could not before."""
        return self._troubles.pop(part, "") != ""

    def failed(self, part: str, error: Exception) -> None:
        """Something that nobody thought of: in the log whole, counted, and a trouble until the part works again."""
        trouble = f"{type(error).__name__}: {error}; {_ONE_LINE}"
        self.failures[part] += 1
        if self._troubles.get(part) != trouble:
            self._log("".join([f"{part}: ", *traceback.format_exception(error)]).rstrip())
        self._troubles[part] = trouble
