"""Batches leave numbered and whole; what cannot be kept is the oldest, and is counted."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairway.agent.outbox import Outbox, open_folder
from fairway.kit.errors import EnvironmentLacksError
from fairway.wire.batch import RECORD, Batch, Header, decode, encode

NOTHING = np.zeros(0, RECORD)


def batch_of(node: str, boot: str, sequence: int) -> Batch:
    return Batch(Header(node=node, boot=boot, sequence=sequence, start_us=1, end_us=2), NOTHING)


def put(outbox: Outbox) -> Path:
    """Put the next batch; where it is, if it is kept. Files are a second apart, as on a disk's coarse clock."""
    number = outbox.next_sequence
    outbox.put(batch_of(outbox.node, outbox.boot, number))
    path = outbox.folder / f"{outbox.node}-{outbox.boot}-{number:012d}.arrow"
    if path.exists():
        os.utime(path, (number, number))
    return path


def numbers(folder: Path) -> list[int]:
    return sorted(decode(path.read_bytes()).header.sequence for path in folder.glob("*.arrow"))


def size_of_one() -> int:
    return len(encode(batch_of("node-a", "boot", 1)))


def test_batches_are_numbered_from_one_and_nothing_else_is_there(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, "node-a", "boot")
    assert outbox.next_sequence == 1
    names = [put(outbox).name for _ in range(3)]
    assert names == [f"node-a-boot-{number:012d}.arrow" for number in (1, 2, 3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert [decode((tmp_path / name).read_bytes()).header.sequence for name in names] == [1, 2, 3]
    assert (outbox.next_sequence, outbox.dropped) == (4, 0)


@pytest.mark.parametrize("kept", [1, 3, 9])
def test_the_oldest_go_first_and_are_counted(tmp_path: Path, kept: int) -> None:
    outbox = Outbox(tmp_path, "node-a", "boot", max_bytes=kept * size_of_one())
    for _ in range(10):
        put(outbox)
    assert numbers(tmp_path) == list(range(11 - kept, 11))
    assert outbox.dropped == 10 - kept
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= outbox.max_bytes


def test_a_collector_that_empties_the_folder_makes_room(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, "node-a", "boot", max_bytes=3 * size_of_one())
    for _ in range(3):
        put(outbox)
    for path in tmp_path.iterdir():
        path.unlink()
    for _ in range(3):
        put(outbox)
    assert (numbers(tmp_path), outbox.dropped) == ([4, 5, 6], 0)


def test_an_earlier_boots_batches_are_this_nodes_too(tmp_path: Path) -> None:
    old = put(Outbox(tmp_path, "node-a", "before"))
    outbox = Outbox(tmp_path, "node-a", "boot", max_bytes=size_of_one())
    new = put(outbox)
    assert (old.exists(), new.exists(), outbox.dropped) == (False, True, 1)


@pytest.mark.parametrize("node", ["node-b", "node-a-b", "node-a1", "a", "node"])
def test_other_nodes_batches_are_not_ours_to_drop(tmp_path: Path, node: str) -> None:
    theirs = put(Outbox(tmp_path, node, "boot"))
    outbox = Outbox(tmp_path, "node-a", "boot", max_bytes=1)
    put(outbox)
    put(outbox)
    assert theirs.exists()
    assert outbox.dropped == 1, "its own first one"


@contextlib.contextmanager
def refusing_disk() -> Iterator[None]:
    """The kernel refuses to write files as large as a batch, as a broken disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_a_disk_refuses_waits_in_memory_and_is_written_later(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, "node-a", "boot")
    put(outbox)
    with refusing_disk():
        put(outbox)
        put(outbox)
        assert numbers(tmp_path) == [1]
        assert len(list(tmp_path.iterdir())) == 1, "no half of one either"
        assert (outbox.size()[0], outbox.dropped, outbox.refused) == (3, 0, 2)
    put(outbox)
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_what_waits_in_memory_is_bounded_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.agent.outbox.HELD_BYTES", 2 * size_of_one() + 100)
    outbox = Outbox(tmp_path, "node-a", "boot")
    with refusing_disk():
        for _ in range(5):
            put(outbox)
        assert taken(outbox) == [4, 5]
    assert outbox.dropped == 3


def test_a_full_disk_keeps_the_newest(tmp_path: Path) -> None:
    """A file system of 64 KiB, some of it somebody else's."""
    if os.geteuid() != 0:
        pytest.skip("needs root: to mount a file system of its own")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "fairway-test", tmp_path], check=True)
    try:
        (tmp_path / "theirs").write_bytes(bytes(16 << 10))
        outbox = Outbox(tmp_path, "node-a", "boot")
        for _ in range(20):
            put(outbox)
        kept = numbers(tmp_path)
        assert kept == list(range(21 - len(kept), 21))
        assert 1 < len(kept) < 13
        assert outbox.dropped == 20 - len(kept)
        assert (tmp_path / "theirs").stat().st_size == 16 << 10
        assert taken(outbox) == kept
        put(outbox)
        assert taken(outbox) == [21], "there is room again"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def taken(outbox: Outbox) -> list[int]:
    """Take all that waits, in the order in which it is given."""
    found = []
    while one := outbox.oldest():
        found.append(one.sequence)
        assert decode(one.content).header.sequence == one.sequence
        outbox.remove(one.name)
    return found


def test_batches_are_taken_oldest_first_earlier_boots_before(tmp_path: Path) -> None:
    put(Outbox(tmp_path, "node-a", "before"))
    put(Outbox(tmp_path, "node-b", "boot"))
    (tmp_path / "node-a-x-y.arrow").touch()
    (tmp_path / "node-a-boot-000000000009.partial").touch()
    outbox = Outbox(tmp_path, "node-a", "boot")
    put(outbox)
    put(outbox)
    first = outbox.oldest()
    assert first
    assert (first.boot, first.sequence) == ("before", 1)
    assert taken(outbox) == [1, 1, 2]
    assert outbox.size() == (0, 0)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    assert open_folder(tmp_path / "a" / "b").is_dir()
    assert open_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentLacksError, match=r"cannot make the spool .*/file/spool: Not a directory"):
        open_folder(tmp_path / "file" / "spool")


@pytest.mark.parametrize("told", [True, False])
def test_a_batch_cut_short_by_death_appears_only_if_it_was_told(tmp_path: Path, told: bool) -> None:
    (tmp_path / ".node-a-b-boot-000000000001.arrow.1.tmp").touch()  # another node's
    child = os.fork()
    if not child:
        Outbox(tmp_path, "node-a", "boot").put(batch_of("node-a", "boot", 1), lambda: os._exit(0))
    os.waitpid(child, 0)
    assert not list(tmp_path.glob("*.arrow")), "it had no name yet"
    asked = []
    Outbox(tmp_path, "node-a", "next").settle(lambda *which: asked.append(which) or told)
    assert asked == [("boot", 1)]
    assert numbers(tmp_path) == [1] * told
    assert len(list(tmp_path.iterdir())) == 1 + told


def test_what_the_disk_refuses_is_told_from_memory_once(tmp_path: Path) -> None:
    outbox, committed = Outbox(tmp_path, "node-a", "boot"), []
    with refusing_disk():
        outbox.put(batch_of("node-a", "boot", 1), lambda: committed.append(1))
        outbox.put(batch_of("node-a", "boot", 2), lambda: committed.append(2))
    assert (committed, outbox.dropped) == ([1, 2], 0)
    outbox.put(batch_of("node-a", "boot", 3), lambda: committed.append(3))
    assert committed == [1, 2, 3]
    assert numbers(tmp_path) == [1, 2, 3]
