"""Hostile input: values that readers trip over, put anywhere into what is otherwise good."""

import copy
from typing import Any

HOSTILE: list[Any] = [
    *(None, True, 0, -1, 65536, 2**70, 1.5, float("nan"), "", " ", "\x00", "\ud800", "no\nline", "x" * 300),
    *("10.0.0.1/33", "::ffff:10.0.0.1", "fe80::1%eth0", "0x7f.1", "10.0.0.0/255.0.255.0", "١٠.0.0.1/8", "²"),
    *([], {}, [[]], [None], [{}], {"": ""}, {"a": {"b": []}}, [["a"] * 5], {"$": "`"}),
]


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, the whole included."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, child in children for path in paths(child, (*here, key)))]


def mutated(seed: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of `seed` with `value` at one place."""
    if not path:
        return value
    root = copy.deepcopy(seed)
    place = root
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = copy.deepcopy(value)
    return root


def plain(told: str, *, where: str) -> None:
    """What a person reads: lines that name where it is, and no traceback."""
    assert told
    assert "Traceback" not in told
    for line in told.splitlines():
        assert where in line, line
