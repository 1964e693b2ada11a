from datetime import UTC, datetime
from pathlib import Path

import pytest

from fairway.hub.rollouts.book import Book
from fairway.kit.errors import UsageError
from fairway.rollout.order import Order
from fairway.rollout.state import State, start

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DRAFT = State(order=Order(name="shop", policies=""), since=NOW)


def test_what_is_kept_is_there_again(tmp_path: Path) -> None:
    book = Book(tmp_path / "rollouts")
    book.open()
    book.keep(DRAFT)
    book.keep(start(DRAFT, NOW))
    again = Book(tmp_path / "rollouts")
    again.open()
    assert again.all() == book.all() == [start(DRAFT, NOW)]


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"order": 7}')
    with pytest.raises(UsageError, match=r"x\.json: is no rollout's state: .*; move it away"):
        Book(tmp_path).open()


def test_unknown_names_are_told_with_the_known(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.keep(DRAFT)
    with pytest.raises(UsageError, match="there is no rollout `x`; there are: shop"):
        book.find("x")


def test_what_the_disk_refuses_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "rollouts").write_text("a file, where a folder should be")
    book = Book(tmp_path / "rollouts")
    with pytest.raises(OSError, match="rollouts"):
        book.keep(DRAFT)
    assert book.all() == []
