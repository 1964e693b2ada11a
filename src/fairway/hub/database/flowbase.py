"""The database of flows: what the hub puts in, and what it asks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.hub.agents import Agents
from fairway.hub.database import catalogue, reports, seen
from fairway.hub.database.endpoints import endpoints_of
from fairway.hub.database.flows import flows_of, stored
from fairway.hub.database.interface import Database
from fairway.hub.database.migrations import migrate
from fairway.hub.database.question import Question
from fairway.hub.edges import edges_of_reports
from fairway.hub.ledger import Ledger
from fairway.views.filter import EVERYTHING, Expression
from fairway.wire.batch import Header
from fairway.wire.edge import Edge
from fairway.wire.protocol import BatchId

QUERY: Final[dict[str, str | int]] = {
    # Sums are called as what they add up; a condition means the column.
    "prefer_column_name_to_alias": 1,
    "max_execution_time": 60,
    "max_threads": 2,
}


class FlowBase:
    """Flows over a database; `memory` bounds one query, in bytes."""

    def __init__(self, database: Database, memory: int = 1 << 30) -> None:
        self._database = database
        self._settings = {**QUERY, "max_memory_usage": memory}

    def open(self) -> None:
        """Bring the tables to this version; UsageError when they are of a newer one."""
        migrate(self._database)

    def append(self, flows: pa.Table, counted: NDArray[np.bool_], token: str) -> None:
        """Put named flows in, once for each `token`. DatabaseError when the database refuses."""
        rows = stored(flows, counted)
        self._database.insert("flows", rows, token)
        if len(ends := endpoints_of(rows)):
            self._database.insert("endpoints", ends, token)

    def note(self, table: str, rows: pa.Table, token: str) -> None:
        """Put rows that begin with `time_end` into a table beside the flows; once for each `token`."""
        if len(rows):
            milliseconds = rows["time_end"].cast(pa.timestamp("ms", "UTC"), safe=False)
            self._database.insert(table, rows.set_column(0, "time_end", milliseconds), token)

    def remember(self, batches: Sequence[tuple[BatchId, Header, int]], token: str) -> None:
        """Note which batches are in, with their number of rows; once for each `token`."""
        self._database.insert("batches", reports.table_of(batches), token)

    def ledger(self) -> Ledger:
        """Every batch that is in."""
        return reports.ledger_of(self._database.query(reports.RUNS))

    def agents(self) -> Agents:
        """The last report of each agent, and how many came."""
        return reports.agents_of(self._database.query(reports.AGENTS))

    def ask(self, question: Question) -> pa.Table:
        """The answer to one of the catalogue's questions."""
        coded = {"output_format_arrow_low_cardinality_as_dictionary": int(question.coded)}
        return self._database.query(question.statement, question.parameters, self._settings | coded)

    def flows(
        self, since: datetime | None = None, until: datetime | None = None, scope: Expression = EVERYTHING
    ) -> pa.Table:
        """Flows of a time, of those in `scope`, in the columns of `hub.columns`."""
        return flows_of(self.ask(catalogue.flows_between(since, until, scope)))

    def edges(self, scope: Expression = EVERYTHING) -> list[Edge]:
        """Every edge that was ever seen, of those in `scope`, each flow counted once."""
        return edges_of_reports(self.ask(seen.seen_edges(scope)))
