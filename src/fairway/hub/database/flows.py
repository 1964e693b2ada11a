"""Named flows on their way into the table `flows` and back."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fairway.hub.columns import SCHEMA
from fairway.hub.database.schema import BEFORE_END, FLOW_COLUMNS

_MILLISECONDS: Final = pa.timestamp("ms", "UTC")
STORED: Final = tuple(name for name, _ in FLOW_COLUMNS)
NAMES: Final = (*SCHEMA.names, "would_deny", "counted")
"""What is told of a flow."""
_REACH_MS: Final = (1 << 31) - 1
"""Further from its interval's end no moment can be kept: 24 days."""


def stored(flows: pa.Table, counted: NDArray[np.bool_]) -> pa.Table:
    """Flows in the columns of `hub.columns`, as rows of the table; `counted` has one value for each."""
    end = flows["time_end"].cast(_MILLISECONDS, safe=False).cast(pa.int64())
    columns: dict[str, Any] = {name: flows[name] for name in SCHEMA.names}
    columns["time_end"] = flows["time_end"].cast(_MILLISECONDS, safe=False)
    for name, before in BEFORE_END.items():
        moment = flows[name].cast(_MILLISECONDS, safe=False).cast(pa.int64())
        reach = pc.max_element_wise(pc.min_element_wise(pc.subtract(end, moment), _REACH_MS), -_REACH_MS)
        columns[before] = reach.cast(pa.int32())
    columns["would_deny"] = pc.if_else(_would(flows), flows["connections"], pa.scalar(0, pa.uint32()))
    columns["counted"] = pa.array(counted)
    return pa.table([columns[name] for name in STORED], names=list(STORED)).unify_dictionaries()


def told(flows: pa.Table, counted: NDArray[np.bool_]) -> pa.Table:
    """The same in the columns of NAMES, as a question about the table would tell them."""
    would = pc.if_else(_would(flows), flows["connections"], pa.scalar(0, pa.uint32()))
    return flows.append_column("would_deny", would).append_column("counted", pa.array(counted))


def flows_of(rows: pa.Table) -> pa.Table:
    """Rows of the table in the columns of `hub.columns` again; times are whole milliseconds."""
    if not rows.num_rows:
        return SCHEMA.empty_table()
    return pa.table([rows[field.name].cast(field.type) for field in SCHEMA], schema=SCHEMA)


def counted_once(flows: pa.Table, reporting: Collection[str], holders: Mapping[str, str]) -> NDArray[np.bool_]:
    """Which flows to count: not a client's report whose server's agent reports too.

    `reporting` are the nodes with an agent at work, `holders` the node of each pod's address. A Service's flow is
    told by its backends' agents, if all of them have one. Where nobody saw who opened a connection both ends may
    think themselves the client: the one with the lower address is taken.
    """
    told = np.zeros(len(flows), bool)
    client = _equal(flows, "reporter", "client")
    by_pod = _equal(flows, "server_kind", "pod") & _among(flows, "server_node", reporting.__contains__)
    by_backends = _equal(flows, "server_kind", "service") & _among(
        flows, "backends", lambda written: _all_report(written, reporting, holders)
    )
    known = flows["initiator_known"].to_numpy(zero_copy_only=False)
    lower = pc.less(flows["client_address"].cast(pa.string()), flows["server_address"].cast(pa.string())).to_numpy(
        zero_copy_only=False
    )
    told |= client & (by_pod | by_backends) & (known | ~lower)
    return ~told


def _all_report(written: str, reporting: Collection[str], holders: Mapping[str, str]) -> bool:
    ends = msgspec.json.decode(written, type=list[tuple[str, int]]) if written else []
    return bool(ends) and all(holders.get(address) in reporting for address, _ in ends)


def _equal(flows: pa.Table, column: str, word: str) -> NDArray[np.bool_]:
    return _among(flows, column, word.__eq__)


def _among(flows: pa.Table, column: str, wanted: Any) -> NDArray[np.bool_]:
    """Each row's answer, from one question for each distinct word."""
    coded = flows[column].unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], coded.type)
    answers = np.array([bool(wanted(word)) for word in coded.dictionary.to_pylist()] or [False])
    found: NDArray[np.bool_] = answers[coded.indices.to_numpy(zero_copy_only=False)]
    return found


def _would(flows: pa.Table) -> Any:
    staged = pc.equal(flows["staged"].cast(pa.string()), "deny")
    # A denial that dropped nothing was an audit of the policies in force: on trial as well.
    audited = pc.and_(pc.equal(flows["verdict"].cast(pa.string()), "deny"), pc.equal(flows["denied"], 0))
    return pc.or_(staged, audited)
