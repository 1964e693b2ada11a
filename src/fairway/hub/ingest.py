"""Ingest: batches from the spool into the store, each exactly once.

A pass reads files in the order of their names, names their rows, writes all of them as one Parquet file that also
says which batches it holds, and only then deletes the files. A crash in between leaves files whose batches the
store knows: they are deleted when met again.
"""

import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa

from fairway.hub.agents import Agents
from fairway.hub.ledger import BatchId, Ledger
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.state import State
from fairway.hub.store import Store
from fairway.wire import batch as wire

MAX_FILES: Final = 512
MAX_ROWS: Final = 500_000
"""Of one pass; what is left waits for the next."""
MAX_REJECTED: Final = 1000
"""So many rejected files are kept to look at; further ones are deleted."""

Log = Callable[[str], None]


@dataclass(slots=True)
class _Taken:
    """What one pass has read so far."""

    tables: list[pa.Table] = field(default_factory=list)
    headers: list[tuple[wire.Header, int]] = field(default_factory=list)
    batches: Ledger = field(default_factory=Ledger)
    files: list[Path] = field(default_factory=list)
    rows: int = 0
    duplicates: int = 0


class Ingest:
    """Moves batches; `agents` is what it learned of their senders."""

    def __init__(self, state: State, store: Store, agents: Agents, log: Log) -> None:
        self._state = state
        self._store = store
        self._log = log
        self.agents = agents

    def run(self, names: Names) -> int:
        """One pass; the number of rows stored. OSError when the disk refuses: nothing was deleted then."""
        taken = _Taken()
        for path in self._waiting():
            try:
                self._take(path, names, taken)
            except FileNotFoundError:
                continue
            except (wire.BatchError, OSError) as error:
                self._reject(path, error)
            if taken.rows >= MAX_ROWS:
                break
        if taken.rows:
            self._store.append(taken.tables, taken.batches)
        for header, rows in taken.headers:
            self.agents = self.agents.received(header, rows)
        if taken.duplicates:
            self.agents = self.agents.refused(duplicates=taken.duplicates)
        for path in taken.files:
            path.unlink(missing_ok=True)
        return taken.rows

    def _waiting(self) -> list[Path]:
        files = (path for path in self._state.spool.iterdir() if not path.name.startswith("."))
        return sorted(path for path in files if path != self._state.rejected)[:MAX_FILES]

    def _take(self, path: Path, names: Names, taken: _Taken) -> None:
        batch = _read(path)
        header = batch.header
        identity = BatchId(header.node, header.boot, header.sequence)
        if path.name != identity.file:
            raise wire.BatchError(f"holds the batch of another name, `{identity.file}`")
        if identity in taken.batches or identity in self._store.batches:
            taken.duplicates += 1
        else:
            taken.tables.append(named(batch, names))
            taken.headers.append((header, len(batch.rows)))
            taken.batches.add(identity)
            taken.rows += len(batch.rows)
        taken.files.append(path)

    def _reject(self, path: Path, error: Exception) -> None:
        folder = self._state.rejected
        folder.mkdir(exist_ok=True)
        if sum(1 for _ in folder.iterdir()) < MAX_REJECTED or path.is_dir():
            path.replace(folder / path.name)
        else:
            path.unlink(missing_ok=True)
        self.agents = self.agents.refused(rejected=1)
        reason = error.strerror if isinstance(error, OSError) else error
        self._log(f"spool: `{path.name}` {reason}; moved to {folder}")


def _read(path: Path) -> wire.Batch:
    """The batch in a regular file of bounded size."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or path.suffix != ".arrow":
        raise wire.BatchError("is no batch file")
    if status.st_size > wire.MAX_BYTES:
        raise wire.BatchError(f"has {status.st_size} bytes, over the limit of {wire.MAX_BYTES}")
    return wire.decode(path.read_bytes())
