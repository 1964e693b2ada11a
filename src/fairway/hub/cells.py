"""Cells: endpoints and words as the columns of a table of flows."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.hub.columns import END
from fairway.wire.endpoint import Endpoint


def coded(codes: NDArray[Any], words: Sequence[str]) -> pa.DictionaryArray:
    """words[code] for each row, as dictionary column of the distinct words in use."""
    used = np.zeros(max(len(words), 1), bool)
    used[codes.astype(np.intp)] = True
    dictionary: dict[str, int] = {}
    mine = np.zeros(len(used), np.int32)
    for code in np.flatnonzero(used):
        mine[code] = dictionary.setdefault(words[int(code)], len(dictionary))
    return pa.DictionaryArray.from_arrays(mine[codes.astype(np.intp)], pa.array(list(dictionary), pa.string()))


@lru_cache(maxsize=65536)
def cells(end: Endpoint) -> tuple[str, ...]:
    """An endpoint's columns, in the order of END."""
    written = {
        "labels": msgspec.json.encode(dict(end.labels)).decode(),
        "ports": msgspec.json.encode(end.ports).decode(),
    }
    return tuple(written.get(field) or str(getattr(end, field)) for field in END)
