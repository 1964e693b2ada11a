"""Unknown: what foreign records say that flows have no column for. It is kept as it came, as JSON."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

MOST: Final = 1 << 16
"""Kinds of records that are kept apart before what is held is written and counting starts anew."""
MAX_TEXT: Final = 2048
"""Bytes of one record's; fields that come later in the alphabet are left out."""


class Unknown:
    """Numbers records by their unknown fields, from 1; 0 is a record without any. `forget` makes numbers void."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}

    def number(self, fields: Mapping[str, Any]) -> int:
        """The number of these fields together; 0 when there are too many kinds to tell them apart."""
        if not fields:
            return 0
        text = _text(fields)
        found = self._numbers.get(text)
        if found is None:
            if self.full:
                return 0
            found = self._numbers[text] = len(self._numbers)
        return found

    @property
    def full(self) -> bool:
        """It is time to `forget`."""
        return len(self._numbers) >= MOST

    def all(self) -> list[str]:
        """The texts by number."""
        return list(self._numbers)

    def forget(self) -> None:
        self._numbers = {"": 0}


def _text(fields: Mapping[str, Any]) -> str:
    whole = msgspec.json.encode(fields, order="sorted")
    if len(whole) <= MAX_TEXT:
        return whole.decode()
    kept: dict[str, Any] = {}
    size = 2
    for name in sorted(fields):
        size += len(msgspec.json.encode({name: fields[name]}))
        if size > MAX_TEXT:
            break
        kept[name] = fields[name]
    return msgspec.json.encode(kept).decode() if kept else ""
