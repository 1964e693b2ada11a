"""Moments as other programs write them."""

from datetime import UTC, datetime
from typing import Final

LATEST_US: Final = 4_102_444_800_000_000
"""2100: later moments are garbage."""


def moment(value: object) -> int | None:
    """Microseconds since 1970 of ISO 8601 or of a number of seconds, milli- or nanoseconds; None if it is no time.

    A time without a zone is UTC's.
    """
    try:
        number = float(str(value))
    except ValueError:
        return _iso(str(value))
    if not 0 < number < 4.2e18:
        return None
    scale = 1e-3 if number > 1e16 else 1 if number > 1e14 else 1e3 if number > 1e11 else 1e6
    return _bounded(int(number * scale))


def _iso(text: str) -> int | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _bounded(micros(parsed))


def micros(parsed: datetime) -> int:
    """Microseconds since 1970."""
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _bounded(number: int) -> int | None:
    return number if 0 <= number <= LATEST_US else None
