"""NetObserv's records: one direction each, as the node of one end saw it."""

import json
from pathlib import Path
from typing import Any

import pytest

from fairway.wire.endpoint import Kind
from support.records import imported

FLOW = {
    "SrcAddr": "10.0.0.1",
    "DstAddr": "10.0.0.2",
    "SrcPort": 40001,
    "DstPort": 8080,
    "Proto": 6,
    "Etype": 2048,
    "Packets": 6,
    "Bytes": 600,
    "Flags": 2 | 16,
    "FlowDirection": 0,
    "TimeFlowStartMs": 1795341600000,
    "TimeFlowEndMs": 1795341609000,
    "TimeFlowRttNs": 250000,
    "SrcK8S_Name": "ui-1",
    "SrcK8S_Namespace": "ui",
    "SrcK8S_Type": "Pod",
    "SrcK8S_OwnerName": "ui",
    "SrcK8S_OwnerType": "Deployment",
    "SrcK8S_HostName": "n1",
    "SrcK8S_Zone": "us-east-1a",
    "DstK8S_Name": "db-0",
    "DstK8S_Namespace": "db",
    "DstK8S_Type": "Pod",
    "DstK8S_OwnerName": "db",
    "DstK8S_OwnerType": "StatefulSet",
    "DstK8S_Zone": "us-east-1b",
}


def reply(**more: Any) -> dict[str, Any]:
    turned = {f"{'Dst' if key.startswith('Src') else 'Src'}{key[3:]}": value
              for key, value in FLOW.items() if key.startswith(("Src", "Dst"))}  # fmt: skip
    return FLOW | turned | {"Flags": 256 | 16, "FlowDirection": 1, "Packets": 5, "Bytes": 900} | more


def test_both_directions_are_one_edge(tmp_path: Path) -> None:
    tally, (edge,) = imported(tmp_path, "auto", [json.dumps(FLOW), json.dumps(reply())])
    assert (edge.client.title, edge.client.workload, edge.client.node) == ("ui/ui-1", "Deployment/ui", "n1")
    assert (edge.server.title, edge.server.workload) == ("db/db-0", "StatefulSet/db")
    assert (edge.port, edge.sent_bytes, edge.received_bytes) == (8080, 600, 900)
    assert (edge.initiator_known, edge.category) == (True, "inter-zone")
    assert (tally.format, tally.not_taken) == ("netobserv", {"Etype"})


def test_both_nodes_tell_of_one_connection(tmp_path: Path) -> None:
    client = [FLOW | {"FlowDirection": 1}, reply(FlowDirection=0)]
    _, (edge,) = imported(tmp_path, "auto", map(json.dumps, [*client, FLOW, reply()]))
    assert (edge.sent_bytes, edge.received_bytes) == (600, 900)


def test_both_pods_on_one_node(tmp_path: Path) -> None:
    _, (edge,) = imported(tmp_path, "auto", map(json.dumps, [FLOW | {"FlowDirection": 2}, reply(FlowDirection=2)]))
    assert (edge.sent_bytes, edge.received_bytes, edge.answered) == (600, 900, True)


@pytest.mark.parametrize(
    ("flags", "known"),
    [
        (2, True),
        (256, True),
        (18, False),
        (["SYN"], True),
        (["SYN", "ACK"], False),
        (["SYN_ACK", "ACK"], True),
        (0, False),
    ],
)
def test_flags(flags: object, known: bool, tmp_path: Path) -> None:
    _, (edge,) = imported(tmp_path, "auto", [json.dumps(FLOW | {"Flags": flags})])
    assert edge.initiator_known is known


def test_loki_answers_with_labels_apart(tmp_path: Path) -> None:
    inner = {key: value for key, value in FLOW.items() if key != "SrcK8S_Namespace"} | {"Flags": 2}
    stream = {"stream": {"SrcK8S_Namespace": "ui", "FlowDirection": "0"}, "values": [["1", json.dumps(inner)]]}
    answer = {"status": "success", "data": {"resultType": "streams", "result": [stream, stream]}}
    for text in (json.dumps(answer, indent=1).splitlines(), [json.dumps(answer)]):
        tally, (edge,) = imported(tmp_path, "auto", text)
        assert (edge.client.title, edge.connections, tally.used) == ("ui/ui-1", 2, 2)


def test_older_exports_spell_names_otherwise(tmp_path: Path) -> None:
    old = {
        "SrcAddr": "10.0.0.1", "DstAddr": "10.0.0.2", "SrcPort": 40001, "DstPort": 3100, "Proto": 17,
        "Packets": 4, "Bytes": 9,
        "DstPod": "loki-0", "DstNamespace": "logs", "DstWorkload": "loki", "DstWorkloadKind": "StatefulSet",
        "TimeFlowStart": 0, "TimeFlowEnd": 0, "TimeReceived": 1795341600,
    }  # fmt: skip
    _, (edge,) = imported(tmp_path, "auto", [json.dumps(old)])
    assert (edge.server.title, edge.server.workload, edge.protocol) == ("logs/loki-0", "StatefulSet/loki", "UDP")
    assert edge.first_seen.timestamp() == 1795341600


def test_nodes_services_and_icmp(tmp_path: Path) -> None:
    node = FLOW | {"SrcK8S_Type": "Node", "SrcK8S_Name": "n1", "SrcK8S_Namespace": None}
    service = FLOW | {"DstK8S_Type": "Service", "DstK8S_Name": "db", "DstAddr": "10.96.0.1", "Flags": 0}
    ping = FLOW | {"Proto": 1}
    _, edges = imported(tmp_path, "auto", map(json.dumps, [node, service, ping]))
    found = {(edge.client.kind, edge.server.kind, edge.port, edge.initiator_known) for edge in edges}
    assert found == {
        (Kind.NODE, Kind.POD, 8080, False),
        (Kind.POD, Kind.SERVICE, 8080, True),  # a Service opens nothing
        (Kind.POD, Kind.POD, 0, False),
    }


@pytest.mark.parametrize(
    ("more", "denied", "connections"),
    [
        ({"PktDropPackets": 6, "PktDropLatestDropCause": "OVS_DROP_EXPLICIT"}, 6, 0),
        ({"PktDropPackets": 6, "NetworkEvents": [{"Feature": "acl", "Action": "drop", "Name": "deny"}]}, 6, 0),
        ({"PktDropPackets": 6, "PktDropLatestDropCause": "SKB_DROP_REASON_TCP_INVALID_SEQUENCE"}, 0, 1),
        ({"PktDropPackets": 2, "PktDropLatestDropCause": "OVS_DROP_EXPLICIT"}, 0, 1),
    ],
)
def test_only_a_policys_drops_are_denials(
    more: dict[str, Any], denied: int, connections: int, tmp_path: Path
) -> None:
    _, (edge,) = imported(tmp_path, "auto", [json.dumps(FLOW | {"Flags": 2} | more)])
    assert (edge.denied, edge.connections) == (denied, connections)


def test_a_tracked_conversation_counts_by_its_end(tmp_path: Path) -> None:
    totals = {"Packets_AB": 6, "Packets_BA": 5, "Bytes_AB": 600, "Bytes_BA": 900, "Flags": 2}
    bare = {key: value for key, value in FLOW.items() if key not in ("Packets", "Bytes")}
    lines = [bare | totals | {"_RecordType": kind} for kind in ("newConnection", "heartbeat", "endConnection")]
    tally, (edge,) = imported(tmp_path, "auto", map(json.dumps, lines))
    assert (edge.sent_bytes, edge.received_bytes, edge.connections) == (600, 900, 1)
    assert tally.places == {"an interim report of a conversation": [1, 2]}


def test_what_is_of_no_use_is_counted_with_its_line(tmp_path: Path) -> None:
    bad = [
        FLOW,
        FLOW | {"Duplicate": True},
        FLOW | {"TimeFlowStartMs": 0, "TimeFlowEndMs": 0},
        FLOW | {"SrcAddr": "x"},
        FLOW | {"Packets": -3},
        FLOW | {"DstPort": 70000},
        {"SrcAddr": "10.0.0.1"},
    ]
    tally, _ = imported(tmp_path, "netobserv", [*map(json.dumps, bad), "x"])
    assert tally.places == {
        "a duplicate: the same packets at another interface": [2],
        "no time": [3],
        "an address, a port or a counter is none": [4, 5],
        "a port or a protocol is out of range": [6],
        "no flow": [7],
        "not JSON": [8],
    }
