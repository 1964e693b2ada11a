"""Domain names as the kernel knows them: by their bytes in DNS, with a number that is never used twice.

What an address was resolved from outlives a change of rules, because it is kept by those numbers.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from fairway.agent.kernel import Kernel, Records, record, records

NAME_BYTES: Final = 128  # bpf/fairway.h: what the kernel compares, the final zero included


def wire_name(name: str) -> bytes:
    """A name as DNS writes it (RFC 1035 section 3.1), lower case, padded for the kernel.

    ValueError if it is longer than the kernel looks at.
    """
    labels = [label.encode("ascii") for label in name.lower().removesuffix(".").split(".")]
    written = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(written) > NAME_BYTES:
        raise ValueError(f"`{name}` is longer than the {NAME_BYTES - 2} characters that the kernel compares")
    return written.ljust(NAME_BYTES, b"\0")


class NameNumbers:
    """The numbers of names in the kernel's table, an earlier agent's included."""

    def __init__(self, kernel: Kernel) -> None:
        self._table = kernel.tables["names"]
        _, learned = kernel.tables["learned"].read()
        keys, values = self._table.read()
        self._known = {
            key.tobytes(): (int(exact), int(below)) for key, (exact, below) in zip(keys, values, strict=True)
        }
        used = [number for pair in self._known.values() for number in pair]
        self._last = max([0, *used, *learned["name"].reshape(-1).tolist()])

    def numbers(self, patterns: Iterable[str]) -> dict[str, int]:
        """The number of each pattern (`api.example.com`, `*.example.com`); those without one get one now.

        A name too long for the kernel is left out: its rule matches nothing.
        """
        found = {}
        for pattern in patterns:
            below = pattern.startswith("*.")
            try:
                key = wire_name(pattern[2:] if below else pattern)
            except ValueError:
                continue
            pair = self._known.get(key, (0, 0))
            if not pair[below]:
                self._last += 1
                pair = (pair[0], self._last) if below else (self._last, pair[1])
                self._known[key] = pair
                self._table.set(self._key(key), record(self._table.value, *pair))
            found[pattern] = pair[below]
        return found

    def forget(self, kept: set[int]) -> None:
        """Remove the names none of whose numbers is kept."""
        for key, pair in list(self._known.items()):
            if kept.isdisjoint(pair):
                self._table.delete(self._key(key))
                del self._known[key]

    def _key(self, key: bytes) -> Records:
        return np.frombuffer(key, self._table.key)


def named_records(kernel: Kernel, generation: int, named: dict[int, int]) -> tuple[Records, Records]:
    """Which identity each name has in a generation, by the name's number."""
    layout = kernel.tables["named"]
    keys = records(layout.key, [(generation, number) for number in named])
    return keys, np.array(list(named.values()), layout.value)
