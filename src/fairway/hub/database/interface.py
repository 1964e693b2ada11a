"""What a database is to the hub, wherever it runs."""

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa

from fairway.hub.database.layout import Layout


class Database(Protocol):
    """ClickHouse's SQL, in this process or on servers. Every method raises DatabaseError when it is refused."""

    @property
    def layout(self) -> Layout: ...

    def execute(self, statement: str) -> None:
        """Run a statement that answers nothing, on every node."""

    def each(self, statement: str) -> list[pa.Table]:
        """Every node's own answer."""

    def query(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, str | int] | None = None,
    ) -> pa.Table:
        """All nodes' answer; `parameters` are bound as `{name:Type}`, never written into the text."""

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Put rows into a table and all that it feeds, once for each `token`, however often it is tried."""
