"""The tables that a running agent pinned, opened for reading only: nothing here can change what it does."""

import ctypes as c
import os
from pathlib import Path
from typing import Final

from fairway.agent.kernel import OBJECT, TABLES, Table, dtype_of, layout_name, maps_of
from fairway.agent.layout import Layouts
from fairway.agent.libbpf import ObjectOptions, check, library
from fairway.kit.errors import EnvironmentLacksError

_READ_ONLY: Final = 1 << 3  # BPF_F_RDONLY
_READ: Final = ("flows", "denials")


class _GetOptions(c.Structure):
    """struct bpf_obj_get_opts of libbpf 1.0."""

    _fields_ = (("size", c.c_size_t), ("file_flags", c.c_uint32))


class _MapInfo(c.Structure):
    """struct bpf_map_info, its first words."""

    _fields_ = tuple(
        (name, c.c_uint32) for name in ("kind", "id", "key_size", "value_size", "max_entries", "flags")
    )


class PinnedTables:
    """`tables` by name. EnvironmentLacksError if tables of this layout are not there."""

    def __init__(self, pins: Path) -> None:
        self._object = library().bpf_object__open_file(
            str(OBJECT).encode(), c.byref(ObjectOptions(size=c.sizeof(ObjectOptions)))
        )
        layouts = Layouts(library().bpf_object__btf(self._object))
        folder = pins / layout_name(maps_of(self._object), layouts)
        if not folder.is_dir():
            raise EnvironmentLacksError(
                f"{pins} holds the tables of an agent of another version; run the `fairway top` it came with"
            )
        self.tables = {name: _open(folder / name, layouts) for name in _READ}

    def close(self) -> None:
        """Let go."""
        for table in self.tables.values():
            os.close(table.fd)
        library().bpf_object__close(self._object)


def agent_tables(pins: Path) -> bool:
    """Whether an agent has, or had, its tables there."""
    try:
        return any((path / "flows").exists() for path in pins.iterdir())
    except OSError:
        return False


def _open(path: Path, layouts: Layouts) -> Table:
    get = library().bpf_obj_get_opts
    get.restype, get.argtypes = c.c_int, (c.c_char_p, c.POINTER(_GetOptions))
    options = _GetOptions(c.sizeof(_GetOptions), _READ_ONLY)
    fd = check(get(str(path).encode(), c.byref(options)), f"cannot open {path}")
    info, size = _MapInfo(), c.c_uint32(c.sizeof(_MapInfo))
    check(library().bpf_obj_get_info_by_fd(fd, c.byref(info), c.byref(size)), f"cannot look at {path}")
    key, value = (dtype_of(layouts, name) for name in TABLES[path.name])
    return Table(path.name, fd, key, value, info.max_entries)
