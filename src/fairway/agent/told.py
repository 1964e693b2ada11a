"""How much of each pod's totals was told, kept in the kernel for whoever comes after this agent.

The note and the number of the batch it belongs to are written by one system call, which a kill does not cut in two.
The batch is on disk by then, but has no name yet: an agent that finds it there knows from the note whether it is to
appear or to be forgotten. So each packet is told once, whenever an agent dies.
"""

import numpy as np
from numpy.typing import NDArray

from fairway.agent.kernel import Records, Table, record


class Told:
    """The table of what was told, by index into the totals; its last entry is the batch's number."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._last = table.size - 1

    def read(self, indices: NDArray[np.uint32]) -> Records:
        """What was told so far."""
        return self._table.read()[1].take(indices)

    def note(self, indices: NDArray[np.uint32], sums: Records, boot: str, sequence: int) -> None:
        """From now on so much was told, with this batch; `boot` in hexadecimal digits."""
        number = np.zeros(1, self._table.value)
        number["tx_packets"], number["tx_bytes"] = sequence, int(boot, 16)
        self._table.write(np.append(indices, np.uint32(self._last)), np.concatenate((sums, number)))

    def has(self, boot: str, sequence: int) -> bool:
        """Whether this batch is the last one noted."""
        number = self._table.get(record(self._table.key, self._last))
        if number is None:
            return False
        return (int(number["tx_packets"][0]), f"{int(number['tx_bytes'][0]):012x}") == (sequence, boot)
