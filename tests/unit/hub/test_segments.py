"""Batches on disk: kept once they are acknowledged, whatever ends when, and handed over in order."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairway.hub import segments as module
from fairway.hub.segments import Record, Segments, read_segment
from fairway.wire.protocol import BatchId
from support.hubs import until


def record(number: int) -> Record:
    return Record(BatchId("node-a", "b1", number), b"content %d" % number)


class Room:
    """Segments in a folder; `closed` are those handed over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closed: list[Path] = []
        self.busy = False
        self.open()

    def open(self) -> None:
        self.segments = Segments(self.folder, lambda path, _: self.closed.append(path), lambda: self.busy)
        self.segments.start()

    def keep(self, *numbers: int, rows: int = 1) -> None:
        for done in [self.segments.keep(record(number), rows) for number in numbers]:
            done.result(10)

    def kept(self) -> list[int]:
        paths = sorted(self.folder.glob("*.segment"))
        return [found.identity.sequence for path in paths for found in read_segment(path)]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path / "segments")
    yield room
    room.segments.close()


def test_what_is_acknowledged_is_on_disk(room: Room) -> None:
    room.keep(1, 2, 3)
    assert room.kept() == [1, 2, 3]


def test_a_segment_is_handed_over_when_it_is_old_enough(room: Room) -> None:
    room.keep(1)
    until(lambda: room.closed)
    assert [list(read_segment(path)) for path in room.closed] == [[record(1)]]


@pytest.mark.parametrize("urgent", [False, True])
def test_a_segment_of_many_rows_stays_open_longer_unless_it_is_urgent(
    room: Room, monkeypatch: pytest.MonkeyPatch, urgent: bool
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0)
    monkeypatch.setattr(module, "LONGER", 1e9)
    room.segments.keep(record(1), module.MANY, urgent=urgent).result(10)
    if not urgent:
        room.keep(2, rows=module.MOST_ROWS - module.MANY - 1)
        assert room.closed == []
        room.keep(3)
    until(lambda: room.closed)
    room.keep(4)
    assert room.closed[0].name == "000000000001.segment"
    assert room.kept() == ([1, 4] if urgent else [1, 2, 3, 4])


def test_while_the_database_is_behind_a_segment_grows_but_not_for_ever(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0)
    room.busy = True
    room.keep(1)
    room.keep(2, rows=module.MOST_ROWS - 2)
    assert room.closed == []
    room.keep(3)
    until(lambda: room.closed)
    room.keep(4)
    room.busy = False
    until(lambda: len(room.closed) == 2)
    found = [[one.identity.sequence for one in read_segment(path)] for path in room.closed]
    assert found == [[1, 2, 3], [4]]


def test_whoever_waits_for_a_receipt_hears_of_a_mistake(tmp_path: Path) -> None:
    failures: list[Exception] = []

    def closed(*_: object) -> None:
        raise ZeroDivisionError

    segments = Segments(tmp_path, closed, failed=failures.append)
    segments.start()
    assert segments.keep(record(1), module.MOST_ROWS).result(10) is None
    until(lambda: failures)
    segments._open = closed  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        segments.keep(record(2), 1).result(10)
    segments.close()
    assert len(failures) == 2


def test_closing_hands_over_the_last(room: Room) -> None:
    room.keep(1)
    room.segments.close()
    assert len(room.closed) == 1
    room.open()


def test_a_new_start_hands_over_what_was_left_and_goes_on_counting(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.keep(1)
    room.segments.close()
    again = Room(tmp_path)
    assert again.closed == [tmp_path / "000000000001.segment"]
    again.keep(2)
    again.segments.close()
    assert again.closed[-1].name == "000000000002.segment"


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_record_cut_short_is_no_record(tmp_path: Path, cut: int) -> None:
    room = Room(tmp_path)
    room.keep(1, 2)
    room.segments.close()
    [path] = room.closed
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(read_segment(path)) == [record(1)]


def test_a_record_that_the_disk_changed_is_no_record(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.keep(1, 2)
    room.segments.close()
    [path] = room.closed
    path.write_bytes(path.read_bytes().replace(b"content 2", b"content 7"))
    assert list(read_segment(path)) == [record(1)]


def test_a_disk_that_refuses_acknowledges_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.keep(1)
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space left"):
            room.segments.keep(record(2), 1).result(10)
    assert room.kept() == [1]
    room.keep(2)
    assert room.kept() == [1, 2]


def refuse(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_batches_from_many_are_all_kept(room: Room) -> None:
    threads = [threading.Thread(target=room.keep, args=range(first, 400, 8)) for first in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(room.kept()) == list(range(1, 400))
