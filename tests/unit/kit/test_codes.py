"""Combinations as plain Python finds them, also where no integer holds all of them at once."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from fairway.kit.codes import added, distinct, words_of

RNG = np.random.default_rng(11)
LARGE = np.array([0, 1, 1 << 24, (1 << 63) + 1, (1 << 64) - 1], np.uint64)


@pytest.mark.parametrize("rows", [0, 1, 500])
@pytest.mark.parametrize(
    "drawn",
    [
        pytest.param([lambda n: RNG.integers(0, 3, n, np.uint8)], id="one"),
        pytest.param([lambda n: RNG.integers(0, 4, n), lambda n: RNG.integers(0, 5, n, np.int32)], id="small"),
        pytest.param([lambda n: RNG.integers(-3, 3, n), lambda n: RNG.choice(LARGE, n)], id="below and beyond"),
        pytest.param([lambda n: RNG.choice([0, (1 << 24) - 1], n)] * 4, id="more than an integer holds"),
    ],
)
def test_combinations(drawn: list[object], rows: int) -> None:
    keys: list[NDArray[np.int64]] = [draw(rows) for draw in drawn]  # type: ignore[operator]
    combinations = list(zip(*(key.tolist() for key in keys), strict=True))
    first: dict[tuple[int, ...], int] = {}
    for row, one in enumerate(combinations):
        first.setdefault(one, row)
    places = {one: place for place, one in enumerate(first)}
    positions, groups = distinct(*keys)
    assert positions.tolist() == list(first.values())
    assert groups.tolist() == [places[one] for one in combinations]


def test_sums_are_exact_where_floats_are_not() -> None:
    values = np.array([1 << 53, 1, 1, 7], np.uint64)
    assert added(np.array([2, 2, 2, 0]), values, 4).tolist() == [7, 0, (1 << 53) + 2, 0]


@pytest.mark.parametrize("coded", [False, True])
def test_words_of_a_column_in_pieces(coded: bool) -> None:
    pieces = [pa.array(words, pa.string()) for words in (["b", "a", "b"], [], ["c", "a"])]
    column = pa.chunked_array([piece.dictionary_encode() for piece in pieces] if coded else pieces)
    told = words_of(column)
    assert [told.words[code] for code in told.codes] == ["b", "a", "b", "c", "a"]
    assert told.among("a").tolist() == [False, True, False, False, True]
    assert not told.among("nothing").any()
