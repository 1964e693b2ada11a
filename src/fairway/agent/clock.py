"""The kernel's jiffies as times of day. What a jiffy is worth is measured: kernels differ and do not say."""

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairway.agent.kernel import Kernel, record
from fairway.kit.errors import EnvironmentLacksError

_RATES: Final = (100, 250, 300, 1000)
_FRAME: Final = bytes(64)


class Clock:
    """Converts jiffies; `hz` is how many there are in a second."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        first = self._read()
        deadline = time.monotonic() + 1.0
        while True:
            time.sleep(0.05)
            last = self._read()
            elapsed = (last[1] - first[1]) / 1e9
            if last[0] - first[0] >= 5 or time.monotonic() > deadline:
                break
        measured = (last[0] - first[0]) / elapsed
        self.hz = min(_RATES, key=lambda rate: abs(rate - measured))
        self._anchor()

    def now(self) -> int:
        """The current jiffies; also sets the conversion right after the time of day was changed."""
        return self._anchor()

    def to_us(self, jiffies: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Microseconds since 1970, to a jiffy's precision."""
        return self._zero_us + jiffies.astype("i8") * (1_000_000 // self.hz)

    def _anchor(self) -> int:
        jiffies, monotonic_ns = self._read()
        late_ns = time.monotonic_ns() - monotonic_ns
        self._zero_us = (time.time_ns() - late_ns) // 1000 - jiffies * (1_000_000 // self.hz)
        return jiffies

    def _read(self) -> tuple[int, int]:
        self._kernel.run("fairway_clock", _FRAME)
        table = self._kernel.tables["clock"]
        value = table.get(record(table.key, 0))
        if value is None:
            raise EnvironmentLacksError("the BPF clock table is empty; build the object again with `make bpf`")
        return int(value["jiffies"][0]), int(value["monotonic_ns"][0])
