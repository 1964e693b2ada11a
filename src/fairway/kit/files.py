"""Files that other processes read while they are written: whole or not at all, also across a power cut."""

import os
from collections.abc import Callable
from pathlib import Path

Signature = frozenset[tuple[str, int, int]]
"""Path, modification time in nanoseconds and size of everything watched; unequal means changed."""


def write_atomically(path: Path, content: bytes, commit: Callable[[], None] = lambda: None) -> None:
    """Put `content` at `path` at one stroke and on disk; its folder is made when missing.

    `commit` is called when all of it is on disk under a hidden name, `.NAME.*.tmp`, before it gets its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        commit()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def append_durably(path: Path, content: bytes) -> None:
    """Add whole lines to a file, made when missing for its owner alone, and have them on disk.

    OSError when the disk refuses: then nothing of them is there. What a crash cut short stays a line of its own.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        torn = before and os.pread(descriptor, 1, before - 1) != b"\n"
        try:
            with os.fdopen(descriptor, "ab", closefd=False) as file:
                file.write(b"\n" + content if torn else content)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a renamed file's content alone is not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def signature(path: Path) -> Signature:
    """What to compare to know whether a file, or anything below a folder, has changed. Missing: empty.

    Hidden files, where atomic writers prepare theirs, do not count; the folders that hold them change neither.
    """
    try:
        entries = [path, *path.rglob("*")] if path.is_dir() else [path]
    except OSError:
        return frozenset()
    seen = set()
    for entry in entries:
        if entry != path and entry.name.startswith("."):
            continue
        try:
            status = entry.stat()
        except OSError:
            continue
        if not entry.is_dir():
            seen.add((str(entry), status.st_mtime_ns, status.st_size))
    return frozenset(seen)
