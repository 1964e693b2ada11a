"""Distinct combinations of columns of codes, as integers."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def distinct(*keys: NDArray[Any]) -> tuple[Ints, Ints]:
    """The first row of each distinct combination of the keys (columns of one length), in order, and each row's
    combination. Hashed: sorting fifty thousand rows for each key takes ten times as long."""
    groups, size = _coded(keys[0])
    for key in keys[1:]:
        codes, values = _coded(key)
        if values > 1:
            groups, size = _coded(groups * values + codes)
    positions = np.empty(size, np.int64)
    positions[groups[::-1]] = np.arange(len(groups) - 1, -1, -1)
    return positions, groups


def _coded(key: NDArray[Any]) -> tuple[Ints, int]:
    """Each row's code, counted in the order of first appearance, and how many there are."""
    coded = pa.array(np.ascontiguousarray(key)).dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64), len(coded.dictionary)
