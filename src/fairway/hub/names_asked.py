"""What agents tell of pods' questions to DNS, as rows of the table `names_asked`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from fairway.hub.columns import MOMENT, WORD
from fairway.hub.names import Names
from fairway.wire import batch as wire
from fairway.wire.address import packed
from fairway.wire.endpoint import Endpoint

CODES: Final = ("noerror", "servfail", "nxdomain", "refused", "other")
COUNTED: Final = ("asked", *CODES, "waited_us")
SCHEMA: Final = pa.schema(
    [
        ("time_end", MOMENT),
        *((f"client_{name}", WORD) for name in ("namespace", "workload", "name", "node", "zone")),
        ("name", pa.string()),
        *((name, pa.uint64()) for name in (*COUNTED, "longest_us")),
    ]
)


def asked_in(batches: Sequence[wire.Batch], names: Names) -> pa.Table:
    """A row for each name that a batch tells of a pod."""
    return pa.Table.from_pylist(list(_rows(batches, names)), SCHEMA)


def _rows(batches: Iterable[wire.Batch], names: Names) -> Iterator[dict[str, Any]]:
    for batch in batches:
        header, pods = batch.header, dict[int, Endpoint]()
        for one in header.asked:
            if one.pod not in pods:
                pods[one.pod] = _pod(header, one.pod, names)
            pod = pods[one.pod]
            yield {
                "time_end": header.end_us,
                **{
                    f"client_{name}": getattr(pod, name)
                    for name in ("namespace", "workload", "name", "node", "zone")
                },
                **{name: getattr(one, name) for name in ("name", *COUNTED, "longest_us")},
            }


def _pod(header: wire.Header, place: int, names: Names) -> Endpoint:
    told = header.pods[place]
    address = packed(told.addresses[0]) if told.addresses else bytes(16)
    return names.pod(told, names.name(address, header.start_us, header.end_us), address, header.node)
