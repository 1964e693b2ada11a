"""Struct layouts out of the object's BTF, as NumPy dtypes: written once, in C, and read here.

BTF's format: Documentation/bpf/btf.rst in the kernel's tree.
"""

import ctypes as c
from typing import Final, NamedTuple

import numpy as np

from fairway.agent.libbpf import library
from fairway.kit.errors import EnvironmentLacksError

_INT, _ARRAY, _STRUCT, _TYPEDEF, _VOLATILE, _CONST = 1, 3, 4, 8, 9, 10
_WRAPPERS: Final = (_TYPEDEF, _VOLATILE, _CONST)


class _Type(c.Structure):
    _fields_ = (("name_offset", c.c_uint32), ("packed", c.c_uint32), ("size_or_type", c.c_uint32))


class _Member(c.Structure):
    _fields_ = (("name_offset", c.c_uint32), ("type", c.c_uint32), ("bit_offset", c.c_uint32))


class _Array(c.Structure):
    _fields_ = (("type", c.c_uint32), ("index_type", c.c_uint32), ("count", c.c_uint32))


class _Parsed(NamedTuple):
    kind: int
    members: int
    name: str
    size_or_type: int
    body: int


class Layouts:
    """The structs of one BPF object by name."""

    def __init__(self, btf: int) -> None:
        self._btf = btf
        self._structs = {
            parsed.name: number
            for number in range(1, library().btf__type_cnt(btf))
            if (parsed := self._parse(number)).kind == _STRUCT and parsed.name
        }

    def struct(self, name: str) -> np.dtype[np.void]:
        """The dtype of `struct name`, padding included. EnvironmentLacksError if the object has none."""
        if name not in self._structs:
            raise EnvironmentLacksError(f"the BPF object has no `struct {name}`; build it again with `make bpf`")
        return self._dtype(self._structs[name])

    def _parse(self, number: int) -> _Parsed:
        address = library().btf__type_by_id(self._btf, number)
        head = _Type.from_address(address)
        name = library().btf__name_by_offset(self._btf, head.name_offset)
        return _Parsed(
            kind=head.packed >> 24 & 0x1F,
            members=head.packed & 0xFFFF,
            name=(name or b"").decode(),
            size_or_type=head.size_or_type,
            body=address + c.sizeof(_Type),
        )

    def _dtype(self, number: int) -> np.dtype[np.void]:
        parsed = self._parse(number)
        if parsed.kind in _WRAPPERS:
            return self._dtype(parsed.size_or_type)
        if parsed.kind == _INT:
            return np.dtype(f"u{parsed.size_or_type}")
        if parsed.kind == _ARRAY:
            array = _Array.from_address(parsed.body)
            item = self._dtype(array.type)
            # Sixteen single bytes are an address: one opaque value compares and sorts as one.
            return np.dtype("V16") if item.itemsize == 1 and array.count == 16 else np.dtype((item, array.count))
        if parsed.kind != _STRUCT:
            raise EnvironmentLacksError(f"BTF kind {parsed.kind} of `{parsed.name}` is not one of ours")
        members = [_Member.from_address(parsed.body + index * c.sizeof(_Member)) for index in range(parsed.members)]
        return np.dtype(
            {
                "names": [
                    library().btf__name_by_offset(self._btf, member.name_offset).decode() for member in members
                ],
                "formats": [self._dtype(member.type) for member in members],
                "offsets": [member.bit_offset // 8 for member in members],
                "itemsize": parsed.size_or_type,
            }
        )
