"""Names of rules by the generation they were numbered in: a flow keeps its verdict and the number of its rule until
its next packet, and by then another table may count its rules differently."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairway.agent.positions import Positions

_GENERATIONS_KEPT: Final = 64
_NAMES_KEPT: Final = 4096


class RuleNames:
    """`words` are the names that indices point to; the first is none. They grow, and now and then start anew."""

    def __init__(self) -> None:
        self._by_generation: dict[int, tuple[str, ...]] = {}
        self._index: dict[str, int] = {"": 0}

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self._index)

    def remember(self, generation: int, names: tuple[str, ...]) -> None:
        """In the table of `generation` rule number i is `names[i]`."""
        self._by_generation.pop(generation & 0xFFFF, None)
        self._by_generation[generation & 0xFFFF] = names
        while len(self._by_generation) > _GENERATIONS_KEPT:
            del self._by_generation[next(iter(self._by_generation))]

    def start_batch(self) -> None:
        """Forget words if they have become many; indices of earlier batches meant those batches' words."""
        if len(self._index) > _NAMES_KEPT:
            self._index = {"": 0}

    def indices(self, generations: NDArray[np.uint16], numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """For each rule number and the generation it is of, an index into `words`; 0 where nobody remembers."""
        pairs = generations.astype("u8") << np.uint64(32) | numbers
        places, firsts = Positions(pairs).distinct()
        words = np.zeros(len(pairs), "u4")
        words[firsts] = [self._word(pair >> 32, pair & 0xFFFFFFFF) for pair in pairs[firsts].tolist()]
        return words[places]

    def _word(self, generation: int, number: int) -> int:
        names = self._by_generation.get(generation, ())
        name = names[number] if number < len(names) else ""
        return self._index.setdefault(name, len(self._index))
