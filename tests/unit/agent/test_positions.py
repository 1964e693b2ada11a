"""Positions agree with a dictionary, also where slots collide."""

import numpy as np
import pytest

from fairway.agent.positions import Positions


@pytest.mark.parametrize("spread", [1 << 63, 1 << 20, 1 << 19])
@pytest.mark.parametrize("size", [0, 1, 2, 1000, 50_000])
def test_as_a_dictionary_would(size: int, spread: int) -> None:
    random = np.random.default_rng(size + spread)
    step = (1 << 64) // spread  # the fewer numbers there are, the more of them share a slot
    numbers = random.integers(0, spread, size, dtype="u8") * np.uint64(step if step > 1 and spread < 1 << 63 else 1)
    wanted = np.concatenate((numbers[::2], random.integers(0, spread, size, dtype="u8")))
    table = {int(number): index for index, number in enumerate(numbers)}
    at, found = Positions(numbers).find(wanted)
    assert found.tolist() == [int(number) in table for number in wanted]
    assert (numbers[at[found]] == wanted[found]).all()
    assert (at[~found] == 0).all()


def test_equal_numbers_have_one_position() -> None:
    for numbers in ([7, 7, 7], [7, 7 + (1 << 18), 7, 7 + (1 << 18)], [5, 9, 5, 9 + (1 << 18), 9]):
        at, found = Positions(np.array(numbers, "u8")).find(np.array(numbers, "u8"))
        assert found.all()
        by_number: dict[int, set[int]] = {}
        for number, place in zip(numbers, at.tolist(), strict=True):
            by_number.setdefault(number, set()).add(place)
        assert all(len(places) == 1 for places in by_number.values())
