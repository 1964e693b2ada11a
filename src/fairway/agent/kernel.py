"""The kernel's half: the loaded object, its tables as NumPy arrays, and its programs.

Tables are pinned below `pins`, if given: when the agent dies they live on with the programs that use them, and
the next agent takes them over. A directory per layout keeps an agent from reading another version's tables.
"""

import contextlib
import ctypes as c
import errno
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairway.agent import bpffs
from fairway.agent.layout import Layouts
from fairway.agent.libbpf import (
    BatchOptions,
    BPFError,
    ObjectOptions,
    TestRunOptions,
    check,
    library,
    messages,
)
from fairway.agent.refusal import refused
from fairway.kit.errors import EnvironmentLacksError

OBJECT: Final = Path(__file__).with_name("fairway.bpf.o")
CHUNK: Final = 8192
_NOT_BATCHED: Final = 524  # the kernel's own ENOTSUPP: tables of prefixes take no batches before Linux 5.13
Records = NDArray[np.void]


class Table:
    """One map. Keys and values are structured arrays; whole-table reads and writes go in batches."""

    def __init__(self, name: str, fd: int, key: np.dtype[np.void], value: np.dtype[np.void], size: int) -> None:
        self.name, self.fd, self.key, self.value, self.size = name, fd, key, value, size

    def get(self, key: Records) -> Records | None:
        """The value of one key (an array of length 1), or None."""
        value = np.zeros(1, self.value)
        if library().bpf_map_lookup_elem(self.fd, key.ctypes.data, value.ctypes.data) < 0:
            return None
        return value

    def set(self, key: Records, value: Records) -> None:
        """Write one entry; the kernel replaces it at one stroke."""
        self._check(library().bpf_map_update_elem(self.fd, key.ctypes.data, value.ctypes.data, 0), "write to")

    def delete(self, key: Records) -> bool:
        """Remove one entry; whether it was there."""
        return bool(library().bpf_map_delete_elem(self.fd, key.ctypes.data) >= 0)

    def room(self) -> tuple[Records, Records]:
        """Arrays that `read` can fill again and again. They take memory only as far as they were filled."""
        # Room for entries that come twice: the kernel refuses to hand out a part of one of its buckets.
        return np.zeros(self.size + CHUNK, self.key), np.zeros(self.size + CHUNK, self.value)

    def read(self, room: tuple[Records, Records] | None = None) -> tuple[Records, Records]:
        """All entries, read in batches; in `room`, if given. An entry that moves while it is read may come twice or
        not at all."""
        return self._batches(library().bpf_map_lookup_batch, *(room or self.room()))

    def take(self) -> tuple[Records, Records]:
        """All entries, each removed as it is read."""
        return self._batches(library().bpf_map_lookup_and_delete_batch, *self.room())

    def _batches(self, look_up: Callable[..., int], keys: Records, values: Records) -> tuple[Records, Records]:
        cursor_in, cursor_out = np.zeros(64, "u1"), np.zeros(64, "u1")
        options, filled, first = BatchOptions(size=c.sizeof(BatchOptions)), 0, True
        while filled < self.size:
            count = c.c_uint32(CHUNK)
            result = look_up(
                self.fd,
                None if first else cursor_in.ctypes.data,
                cursor_out.ctypes.data,
                keys.ctypes.data + filled * self.key.itemsize,
                values.ctypes.data + filled * self.value.itemsize,
                c.byref(count),
                c.byref(options),
            )
            number = c.get_errno() if result < 0 else 0
            if number not in (0, errno.ENOENT):
                raise BPFError(f"cannot read table `{self.name}`", number)
            filled += count.value
            if number == errno.ENOENT:
                break
            cursor_in, cursor_out, first = cursor_out, cursor_in, False
        return keys[:filled], values[:filled]

    def write(self, keys: Records, values: Records) -> None:
        """Write many entries."""
        done = 0
        while done < len(keys):
            count = c.c_uint32(len(keys) - done)
            options = BatchOptions(size=c.sizeof(BatchOptions))
            result = library().bpf_map_update_batch(
                self.fd,
                keys.ctypes.data + done * self.key.itemsize,
                values.ctypes.data + done * self.value.itemsize,
                c.byref(count),
                c.byref(options),
            )
            if result < 0 and c.get_errno() == _NOT_BATCHED:
                for index in range(len(keys)):
                    self.set(keys[index : index + 1], values[index : index + 1])
                return
            self._check(result, "write to")
            done += count.value

    def remove(self, keys: Records) -> None:
        """Remove many entries; those already gone do not matter."""
        for index in range(len(keys)):
            library().bpf_map_delete_elem(self.fd, keys.ctypes.data + index * self.key.itemsize)

    def keys(self) -> Records:
        """All keys, one call each: for tables that some kernels cannot read in batches."""
        found: list[bytes] = []
        current, following = None, np.zeros(1, self.key)
        while library().bpf_map_get_next_key(self.fd, current, following.ctypes.data) >= 0:
            found.append(following.tobytes())
            previous = following.copy()
            current = previous.ctypes.data
        return np.frombuffer(b"".join(found), self.key).copy()

    def _check(self, result: int, doing: str) -> None:
        if result < 0:
            raise BPFError(f"cannot {doing} table `{self.name}` of {self.size} entries", c.get_errno() or -result)


TABLES: Final = {  # name: (key, value), as named in the object's BTF; plain numbers as dtype strings
    "flows": ("flow_key", "flow"),
    "denials": ("flow_key", "denial"),
    "fragments": ("fragment_key", "ports"),
    "pods": ("<u4", "pod"),
    "totals": ("<u4", "totals"),
    "told": ("<u4", "totals"),
    "addresses": ("address", "identity"),
    "networks": ("network", "identity"),
    "rules": ("rule_key", "<u4"),
    "settings": ("<u4", "config"),
    "clock": ("<u4", "clock"),
    "holders": ("holder", "<u4"),
    "names": ("name", "name_numbers"),
    "named": ("named_key", "<u4"),
    "learned": ("holder", "learned"),
    "answered": ("holder", "answered"),
    "questions": ("question_key", "question"),
    "askers": ("flow_key", "<u8"),
    "asked": ("asked_key", "asked"),
    "asked_at": ("question_key", "<u8"),
}
_RINGS: Final = {"events": ("event",), "spills": ("spill",), "answers": ("answer",)}
_PARTS: Final[dict[str, tuple[str, ...]]] = {**TABLES, **_RINGS}
MEANING: Final = 1
"""To be counted up when a field means something else in the same place: it makes another layout."""
COUNTERS: Final = (
    "judged",
    "denied",
    "would_deny",
    "events_lost",
    "flows_full",
    "fragments_unmatched",
    "packets_unparsed",
    "packets_not_ip",
    "spills_lost",
    "answers_unread",
    "answers_lost",
    "dns_noerror",
    "dns_servfail",
    "dns_nxdomain",
    "dns_refused",
    "dns_other",
    "asked_lost",
)
_LINKS: Final = ("links", "uplinks", "sockets")
_OPTIONAL: Final = ("fairway_sockets",)
"""Programs that the others do without, where a kernel refuses them."""


class Kernel:
    """The loaded object. `pins`: a folder on a BPF file system, or None to leave nothing behind.

    `sizes` sets tables' entries before they are made. EnvironmentLacksError says in one line what this kernel
    or user lacks. `lacking` are the programs that this kernel refuses and the others do without.
    """

    def __init__(self, pins: Path | None = None, sizes: dict[str, int] | None = None) -> None:
        if not OBJECT.exists():
            raise EnvironmentLacksError(f"the BPF object {OBJECT.name} is not built; run `make bpf`")
        messages()
        self.pins: Path | None = None
        self._object: int | None = None
        self.lacking: tuple[str, ...] = ()
        maps, layouts, made = self._open(sizes or {}, pins)
        if library().bpf_object__load(self._object) < 0:
            first = refused("load", messages(), c.get_errno())
            self.close()
            self.lacking = _OPTIONAL
            maps, layouts, made = self._open(sizes or {}, pins, made=made)
            for name in self.lacking:
                if (program := self._found(name)) is not None:
                    library().bpf_program__set_autoload(program, False)
            if library().bpf_object__load(self._object) < 0:
                raise self._given_up(first, made)
        self.event, self.spill, self.answer = (layouts.struct(name) for name in ("event", "spill", "answer"))
        self.fds = {name: library().bpf_map__fd(pointer) for name, pointer in maps.items()}
        self.tables = {
            name: Table(
                name,
                self.fds[name],
                dtype_of(layouts, key),
                dtype_of(layouts, value),
                library().bpf_map__max_entries(maps[name]),
            )
            for name, (key, value) in TABLES.items()
        }
        self.ring_bytes = int(library().bpf_map__max_entries(maps["events"]))
        self.answer_bytes = int(library().bpf_map__max_entries(maps["answers"]))

    def close(self) -> None:
        """Let go of the object; what is pinned or attached lives on."""
        if self._object:
            library().bpf_object__close(self._object)
            self._object = None

    def remove_other_builds(self) -> list[str]:
        """Remove the pinned tables of other builds, which no program uses once ours are attached; their names."""
        if self.pins is None:
            return []
        others = [path for path in self.pins.parent.iterdir() if path.name not in (self.pins.name, *_LINKS)]
        for path in others:
            shutil.rmtree(path, ignore_errors=True)
        return sorted(path.name for path in others)

    def program(self, name: str) -> int:
        """File descriptor of a program."""
        pointer = self._found(name)
        return check(library().bpf_program__fd(pointer) if pointer else -errno.ENOENT, f"no program `{name}`")

    def run(self, program: str, frame: bytes, context: NDArray[np.uint8] | None = None) -> int:
        """Verdict of a program on one frame, by BPF_PROG_TEST_RUN."""
        data = c.create_string_buffer(frame, len(frame))
        options = TestRunOptions(
            size=c.sizeof(TestRunOptions), data_in=c.addressof(data), data_size_in=len(frame), repeat=1
        )
        if context is not None:
            options.ctx_in, options.ctx_size_in = context.ctypes.data, context.nbytes
        check(library().bpf_prog_test_run_opts(self.program(program), c.byref(options)), f"cannot run `{program}`")
        return int(c.c_int32(options.retval).value)

    def counters(self) -> dict[str, int]:
        """The kernel's counters, added up over CPUs."""
        cpus = library().libbpf_num_possible_cpus()
        values, result = np.zeros(cpus, "u8"), {}
        for index, name in enumerate(COUNTERS):
            key = c.c_uint32(index)
            check(
                library().bpf_map_lookup_elem(self.fds["counters"], c.addressof(key), values.ctypes.data),
                "cannot read the counters",
            )
            result[name] = int(values.sum())
        return result

    def _open(
        self, sizes: dict[str, int], pins: Path | None, *, made: bool = False
    ) -> tuple[dict[str, int], Layouts, bool]:
        """Open the object without loading it: its maps by name, its layouts, and whether the folder of its pins is
        new."""
        options = ObjectOptions(size=c.sizeof(ObjectOptions))
        self._object = library().bpf_object__open_file(str(OBJECT).encode(), c.byref(options))
        if not self._object:
            raise self._given_up(refused("open", messages(), c.get_errno()), made)
        maps, layouts = maps_of(self._object), Layouts(library().bpf_object__btf(self._object))
        for name, number in sizes.items():
            library().bpf_map__set_max_entries(maps[name], number)
        if pins is not None:
            self.pins = pins / layout_name(maps, layouts)
            made = made or not self.pins.exists()
            bpffs.make(self.pins)
        for name, pointer in maps.items():
            path = str(self.pins / name).encode() if self.pins is not None else None
            library().bpf_map__set_pin_path(pointer, path)
        return maps, layouts, made

    def _found(self, name: str) -> int | None:
        pointer: int | None = library().bpf_object__find_program_by_name(self._object, name.encode())
        return pointer

    def _given_up(self, error: BPFError, made: bool) -> BPFError:
        """The error, once nothing is left of what was made."""
        if made and self.pins is not None:
            with contextlib.suppress(OSError):  # whatever else lies there stays
                self.pins.rmdir()
                self.pins.parent.rmdir()
        self.close()
        return error


def maps_of(opened: int) -> dict[str, int]:
    """The maps of an opened object, by name."""
    found, pointer = {}, library().bpf_object__next_map(opened, None)
    while pointer:
        found[library().bpf_map__name(pointer).decode()] = pointer
        pointer = library().bpf_object__next_map(opened, pointer)
    return found


def layout_name(maps: dict[str, int], layouts: Layouts) -> str:
    """Name of the layout of all tables, and of the folder that they are pinned in. One that differs is another
    table: nobody must ever read those that are not its own. Programs that only work otherwise take over the tables
    of those before."""
    told: list[object] = [MEANING]
    for name, pointer in sorted(maps.items()):
        told.append((name, library().bpf_map__type(pointer), library().bpf_map__max_entries(pointer)))
        told += [dtype_of(layouts, part).descr for part in _PARTS.get(name, ())]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


def dtype_of(layouts: Layouts, name: str) -> np.dtype[np.void]:
    """The dtype of a name in TABLES."""
    return np.dtype(name) if name.startswith("<") else layouts.struct(name)


def record(dtype: np.dtype[np.void], *values: object) -> Records:
    """One record as an array of length 1, fields in their order."""
    return np.array([tuple(values)] if dtype.names else [values[0]], dtype)


def records(dtype: np.dtype[np.void], rows: Sequence[tuple[object, ...]]) -> Records:
    """Records from rows of field values."""
    return np.array(rows, dtype) if rows else np.zeros(0, dtype)
