"""Lines out of any input, plain or gzip, however long, hostile or cut off."""

import gzip
import io
from pathlib import Path

import pytest

from fairway.hub.importers import lines as module
from fairway.hub.importers.lines import Stream, opened
from fairway.hub.importers.tally import Tally
from fairway.kit.errors import UsageError


def read(content: bytes) -> tuple[list[tuple[int, bytes]], Tally]:
    """Every line with its number."""
    tally = Tally("x")
    blocks = Stream(io.BytesIO(content), tally).lines()
    return [(first + index, line) for first, lines in blocks for index, line in enumerate(lines)], tally


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a", [(1, b"a")]),
        (b"a\n", [(1, b"a")]),
        (b"a\n\nb\r\n", [(1, b"a"), (2, b""), (3, b"b\r")]),
    ],
)
def test_lines_are_numbered_from_one(content: bytes, expected: list[tuple[int, bytes]]) -> None:
    assert read(content)[0] == expected
    assert read(gzip.compress(content))[0] == expected


@pytest.mark.parametrize("size", [2, 7, 1000])
def test_blocks_cut_lines_anywhere(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", size)
    monkeypatch.setattr(module, "HEAD", size)
    texts = [f"line {number}".encode() for number in range(200)]
    expected = list(enumerate(texts, 1))
    content = b"\n".join(texts) + b"\n"
    assert read(content)[0] == expected
    packed = gzip.compress(content[:500]) + gzip.compress(content[500:])  # as appended archives are
    assert read(packed)[0] == expected


def test_a_line_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 64)
    monkeypatch.setattr(module, "HEAD", 64)
    monkeypatch.setattr(module, "MAX_LINE", 256)
    found, tally = read(b"a\n" + b"x" * 2000 + b"\nb\n")
    assert [line for line in found if line[1]] == [(1, b"a"), (3, b"b")]
    assert list(tally.places.values()) == [[2]]


def test_an_archive_that_ends_early_keeps_what_was_read() -> None:
    packed = gzip.compress(b"\n".join(b"%d" % number for number in range(100_000)))
    found, tally = read(packed[: len(packed) // 2])
    assert found[:2] == [(1, b"0"), (2, b"1")]
    assert list(tally.not_used) == ["the rest of the archive: it ends early"]


def test_a_broken_archive_keeps_what_was_read() -> None:
    packed = gzip.compress(b"a\nb\n") + b"nonsense"
    found, tally = read(packed)
    assert [line for _, line in found] == [b"a", b"b"]
    assert len(tally.not_used) == 1


def test_an_archive_that_grows_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FREE_EXPANSION", 1 << 20)
    bomb = gzip.compress(b"a\n" + bytes(64 << 20))
    found, tally = read(bomb)
    assert found[0] == (1, b"a")
    assert list(tally.not_used) == ["the rest of the archive: it grows more than 250 times"]


def test_a_document_too_large_to_hold_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WHOLE", 1000)
    with pytest.raises(UsageError, match="one record per line"):
        Stream(io.BytesIO(b"[" * 5000), Tally("x")).whole()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none: cannot be read: No such file"):
        opened(str(tmp_path / "none"))
