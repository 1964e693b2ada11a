"""The endpoints that flows speak of, each once."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.columns import CLIENT, END, SERVER
from fairway.kit.codes import distinct

_TOLD: Final = pa.array(["flow", "edge"])
"""Kinds of rows that have two ends."""
_MOMENT: Final = pa.timestamp("ms", "UTC")


def endpoints_of(rows: pa.Table) -> pa.Table:
    """Of rows of the table `flows`, those of the table `endpoints`; one that is client and server is told twice."""
    rows = rows.select([*CLIENT, *SERVER, "time_end", "first_ms", "last_ms"]).filter(
        pc.is_in(rows["kind"].cast(pa.string()), _TOLD)
    )
    return pa.concat_tables([_at(rows, end) for end in ("client", "server")])


def _at(rows: pa.Table, end: str) -> pa.Table:
    columns = rows.select([f"{end}_{field}" for field in END])
    positions, groups = distinct(*(column.combine_chunks().indices.to_numpy() for column in columns.columns))
    ended = rows["time_end"].cast(pa.int64()).to_numpy()
    first, last = np.full(len(positions), np.iinfo(np.int64).max), np.zeros(len(positions), np.int64)
    np.minimum.at(first, groups, ended - rows["first_ms"].to_numpy())
    np.maximum.at(last, groups, ended - rows["last_ms"].to_numpy())
    times = (pa.array(moments).cast(_MOMENT) for moments in (first, last))
    return pa.table([*columns.take(positions).columns, *times], names=[*END, "first_seen", "last_seen"])
