"""Memory: what the agent does to stay small. Nothing here changes what it computes."""

import ctypes
import os
from typing import Final

_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",  # nobody multiplies matrices here
    "NUMPY_MADVISE_HUGEPAGE": "0",  # a table filled to a tenth would take whole huge pages
}
_ARENA_MAX: Final = -8  # M_ARENA_MAX of malloc.h
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD
_LARGE: Final = 1 << 20


def prepare() -> None:
    """Before NumPy is loaded and threads are started; what is set already stays."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        adjust(_ARENA_MAX, 1)  # threads that mostly wait need no heap of their own
        adjust(_MMAP_THRESHOLD, _LARGE)  # fixed: else large arrays come to lie among small things that stay


def give_back() -> None:
    """Return what is free to the kernel: an interval's arrays are gone by then, and the next comes in seconds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others need it less
    if trim is not None:
        trim(0)
