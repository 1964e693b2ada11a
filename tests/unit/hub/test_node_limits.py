"""Nodes' limits, beside the bandwidth that their machines may have."""

from pathlib import Path

import numpy as np
import pytest

from fairway.hub.node_limits import INSTANCE, limits_in, limits_of, read_bandwidth
from fairway.kit.errors import UsageError
from fairway.policy.model import Node
from fairway.signals.observed import Limit
from fairway.wire import batch as wire

NODES = (
    Node("node-a", labels=((INSTANCE, "m5.large"),)),
    Node("node-b", labels=((INSTANCE, "x9.huge"),)),
    Node("node-c"),
)


def test_bandwidth_counts_where_the_machine_is_in_the_table() -> None:
    rows = [
        {"node": node, "name": "bandwidth in", "used": 7.4e8, "most": 0.0}
        for node in ("node-a", "node-b", "node-c")
    ]
    rows.append({"node": "node-c", "name": "conntrack drop", "used": 3.0, "most": 0.0})
    found = limits_of(rows, NODES, {"m5.large": 0.75})
    assert found == [
        Limit(node="node-a", name="bandwidth in", used=7.4e8, most=7.5e8),
        Limit(node="node-c", name="conntrack drop", used=3.0),
    ]
    assert [limit.hit for limit in found] == [True, True]
    assert [limit.node for limit in limits_of(rows, NODES, {})] == ["node-c"], "without a table nobody knows"


@pytest.mark.parametrize("text", ["m5.large: fast", "m5.large: 0", "- 1", "", "a: 1\n---\nb: 2"])
def test_a_table_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bandwidth.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"bandwidth\.yaml"):
        read_bandwidth(path)
    path.write_text("m5.large: 0.75\nc5n.18xlarge: 100\n")
    assert read_bandwidth(path) == {"m5.large": 0.75, "c5n.18xlarge": 100.0}


def test_rows_of_batches() -> None:
    header = wire.Header(
        node="node-a",
        boot="b",
        sequence=1,
        start_us=1,
        end_us=2_000_000,
        limits=(wire.Limit("conntrack entries", 9, 10),),
    )
    batch = wire.decode(wire.encode(wire.Batch(header, np.zeros(0, wire.RECORD))))
    [row] = limits_in([batch, batch])[:1].to_pylist()
    assert (row["node"], row["name"], row["used"], row["most"]) == ("node-a", "conntrack entries", 9.0, 10.0)
