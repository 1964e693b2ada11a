"""Where tables lie: on one node, on the shards of a cluster, on shards whose replicas a Keeper holds together.

On a cluster each shard has a part of every table under the name `TABLE_here`; `TABLE` itself is a Distributed table
over the parts, so that a question reads the same everywhere.
"""

from dataclasses import dataclass

from fairway.hub.database.schema import TOKENS_KEPT, Table


@dataclass(frozen=True, slots=True)
class Layout:
    """`cluster` is ClickHouse's name for it, empty for one node. `replicated` needs a Keeper and macros for `shard`
    and `replica` on every server; its statements are templates that no test of ours runs."""

    cluster: str = ""
    replicated: bool = False

    def local(self, name: str) -> str:
        """What a node's own part of a table is called."""
        return f"{name}_here" if self.cluster else name

    def create(self, table: Table) -> tuple[str, ...]:
        """The table's own statements, without the view that fills it; each may be repeated."""
        here = self.local(table.name)
        statements = [
            f"CREATE TABLE IF NOT EXISTS {here}{self.everywhere} (\n  {table.body}\n) "
            f"ENGINE = {self._engine(table)}\nPARTITION BY {table.partition}\nORDER BY ({', '.join(table.keys)})\n"
            f"SETTINGS {self._window}"
        ]
        if self.cluster:
            statements.append(
                f"CREATE TABLE IF NOT EXISTS {table.name}{self.everywhere} (\n  {table.body}\n) "
                f"ENGINE = Distributed('{self.cluster}', currentDatabase(), '{here}', rand())"
            )
        return tuple(statements)

    def fill(self, table: Table) -> str:
        """The view through which an insert into the table it is made of fills it, on the same node."""
        columns = ",\n  ".join(f"{expression} AS {name}" for name, expression in table.select)
        keys = ", ".join(key for key in table.keys if "(" not in key)
        source = table.source.replace("{of}", self.local(table.of))
        return (
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {table.name}_fill{self.everywhere} "
            f"TO {self.local(table.name)} AS\nSELECT {columns}\nFROM {source}"
            + (f"\nGROUP BY {keys}" if table.grouped else "")
        )

    @property
    def everywhere(self) -> str:
        """The clause that takes a statement to every replica."""
        return f" ON CLUSTER '{self.cluster}'" if self.replicated else ""

    @property
    def _window(self) -> str:
        kind = "replicated" if self.replicated else "non_replicated"
        return f"{kind}_deduplication_window = {TOKENS_KEPT}"

    def _engine(self, table: Table) -> str:
        if not self.replicated:
            return table.engine
        path = f"/clickhouse/tables/{{shard}}/{{database}}/{table.name}"
        return f"Replicated{table.engine}('{path}', '{{replica}}')"
