"""Written: endpoints as the words of columns, each written once and not again for every segment."""

from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from fairway.hub.columns import END
from fairway.kit.codes import Ints
from fairway.wire.endpoint import Endpoint

_MOST: Final = 1 << 18
"""Endpoints; with more all is forgotten and begun anew."""
_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "labels": lambda labels: msgspec.json.encode(dict(labels)).decode(),
    "ports": lambda ports: msgspec.json.encode(ports).decode(),
}


class _Field:
    """One field of all endpoints: each one's code, and the words that codes mean."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._codes = array("i")
        self._known: dict[str, int] = {}
        self._words = pa.array([], pa.string())

    def add(self, end: Endpoint) -> None:
        word = _WORDS.get(self._name, str)(getattr(end, self._name))
        self._codes.append(self._known.setdefault(word, len(self._known)))

    def column(self, numbers: Ints) -> pa.DictionaryArray:
        if len(self._words) < len(self._known):
            self._words = pa.array(list(self._known), pa.string())
        codes = np.frombuffer(self._codes, np.int32)[numbers] if len(numbers) else np.zeros(0, np.int32)
        used = np.zeros(len(self._words), bool)
        used[codes] = True
        places = np.cumsum(used, dtype=np.int32) - np.int32(1)
        return pa.DictionaryArray.from_arrays(places[codes], self._words.filter(pa.array(used)))


class Written:
    """Numbers of endpoints, by identity: names give the same object for the same owner, and comparing labels takes
    long."""

    def __init__(self) -> None:
        self._ends: list[Endpoint] = []
        self._numbers: dict[int, int] = {}
        self._fields: dict[str, _Field] = {}
        self._begin()

    @property
    def ends(self) -> Sequence[Endpoint]:
        """By number."""
        return self._ends

    def bound(self) -> None:
        """Forget all if it is much; numbers count no more."""
        if len(self._ends) > _MOST:
            self._begin()

    def number(self, end: Endpoint) -> int:
        """The endpoint's own number."""
        number = self._numbers.get(id(end))
        if number is None:
            number = self._numbers[id(end)] = len(self._ends)
            self._ends.append(end)
            for field in self._fields.values():
                field.add(end)
        return number

    def column(self, field: str, numbers: Ints) -> pa.DictionaryArray:
        """A field of END of each of these endpoints."""
        return self._fields[field].column(numbers)

    def _begin(self) -> None:
        self._ends.clear()
        self._numbers.clear()
        self._fields = {field: _Field(field) for field in END}
