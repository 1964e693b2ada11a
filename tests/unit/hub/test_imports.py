"""Files of flows for the hub: what agents of two nodes told of the same connection counts once there, too."""

import shutil
from pathlib import Path

from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.question import Question
from fairway.hub.edges import edges_of
from fairway.hub.imports import take_imports
from fairway.hub.store import read_flows
from fairway.lab.recording import SHIPPED


def test_a_recording_counts_each_connection_once(tmp_path: Path) -> None:
    folder = tmp_path / "imports"
    folder.mkdir()
    shutil.copy(SHIPPED, folder / "recording.parquet")
    flows = read_flows(SHIPPED)
    sums = "SELECT sumIf(connections, counted) AS connections, sumIf(sent_bytes, counted) AS sent FROM flows"
    where = "WHERE client_namespace = 'ui' AND server_namespace = 'kube-system'"
    with Embedded(tmp_path / "database") as database:
        base = FlowBase(database)
        base.open()
        assert take_imports(folder, base) == len(flows)
        (told,) = base.ask(Question(f"{sums} {where}", {})).to_pylist()
    wanted = [
        edge
        for edge in edges_of(flows)
        if (edge.client.namespace, edge.server.namespace) == ("ui", "kube-system") and edge.connections
    ]
    assert told == {
        "connections": sum(edge.connections for edge in wanted),
        "sent": sum(edge.sent_bytes for edge in wanted),
    }
