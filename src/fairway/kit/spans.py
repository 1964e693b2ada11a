"""Lengths of time in words."""

from datetime import timedelta
from typing import Final

_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60))


def span(time: timedelta) -> str:
    """With its largest fitting unit: `45 s`, `30 min`, `12 h`, `9.5 d`."""
    seconds = time.total_seconds()
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
