"""The part of the distribution's libbpf that the agent uses, by ctypes. Errors become one sentence.

Signatures are those of libbpf 0.6 to 1.x (bpf/libbpf.h, bpf/bpf.h, bpf/btf.h).
"""

import ctypes as c
import errno
import mmap
import os
from functools import cache
from typing import Final

from fairway.kit.errors import EnvironmentLacksError

Pointer = c.c_void_p


class ObjectOptions(c.Structure):
    """struct bpf_object_open_opts up to `pin_root_path`; libbpf takes the missing rest as zero."""

    _fields_ = (
        ("size", c.c_size_t),
        ("object_name", c.c_char_p),
        ("relaxed_maps", c.c_bool),
        ("pin_root_path", c.c_char_p),
    )


class BatchOptions(c.Structure):
    """struct bpf_map_batch_opts."""

    _fields_ = (("size", c.c_size_t), ("elem_flags", c.c_uint64), ("flags", c.c_uint64))


class TestRunOptions(c.Structure):
    """struct bpf_test_run_opts."""

    _fields_ = (
        ("size", c.c_size_t),
        ("data_in", Pointer),
        ("data_out", Pointer),
        ("data_size_in", c.c_uint32),
        ("data_size_out", c.c_uint32),
        ("ctx_in", Pointer),
        ("ctx_out", Pointer),
        ("ctx_size_in", c.c_uint32),
        ("ctx_size_out", c.c_uint32),
        ("retval", c.c_uint32),
        ("repeat", c.c_int),
        ("duration", c.c_uint32),
        ("flags", c.c_uint32),
        ("cpu", c.c_uint32),
        ("batch_size", c.c_uint32),
    )


class LinkOptions(c.Structure):
    """struct bpf_link_create_opts up to what every version of it has."""

    _fields_ = (
        ("size", c.c_size_t),
        ("flags", c.c_uint32),
        ("iterator", Pointer),
        ("iterator_size", c.c_uint32),
        ("target_btf", c.c_uint32),
    )


class TcHook(c.Structure):
    """struct bpf_tc_hook; attach_point 1 is ingress, 2 egress."""

    _fields_ = (("size", c.c_size_t), ("ifindex", c.c_int), ("attach_point", c.c_int), ("parent", c.c_uint32))


class TcOptions(c.Structure):
    """struct bpf_tc_opts."""

    _fields_ = (
        ("size", c.c_size_t),
        ("prog_fd", c.c_int),
        ("flags", c.c_uint32),
        ("prog_id", c.c_uint32),
        ("handle", c.c_uint32),
        ("priority", c.c_uint32),
    )


_SIGNATURES: Final = {
    "bpf_object__open_file": (Pointer, (c.c_char_p, c.POINTER(ObjectOptions))),
    "bpf_object__load": (c.c_int, (Pointer,)),
    "bpf_object__close": (None, (Pointer,)),
    "bpf_object__btf": (Pointer, (Pointer,)),
    "bpf_object__next_map": (Pointer, (Pointer, Pointer)),
    "bpf_object__find_program_by_name": (Pointer, (Pointer, c.c_char_p)),
    "bpf_map__name": (c.c_char_p, (Pointer,)),
    "bpf_map__type": (c.c_int, (Pointer,)),
    "bpf_map__fd": (c.c_int, (Pointer,)),
    "bpf_map__max_entries": (c.c_uint32, (Pointer,)),
    "bpf_map__set_max_entries": (c.c_int, (Pointer, c.c_uint32)),
    "bpf_map__set_pin_path": (c.c_int, (Pointer, c.c_char_p)),
    "bpf_program__fd": (c.c_int, (Pointer,)),
    "bpf_program__set_autoload": (c.c_int, (Pointer, c.c_bool)),
    "bpf_map_lookup_elem": (c.c_int, (c.c_int, Pointer, Pointer)),
    "bpf_map_update_elem": (c.c_int, (c.c_int, Pointer, Pointer, c.c_uint64)),
    "bpf_map_delete_elem": (c.c_int, (c.c_int, Pointer)),
    "bpf_map_get_next_key": (c.c_int, (c.c_int, Pointer, Pointer)),
    **dict.fromkeys(
        ("bpf_map_lookup_batch", "bpf_map_lookup_and_delete_batch"),
        (
            c.c_int,
            (c.c_int, Pointer, Pointer, Pointer, Pointer, c.POINTER(c.c_uint32), c.POINTER(BatchOptions)),
        ),
    ),
    "bpf_map_update_batch": (
        c.c_int,
        (c.c_int, Pointer, Pointer, c.POINTER(c.c_uint32), c.POINTER(BatchOptions)),
    ),
    "bpf_map_delete_batch": (c.c_int, (c.c_int, Pointer, c.POINTER(c.c_uint32), c.POINTER(BatchOptions))),
    "bpf_prog_test_run_opts": (c.c_int, (c.c_int, c.POINTER(TestRunOptions))),
    "bpf_link_create": (c.c_int, (c.c_int, c.c_int, c.c_int, c.POINTER(LinkOptions))),
    "bpf_link_detach": (c.c_int, (c.c_int,)),
    "bpf_link_update": (c.c_int, (c.c_int, c.c_int, Pointer)),
    "bpf_obj_pin": (c.c_int, (c.c_int, c.c_char_p)),
    "bpf_obj_get": (c.c_int, (c.c_char_p,)),
    "bpf_tc_hook_create": (c.c_int, (c.POINTER(TcHook),)),
    "bpf_tc_hook_destroy": (c.c_int, (c.POINTER(TcHook),)),
    "bpf_tc_attach": (c.c_int, (c.POINTER(TcHook), c.POINTER(TcOptions))),
    "bpf_tc_detach": (c.c_int, (c.POINTER(TcHook), c.POINTER(TcOptions))),
    "btf__type_cnt": (c.c_uint32, (Pointer,)),
    "btf__type_by_id": (Pointer, (Pointer, c.c_uint32)),
    "btf__name_by_offset": (c.c_char_p, (Pointer, c.c_uint32)),
    "libbpf_set_print": (Pointer, (Pointer,)),
    "libbpf_num_possible_cpus": (c.c_int, ()),
}

_LONGEST: Final = 17 << 20
_KEPT: Final = 8192  # of each end
_last_messages: list[str] = []


def _keep_message(level: int, form: bytes, arguments: int) -> int:
    """libbpf's own warnings, kept for the sentence that an error becomes; never printed as they come.

    A verifier's log is megabytes, and its end says what is wrong: the sheet is large, and is memory only once used.
    """
    if level > 1:
        return 0
    with mmap.mmap(-1, _LONGEST) as sheet:
        text = c.c_char.from_buffer(sheet)
        written = min(_vsnprintf(c.addressof(text), _LONGEST, form, arguments), _LONGEST - 1)
        del text
        ends = sheet[: min(written, _KEPT)], sheet[max(_KEPT, written - _KEPT) : written]
    _last_messages.append("\n".join(end.decode(errors="replace") for end in ends if end).strip())
    del _last_messages[:-20]
    return 0


_PRINT: Final = c.CFUNCTYPE(c.c_int, c.c_int, c.c_char_p, c.c_void_p)(_keep_message)
_vsnprintf: Final = c.CDLL(None).vsnprintf
_vsnprintf.argtypes = (Pointer, c.c_size_t, c.c_char_p, c.c_void_p)


@cache
def library() -> c.CDLL:
    """libbpf.so.1, with signatures set. EnvironmentLacksError where it is not installed or too old."""
    try:
        lib = c.CDLL("libbpf.so.1", use_errno=True)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise EnvironmentLacksError(f"libbpf 1.0 or newer is missing ({error}); apt-get install libbpf1") from error
    lib.libbpf_set_print(c.cast(_PRINT, Pointer))
    return lib


def check(result: int, doing: str) -> int:
    """The result, or BPFError with the kernel's reason if it is negative."""
    if result < 0:
        raise BPFError(doing, c.get_errno() or -result)
    return result


def messages() -> list[str]:
    """libbpf's latest warnings, oldest first; taken away by reading."""
    taken = _last_messages.copy()
    _last_messages.clear()
    return taken


class BPFError(EnvironmentLacksError):
    """The kernel refused; `number` is its errno."""

    def __init__(self, doing: str, number: int) -> None:
        self.number = number
        hint = {
            errno.EPERM: "; run as root, or with the capabilities BPF, NET_ADMIN and PERFMON",
            errno.ENOSYS: "; this kernel was built without BPF",
            errno.ENOSPC: "; the table is full",
            errno.E2BIG: "; the table is full",
        }.get(number, "")
        super().__init__(f"{doing}: {os.strerror(number)}{hint}")
