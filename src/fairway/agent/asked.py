"""Asked: which names each pod asked resolvers for, and what they answered."""

import time
from collections.abc import Mapping
from typing import Final

import numpy as np

from fairway.agent.answers import written_name
from fairway.agent.kernel import Table
from fairway.agent.names import NAME_BYTES
from fairway.wire.batch import Asked
from fairway.wire.rules import NodePod

MOST: Final = 500
"""Names in one batch; what else was asked for is told without a name, so that sums stay exact."""
_QUESTION: Final = 16  # bpf/fairway.h: ASKED
_CODES: Final = {0: "noerror", 2: "servfail", 3: "nxdomain", 5: "refused"}  # RFC 1035 section 4.1.1
_VALUE: Final = ("count", "last", "waited_us", "longest_us")
_SUMS: Final = ("asked", "noerror", "servfail", "nxdomain", "refused", "other", "waited_us")


class Questions:
    """`take` what the kernel counted since the last time: there it is gone then."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def take(self, pods: Mapping[int, NodePod]) -> tuple[Asked, ...]:
        """By pod, whose place is that in `pods` (by interface), and by name. Of pods that went away, nothing."""
        keys, values = self._table.take()
        places = {interface: place for place, interface in enumerate(pods)}
        zero_us = (time.time_ns() - time.monotonic_ns()) // 1000
        names = np.ascontiguousarray(keys["name"]).tobytes()
        told: dict[tuple[int, str], dict[str, int]] = {}
        columns = (
            *(keys[name].tolist() for name in ("ifindex", "code")),
            *(values[name].tolist() for name in _VALUE),
        )
        for row, (interface, code, *value) in enumerate(zip(*columns, strict=True)):
            if (place := places.get(interface)) is not None:
                name = written_name(names[row * NAME_BYTES : (row + 1) * NAME_BYTES])
                _add(told.setdefault((place, name), {"asked": 0}), _counted(code, zero_us, *value))
        return tuple(Asked(place, name, **sums) for (place, name), sums in _bounded(told).items())


def _counted(code: int, zero_us: int, count: int, last: int, waited_us: int, longest_us: int) -> dict[str, int]:
    counted = {"last_us": zero_us + last // 1000}
    if code == _QUESTION:
        return {**counted, "asked": count}
    return {**counted, "waited_us": waited_us, "longest_us": longest_us, _CODES.get(code, "other"): count}


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        held = sums.setdefault(name, 0)
        sums[name] = held + value if name in _SUMS else max(held, value)


def _bounded(told: dict[tuple[int, str], dict[str, int]]) -> dict[tuple[int, str], dict[str, int]]:
    """Those that fail most keep their names, then those that are asked for most."""
    ranked = sorted(told, key=lambda one: (told[one].get("noerror", 0) - told[one]["asked"], -told[one]["asked"]))
    kept: dict[tuple[int, str], dict[str, int]] = {}
    for number, (place, name) in enumerate(ranked):
        _add(kept.setdefault((place, name if number < MOST else ""), {"asked": 0}), told[place, name])
    return kept
