"""The tables' layouts out of the built object, which is opened and never loaded: no root, no kernel."""

import ctypes as c
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from fairway.agent.kernel import OBJECT, TABLES, Table, dtype_of
from fairway.agent.layout import Layouts
from fairway.agent.libbpf import ObjectOptions, library


@dataclass(frozen=True)
class Spec:
    """What a Kernel knows before it asks the kernel for anything."""

    layouts: Layouts
    tables: dict[str, Table]
    event: np.dtype[np.void]


@pytest.fixture(scope="session")
def spec() -> Iterator[Spec]:
    assert OBJECT.exists(), "build it: make bpf"
    opened = library().bpf_object__open_file(
        str(OBJECT).encode(), c.byref(ObjectOptions(size=c.sizeof(ObjectOptions)))
    )
    layouts = Layouts(library().bpf_object__btf(opened))
    tables = {
        name: Table(name, -1, dtype_of(layouts, key), dtype_of(layouts, value), 0)
        for name, (key, value) in TABLES.items()
    }
    yield Spec(layouts, tables, layouts.struct("event"))
    library().bpf_object__close(opened)
