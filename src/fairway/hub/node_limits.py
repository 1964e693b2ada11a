"""Nodes' limits: what agents tell of them, as rows of the table `limits`; and what bandwidth a machine may have."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import pyarrow as pa

from fairway.hub.columns import MOMENT, WORD
from fairway.kit.documents import read_documents
from fairway.kit.errors import UsageError
from fairway.policy.model import Node
from fairway.signals.observed import Limit
from fairway.wire import batch as wire

SCHEMA: Final = pa.schema(
    [("time_end", MOMENT), ("node", WORD), ("name", WORD), ("used", pa.float64()), ("most", pa.float64())]
)
INSTANCE: Final = "node.kubernetes.io/instance-type"
"""The label of a node that says what machine it is."""
_Gigabits = Annotated[float, msgspec.Meta(gt=0)]


def limits_in(batches: Sequence[wire.Batch]) -> pa.Table:
    """A row for each limit that a batch tells of."""
    return pa.Table.from_pylist(
        [
            {"time_end": batch.header.end_us, "node": batch.header.node, **msgspec.structs.asdict(limit)}
            for batch in batches
            for limit in batch.header.limits
        ],
        SCHEMA,
    )


def limits_of(rows: Iterable[dict[str, Any]], nodes: Iterable[Node], bandwidth: Mapping[str, float]) -> list[Limit]:
    """Rows of `limits_between`. Of bandwidth those whose node's instance type is in the table."""
    allowed = {node.name: bandwidth.get(dict(node.labels).get(INSTANCE, ""), 0.0) * 1e9 for node in nodes}
    told = []
    for limit in (Limit(**row) for row in rows):
        if limit.name not in wire.BANDWIDTH.values():
            told.append(limit)
        elif most := allowed.get(limit.node):
            told.append(msgspec.structs.replace(limit, most=most))
    return told


def read_bandwidth(path: Path) -> dict[str, float]:
    """Gigabits a second by instance type (`m5.large: 0.75`), YAML or JSON; UsageError names what is wrong."""
    documents = read_documents([path])
    try:
        [document] = documents
        return msgspec.convert(document.value, dict[str, _Gigabits])
    except (ValueError, msgspec.ValidationError) as error:
        raise UsageError(
            f"{path}: is no table of bandwidths: {error}; write lines such as `m5.large: 0.75`"
        ) from error
