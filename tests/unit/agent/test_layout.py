"""Layouts read from BTF are those of bpf/fairway.h, as the compiler lays it out."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from fairway.agent.kernel import TABLES
from fairway.kit.errors import EnvironmentLacksError

HEADER = Path(__file__).parents[3] / "bpf" / "fairway.h"
STRUCTS = sorted({name for pair in TABLES.values() for name in pair if not name.startswith("<")} | {"event"})


def claims(struct: str, dtype: np.dtype[np.void]) -> list[str]:
    """C assertions that hold if the struct is laid out as the dtype says."""
    said = [f'_Static_assert(sizeof(struct {struct}) == {dtype.itemsize}, "size of {struct}");']
    for name, (of_field, offset, *_) in (dtype.fields or {}).items():
        place, value = f"__builtin_offsetof(struct {struct}, {name})", f"((struct {struct} *)0)->{name}"
        said.append(f'_Static_assert({place} == {offset}, "place of {struct}.{name}");')
        said.append(f'_Static_assert(sizeof({value}) == {of_field.itemsize}, "size of {struct}.{name}");')
    return said


def compiles(lines: list[str]) -> bool:
    source = "\n".join(["#include <linux/types.h>", f'#include "{HEADER}"', *lines])
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    command = ["clang", "-target", "bpf", f"-I/usr/include/{machine}-linux-gnu", "-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(command, input=source, text=True, capture_output=True, check=False).returncode == 0


def test_every_struct_is_laid_out_as_the_compiler_does(spec: object) -> None:
    lines = [line for struct in STRUCTS for line in claims(struct, spec.layouts.struct(struct))]
    assert len(lines) > 100
    assert compiles(lines)


def test_a_wrong_layout_would_be_noticed(spec: object) -> None:
    wrong = np.dtype([("tx_packets", "u8"), ("rx_packets", "u4")])
    assert compiles(claims("totals", spec.layouts.struct("totals")))
    assert not compiles(claims("totals", wrong))


def test_no_field_is_left_out(spec: object) -> None:
    """Fields fill their struct but for the compiler's padding, which the header leaves none of."""
    for struct in STRUCTS:
        dtype = spec.layouts.struct(struct)
        assert sum(of_field.itemsize for of_field, *_ in (dtype.fields or {}).values()) == dtype.itemsize, struct


def test_what_fields_are_read_as(spec: object) -> None:
    key, flow, pod = (spec.layouts.struct(name) for name in ("flow_key", "flow", "pod"))
    assert (key["remote"], key["local_port"], key["family"]) == (np.dtype("V16"), np.dtype("u2"), np.dtype("u1"))
    assert (flow["tx_bytes"], flow["rule"].shape, flow["verdict"].shape) == (np.dtype("u8"), (2,), (2,))
    policies = np.zeros(3, pod)["policy"]
    assert (policies.shape, policies.dtype) == ((3, 2, 2), np.dtype("u4"))
    assert spec.event["key"] == key


def test_a_struct_that_is_not_there(spec: object) -> None:
    with pytest.raises(EnvironmentLacksError, match="no `struct nonsense`; build it again with `make bpf`"):
        spec.layouts.struct("nonsense")
