"""ClickHouse inside this process (chDB): no server to run. One process owns the folder."""

import fcntl
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa

from fairway.hub.database.bind import escaped, stream_of
from fairway.hub.database.errors import DatabaseError
from fairway.hub.database.layout import Layout
from fairway.kit.errors import UsageError

CONFIG: Final = """<clickhouse>
  <max_server_memory_usage>{bytes}</max_server_memory_usage>
  <mark_cache_size>{cache}</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <background_pool_size>2</background_pool_size>
</clickhouse>
"""


OVERHEAD: Final = 1280 << 20
"""What a process takes beyond the setting at most, in bytes: 380 MiB of libraries, and what was freed
and the allocator has not given back: under ten hostile questions at once, up to 1.1 GiB were seen."""


class Embedded:
    """`with Embedded(folder) as database:`; queries from any thread, each thread with a connection of its own.

    `memory` bounds what the database takes in all, in bytes.
    """

    layout: Final = Layout()

    def __init__(self, folder: Path, memory: int = 2 << 30) -> None:
        self._folder = folder
        self._memory = memory
        self._local = threading.local()
        self._open: list[Any] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(_Alone(self._folder))
            config = self._folder / "config.xml"
            config.write_text(CONFIG.format(bytes=self._memory, cache=self._memory // 16))
            self._connection()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._stack.close()

    def execute(self, statement: str, settings: Mapping[str, str | int] | None = None) -> None:
        """Run a statement that answers nothing; DatabaseError says why not."""
        self.query(statement, None, settings)

    def each(self, statement: str) -> list[pa.Table]:
        """The one node's answer."""
        return [self.query(statement)]

    def query(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, str | int] | None = None,
    ) -> pa.Table:
        """The answer as a table; `parameters` are bound as `{name:Type}`, never written into the text."""
        try:
            answer = self._connection().query(
                statement + _settings(settings), "ArrowStream", params=escaped(parameters or {})
            )
        except RuntimeError as error:
            raise DatabaseError.told(str(error)) from None
        content = answer.bytes()
        return pa.ipc.open_stream(content).read_all() if content else pa.table({})

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Put rows into a table and all that it feeds, once for each `token`, however often it is tried."""
        settings: dict[str, str | int] = {
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            # One block, however many rows.
            "min_insert_block_size_rows": 1 << 24,
            "min_insert_block_size_bytes": 0,
            # Merges add rows with equal keys up anyway; before each write it takes longer than the write.
            "optimize_on_insert": 0,
            # A node whose clock is wild must not stop the others' flows.
            "max_partitions_per_insert_block": 0,
        }
        columns = ", ".join(rows.column_names)
        # Not the engine's own streamed insert, which reports success when the disk refuses.
        memory = os.memfd_create("fairway-insert")
        with open(memory, "wb") as file:  # noqa: PTH123  # a descriptor has no path
            file.write(stream_of(rows))
            file.flush()
            source = f"file('/proc/self/fd/{memory}', 'ArrowStream')"
            self.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}", settings)

    def _connection(self) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            # Half a gigabyte, and only here: who reads files does without.
            import chdb

            path = f"{self._folder}/data?config-file={self._folder}/config.xml"
            try:
                connection = self._local.connection = chdb.connect(path)
            except RuntimeError as error:
                raise DatabaseError.told(str(error)) from None
            self._open.append(connection)
        return connection


def _settings(settings: Mapping[str, str | int] | None) -> str:
    if not settings:
        return ""
    given = ", ".join(f"{name} = {_literal(value)}" for name, value in settings.items())
    return f" SETTINGS {given}"


def _literal(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class _Alone:
    """The folder's lock; the kernel drops it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._file = (self._folder / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            owner = self._file.read().strip()
            self._file.close()
            raise UsageError(
                f"{self._folder}: process {owner} has this database open; ask that one over HTTP, or stop it"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def __exit__(self, *_: object) -> None:
        self._file.close()
