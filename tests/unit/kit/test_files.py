"""Files are there whole or not at all, and changes are noticed."""

import os
from pathlib import Path

import pytest

from fairway.kit.files import append_durably, signature, write_atomically


def test_content_replaces_content_in_folders_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    for content in (b"one", b"two"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["b"]


def test_a_failure_leaves_the_old_content_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"one")
    monkeypatch.setattr(os, "fsync", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"two")
    assert path.read_bytes() == b"one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_lines_are_added_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    append_durably(path, b"one\n")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            append_durably(path, b"lost\n")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one\n", 0o600)
    path.write_bytes(b"one\ncut sh")
    append_durably(path, b"two\n")
    assert path.read_bytes() == b"one\ncut sh\ntwo\n"


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (lambda folder: None, False),
        (lambda folder: touch(folder / "x/a"), True),
        (lambda folder: (folder / "x/a").unlink(), True),
        (lambda folder: (folder / "x/c").write_text(""), True),
        (lambda folder: (folder / "x/a").rename(folder / "a"), True),
        (lambda folder: (folder / "x/.tmp").write_text("half"), False),
        (lambda folder: (folder / "x/gone").symlink_to("nowhere"), False),
    ],
    ids=["nothing", "touched", "removed", "added", "moved", "hidden", "dangling"],
)
def test_signature(tmp_path: Path, change: object, noticed: bool) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a").write_text("1")
    before = signature(tmp_path)
    change(tmp_path)
    assert (signature(tmp_path) != before) is noticed


def test_signature_of_a_file_and_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert signature(path) == frozenset()
    path.write_text("1")
    before = signature(path)
    path.write_text("22")
    assert signature(path) != before != frozenset()
