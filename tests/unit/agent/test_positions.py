"""Positions agree with a dictionary, also where slots collide."""

import re
from pathlib import Path

import numpy as np
import pytest

from fairway import agent
from fairway.agent.positions import Positions, among


@pytest.mark.parametrize("spread", [1 << 63, 1 << 20, 1 << 19])
@pytest.mark.parametrize("size", [0, 1, 2, 1000, 50_000])
def test_as_a_dictionary_would(size: int, spread: int) -> None:
    random = np.random.default_rng(size + spread)
    step = (1 << 64) // spread  # the fewer numbers there are, the more of them share a slot
    numbers = random.integers(0, spread, size, dtype="u8") * np.uint64(step if step > 1 and spread < 1 << 63 else 1)
    wanted = np.concatenate((numbers[::2], random.integers(0, spread, size, dtype="u8")))
    table = {int(number): index for index, number in enumerate(numbers)}
    positions = Positions(numbers)
    assert positions.repeated == (len(table) < len(numbers))
    at, found = positions.find(wanted)
    assert found.tolist() == [int(number) in table for number in wanted]
    assert (numbers[at[found]] == wanted[found]).all()
    assert (at[~found] == 0).all()


def test_equal_numbers_have_one_position() -> None:
    for numbers in ([7, 7, 7], [7, 7 + (1 << 18), 7, 7 + (1 << 18)], [5, 9, 5, 9 + (1 << 18), 9]):
        positions = Positions(np.array(numbers, "u8"))
        assert positions.repeated
        at, found = positions.find(np.array(numbers, "u8"))
        assert found.all()
        by_number: dict[int, set[int]] = {}
        for number, place in zip(numbers, at.tolist(), strict=True):
            by_number.setdefault(number, set()).add(place)
        assert all(len(places) == 1 for places in by_number.values())


def test_those_among_a_few() -> None:
    column = np.array([1, 2, 3, 2], "u4")
    assert among(column, [2, 9]).tolist() == [False, True, False, True]
    assert not among(column, []).any()
    assert among(column[:0], [2]).tolist() == []


def test_nothing_in_the_agent_asks_numpy_for_what_loads_its_masked_arrays() -> None:
    rooms = Path(agent.__file__).parents[1]
    sources = [*(rooms / "agent").glob("*.py"), *(rooms / "wire").glob("*.py")]
    heavy = re.compile(r"np\.(unique|isin|in1d|intersect1d|union1d|setdiff1d|ma)\b")
    assert [path.name for path in sources if heavy.search(path.read_text())] == []
