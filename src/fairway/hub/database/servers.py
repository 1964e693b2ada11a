"""ClickHouse on servers, over HTTP: Arrow both ways, values bound by the server. httpx is there anyway,
so no driver is needed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pyarrow as pa

from fairway.hub.database.bind import escaped, stream_of
from fairway.hub.database.errors import DatabaseError
from fairway.hub.database.layout import Layout
from fairway.kit.errors import UsageError

_PORT: Final = 8123
_SHAPE: Final = "clickhouse://USER@HOST[:PORT][,HOST[:PORT] ...]/DATABASE[?cluster=NAME&secure=1&replicated=1]"
_SETTINGS: Final[dict[str, str | int]] = {
    # An error after the first rows must not look like an answer that ended.
    "wait_end_of_query": 1,
    # A shard that is down is an error, never an answer without its rows.
    "skip_unavailable_shards": 0,
    "distributed_foreground_insert": 1,
    "output_format_arrow_low_cardinality_as_dictionary": 1,
    "output_format_arrow_string_as_string": 1,
}
_TIMEOUT: Final = httpx.Timeout(120, connect=5)
_SHARDS: Final = "SELECT uniqExact(shard_num) AS shards FROM system.clusters WHERE cluster = {name:String}"


@dataclass(frozen=True, slots=True)
class Address:
    """Of a server or, host by host, of a cluster: one host of each shard at least."""

    hosts: tuple[str, ...]
    user: str
    database: str
    layout: Layout
    secure: bool


def parse_address(text: str) -> Address:
    """UsageError if it is none. A password is never in it: it would be seen in lists of processes."""
    parts = urlsplit(text)
    options = parse_qs(parts.query)
    user, _, hosts = parts.netloc.rpartition("@")
    database = parts.path.strip("/")
    if unknown := set(options) - {"cluster", "secure", "replicated"}:
        raise UsageError(f"`{text}`: `{min(unknown)}` is no option; write {_SHAPE}")
    if parts.scheme != "clickhouse" or not hosts or ":" in user or not database.isidentifier():
        raise UsageError(f"`{text}` is no address of ClickHouse; write {_SHAPE}")
    cluster = options.get("cluster", [""])[0]
    if cluster and not cluster.replace("-", "_").isidentifier():
        raise UsageError(f"`{cluster}` is no name of a cluster; write {_SHAPE}")
    named = tuple(host if host.rpartition(":")[2].isdigit() else f"{host}:{_PORT}" for host in hosts.split(","))
    replicated = options.get("replicated") == ["1"]
    if replicated and not cluster:
        raise UsageError(f"`{text}`: replicated=1 needs a cluster; write {_SHAPE}")
    return Address(
        named, unquote(user) or "default", database, Layout(cluster, replicated), options.get("secure") == ["1"]
    )


class Servers:
    """`with Servers(address, password) as database:`; any thread may ask. The first host that answers is asked."""

    def __init__(self, address: Address, password: str = "") -> None:
        self.layout = address.layout
        self._address = address
        scheme = "https" if address.secure else "http"
        headers = {"X-ClickHouse-User": address.user}
        if password:
            headers["X-ClickHouse-Key"] = password
        self._hosts = [f"{scheme}://{host}/" for host in address.hosts]
        self._http = httpx.Client(headers=headers, timeout=_TIMEOUT, trust_env=False)
        self._shards = 1

    def __enter__(self) -> Self:
        for host in self._hosts:
            self._ask(host, f"CREATE DATABASE IF NOT EXISTS {self._address.database}", {}, database=False)
        if name := self.layout.cluster:
            self._shards = int(self.query(_SHARDS, {"name": name})["shards"][0].as_py())
            if not self._shards:
                raise UsageError(f"`{name}` is no cluster of {self._hosts[0]}; see its system.clusters")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def execute(self, statement: str) -> None:
        """On every host of the address."""
        self.each(statement)

    def each(self, statement: str) -> list[pa.Table]:
        """Every host's own answer."""
        return [self._ask(host, statement, {}) for host in self._hosts]

    def query(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, str | int] | None = None,
    ) -> pa.Table:
        """All shards' answer; DatabaseError when one of them is down."""
        bound = {f"param_{name}": value for name, value in escaped(parameters or {}).items()}
        return self._any(lambda host: self._ask(host, statement, {**bound, **(settings or {})}))

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Onto one shard, always the same for a token: there a repeat is known."""
        statement = f"INSERT INTO {table} ({', '.join(rows.column_names)}) FORMAT ArrowStream"
        settings = {
            "query": statement,
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            "max_insert_block_size": 1 << 24,
            # Merges add rows with equal keys up anyway; before each write it takes longer than the write.
            "optimize_on_insert": 0,
            # A node whose clock is wild must not stop the others' flows.
            "max_partitions_per_insert_block": 0,
        }
        if self.layout.cluster:
            digest = hashlib.sha256(token.encode()).digest()
            settings["insert_shard_id"] = int.from_bytes(digest[:8]) % self._shards + 1
        content = stream_of(rows)
        self._any(lambda host: self._post(host, content, settings))

    def _any(self, ask: Callable[[str], Any]) -> Any:
        """From the first host that can be reached; the one that could goes first from then on."""
        troubles = []
        for host in list(self._hosts):
            try:
                return ask(host)
            except httpx.TransportError as error:
                troubles.append(f"{host}: {str(error) or type(error).__name__}")
        raise DatabaseError(f"database: no server can be reached ({'; '.join(troubles)}); is it running?")

    def _ask(self, host: str, statement: str, settings: Mapping[str, Any], *, database: bool = True) -> pa.Table:
        # Only questions have a form; the statement itself goes in the body, as it may be long.
        asks = statement.lstrip().upper().startswith(("SELECT", "WITH", "CHECK"))
        text = f"{statement}\nFORMAT ArrowStream" if asks else statement
        try:
            content = self._post(host, text.encode(), settings, database=database)
        except httpx.TransportError as error:
            if len(self._hosts) > 1 and asks:
                raise
            raise DatabaseError(f"database: {host} cannot be reached ({error}); is it running?") from error
        return pa.ipc.open_stream(content).read_all() if content and asks else pa.table({})

    def _post(self, host: str, content: bytes, settings: Mapping[str, Any], *, database: bool = True) -> bytes:
        chosen = {"database": self._address.database} if database else {}
        answer = self._http.post(host, content=content, params={**chosen, **_SETTINGS, **settings})
        if answer.status_code != httpx.codes.OK:
            raise DatabaseError.told(answer.text)
        return answer.content
