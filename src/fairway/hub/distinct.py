"""Distinct combinations of columns of codes, as integers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def distinct(*keys: NDArray[Any]) -> tuple[Ints, Ints]:
    """A row of each distinct combination of the keys (columns of one length), and each row's combination."""
    _, positions, groups = np.unique(keys[0], return_index=True, return_inverse=True)
    for key in keys[1:]:
        values, codes = np.unique(key, return_inverse=True)
        if len(values) > 1:
            _, positions, groups = np.unique(groups * len(values) + codes, return_index=True, return_inverse=True)
    return positions, groups
