"""One import: files of one format in, one file of flows out, and an account of what could not be used."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fairway.hub.columns import IMPORTED
from fairway.hub.importers.ends import Ends, Words
from fairway.hub.importers.fold import Fold
from fairway.hub.importers.formats import READERS, detect
from fairway.hub.importers.lines import Block, Stream, opened
from fairway.hub.importers.tally import Tally
from fairway.hub.importers.unknown import Unknown
from fairway.hub.importers.unwrap import records
from fairway.hub.importers.vpc_parquet import MAGIC, parquet_sights
from fairway.kit.errors import UsageError
from fairway.kit.files import sync_folder

CHUNK: Final = 4096
"""Records of a JSON document handed on at once."""


@dataclass(frozen=True, slots=True)
class Import:
    """What to read. `format` is a name of `formats.READERS` or `auto`; `fields` those of a custom VPC flow log;
    `interval` the seconds that one row of flows stands for at most."""

    format: str
    files: Sequence[str]
    fields: Sequence[str] = ()
    interval: int = 60


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it: an account per file, rows of flows, and where they are (None: nowhere)."""

    tallies: tuple[Tally, ...]
    flows: int
    out: Path | None

    def record(self) -> dict[str, Any]:
        """For JSON and YAML."""
        out = str(self.out) if self.out else None
        return {"files": [tally.record() for tally in self.tallies], "flows": self.flows, "out": out}


class Output:
    """A Parquet file of flows, written as they come and put in place at the end, or not at all."""

    def __init__(self, path: Path | None) -> None:
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp") if path else None
        self._writer: pq.ParquetWriter | None = None

    def write(self, flows: pa.Table) -> None:
        if self._temporary is None:
            return
        if self._writer is None:
            self._temporary.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._temporary, IMPORTED, compression="zstd")
        self._writer.write_table(flows)

    def place(self, path: Path | None) -> None:
        """Put the whole file at `path`."""
        if self._temporary is None or path is None:
            return
        if self._writer is None:
            self.write(IMPORTED.empty_table())
        self.close()
        descriptor = os.open(self._temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._temporary.replace(path)
        sync_folder(path.parent)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def drop(self) -> None:
        self.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)


def run(what: Import, ends: Ends, out: Path | None, store: Path | None = None) -> Imported:
    """Read all files. The flows go to the file `out`, or into the folder `store`, for the hub to take, under a
    name made of what was read, so that reading it again adds nothing. UsageError when nothing could be used."""
    words, digest = Words(), sha256(msgspec.json.encode((what.fields, what.interval)))
    target = out or (store / ".import.parquet" if store else None)
    with _output(target) as output:
        unknown = Unknown()
        fold = Fold(ends, words, what.interval * 1_000_000, output.write, unknown)
        tallies = []
        for path in what.files:
            tallies.append(tally := Tally("stdin" if path == "-" else path, unknown=unknown))
            with opened(path) as file:
                tally.file_us = os.fstat(file.fileno()).st_mtime_ns // 1000
                digest.update(_file(what, file, ends, words, tally, fold))
        fold.flush()
        if not any(tally.used for tally in tallies):
            raise UsageError(nothing(tallies))
        if store is not None:
            target = store / f"import-{digest.hexdigest()[:16]}.parquet"
        output.place(target)
    return Imported(tuple(tallies), fold.rows, target)


@contextmanager
def _output(path: Path | None) -> Iterator[Output]:
    output = Output(path)
    try:
        yield output
    finally:
        output.drop()


def _file(what: Import, file: BinaryIO, ends: Ends, words: Words, tally: Tally, fold: Fold) -> bytes:
    """Read one file into the fold; a digest of its bytes."""
    stream = Stream(file, tally)
    name = detect(stream.head) if what.format == "auto" else what.format
    if name is None:
        raise UsageError(f"{tally.path}: is of no known format; say which: {', '.join(READERS)}")
    tally.format = name
    if stream.head.startswith(MAGIC) and name == "vpc-flow-log":
        for sights in parquet_sights(file, ends, tally):
            _take(sights, tally, fold)
        return sha256(mmap(file.fileno(), 0, access=ACCESS_READ)).digest()
    reader = READERS[name](ends, words, tally, what.fields)
    for block in _blocks(stream, tally):
        _take(reader.read(block), tally, fold)
    return stream.digest


def _take(sights: Any, tally: Tally, fold: Fold) -> None:
    if len(sights):
        tally.used += len(sights)
        tally.seen(int(sights["start"].min()), int(sights["end"].max()))
        fold.add(sights)


def _blocks(stream: Stream, tally: Tally) -> Iterator[Block]:
    """Lines; the records of a JSON document that goes over several lines, as if each were one."""
    first = stream.head.lstrip().partition(b"\n")[0].strip()
    if first not in (b"{", b"["):
        for block in stream.lines():
            tally.lines += len(block[1])
            yield block
        return
    content = stream.whole()
    tally.lines += content.count(b"\n")
    try:
        found = [msgspec.json.encode(record) for record in records(msgspec.json.decode(content))]
    except (msgspec.DecodeError, RecursionError):
        yield 1, content.split(b"\n")
        return
    for start in range(0, len(found), CHUNK):
        yield start + 1, found[start : start + CHUNK]


def nothing(tallies: Sequence[Tally]) -> str:
    """Why nothing could be used, in one line."""
    reasons = [reason for tally in tallies for reason, _ in tally.not_used.most_common(1)]
    why = f": {reasons[0]}" if reasons else ": there is no record in it"
    names = ", ".join(f"`{tally.path}`" for tally in tallies[:3])
    return f"{names}: no record could be used{why}; name the format, or give the --fields of the log"


def covers(tallies: Sequence[Tally]) -> tuple[datetime, datetime] | None:
    """The time that usable records cover."""
    used = [tally for tally in tallies if tally.used]
    if not used:
        return None
    first, last = min(t.first_us for t in used), max(t.last_us for t in used)
    return datetime.fromtimestamp(first / 1e6, UTC), datetime.fromtimestamp(last / 1e6, UTC)
