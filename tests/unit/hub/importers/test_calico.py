"""Calico's records: three spellings of one thing, each end's own report, and the policies on trial."""

import json
from pathlib import Path
from typing import Any

import pytest

from fairway.hub.importers.calico import NO_ADDRESS, TOGETHER
from fairway.wire.endpoint import Kind
from support.objects import cluster, namespace, node, pod
from support.records import imported

UI_LABELS = {"app": "ui", "pod-template-hash": "7d9fbc4d5"}
PODS = cluster(
    namespace("web"),
    node("n1", "10.0.1.10"),
    pod("web/ui-7d9fbc4d5-abcde", "10.0.1.131", labels=UI_LABELS, owner="ReplicaSet/ui-7d9fbc4d5"),
    pod("web/db-0", "10.0.1.132", labels={"app": "db"}, owner="StatefulSet/db"),
)
WHISKER = {
    "start_time": "2026-11-22T10:00:00Z",
    "end_time": "2026-11-22T10:01:00Z",
    "action": "Allow",
    "source_name": "ui-7d9fbc4d5-*",
    "source_namespace": "web",
    "source_labels": "app=ui | role=client",
    "dest_name": "db-*",
    "dest_namespace": "web",
    "dest_labels": "app=db",
    "protocol": "tcp",
    "dest_port": 5432,
    "reporter": "Dst",
    "policies": {
        "enforced": [{"kind": "CalicoNetworkPolicy", "name": "db", "namespace": "web", "action": "Allow"}]
    },
    "packets_in": 100,
    "packets_out": 50,
    "bytes_in": 5000,
    "bytes_out": 2500,
}
GOLDMANE = {
    "id": "7",
    "flow": {
        "Key": {
            "sourceName": "ui-7d9fbc4d5-*",
            "sourceNamespace": "web",
            "sourceType": "WorkloadEndpoint",
            "destName": "db-*",
            "destNamespace": "web",
            "destType": 1,
            "destPort": "5432",
            "destServiceName": "db",
            "destServiceNamespace": "web",
            "destServicePort": "5432",
            "proto": "TCP",
            "reporter": 2,
            "action": "Allow",
        },
        "startTime": "1795341600",
        "endTime": "1795341660",
        "sourceLabels": ["app=ui", "role=client"],
        "destLabels": ["app=db"],
        "packetsIn": "100",
        "packetsOut": "50",
        "bytesIn": "5000",
        "bytesOut": "2500",
        "numConnectionsStarted": "9",
    },
}
ENTERPRISE = {
    "start_time": 1795341600,
    "end_time": 1795341660,
    "source_ip": "10.0.1.131",
    "source_name": "ui-7d9fbc4d5-abcde",
    "source_name_aggr": "ui-7d9fbc4d5-*",
    "source_namespace": "web",
    "source_port": None,
    "source_type": "wep",
    "source_labels": {"labels": ["app=ui", "role=client"]},
    "dest_ip": None,
    "dest_name": "-",
    "dest_name_aggr": "db-*",
    "dest_namespace": "web",
    "dest_port": 5432,
    "dest_type": "wep",
    "dest_labels": {"labels": ["app=db"]},
    "proto": "tcp",
    "action": "allow",
    "reporter": "dst, fwd",
    "policies": {"all_policies": ["0|default|web/default.db|allow|0"]},
    "packets_in": 100,
    "packets_out": 50,
    "bytes_in": 5000,
    "bytes_out": 2500,
    "num_flows_started": 9,
}


@pytest.mark.parametrize(
    ("record", "connections"),
    [
        (WHISKER, 1),
        ({"total": 1, "items": [WHISKER]}, 1),
        ([WHISKER], 1),
        (GOLDMANE, 9),
        (ENTERPRISE, 9),
        ({"_source": ENTERPRISE}, 9),
    ],
)
def test_one_flow_in_every_form(record: object, connections: int, tmp_path: Path) -> None:
    tally, (edge,) = imported(tmp_path, "auto", [json.dumps(record)], PODS)
    assert (edge.client.group, edge.client.workload, edge.client.address) == (
        "web/ui",
        "Deployment/ui",
        "10.0.1.131",
    )
    assert edge.client.labels == (("app", "ui"), ("role", "client"))
    assert (edge.server.group, edge.server.workload, edge.server.address) == (
        "web/db",
        "StatefulSet/db",
        "10.0.1.132",
    )
    assert (edge.port, edge.protocol, edge.connections, edge.initiator_known) == (5432, "TCP", connections, True)
    assert (edge.sent_packets, edge.received_packets, edge.sent_bytes, edge.received_bytes) == (100, 50, 5000, 2500)
    assert edge.first_seen.isoformat() == "2026-11-22T10:00:00+00:00"
    assert TOGETHER in tally.notes
    assert edge.service == ("web/db:5432" if record is GOLDMANE else "")


def test_a_document_over_several_lines(tmp_path: Path) -> None:
    text = json.dumps({"total": 2, "items": [WHISKER, {**WHISKER, "dest_port": 1}]}, indent=2)
    _, edges = imported(tmp_path, "auto", text.splitlines(), PODS)
    assert {edge.port for edge in edges} == {5432, 1}


def test_in_and_out_are_the_reporters(tmp_path: Path) -> None:
    source = {**WHISKER, "reporter": "Src", "packets_in": 50, "packets_out": 100, "bytes_in": 1, "bytes_out": 2}
    _, (edge,) = imported(tmp_path, "calico", [json.dumps(source)], PODS)
    assert (edge.sent_packets, edge.received_packets, edge.sent_bytes) == (100, 50, 2)
    _, (edge,) = imported(tmp_path, "calico", [json.dumps(source), json.dumps(WHISKER)], PODS)
    assert (edge.sent_packets, edge.connections) == (100, 1)  # one flow, told by both


def test_allowed_at_the_source_and_denied_at_the_destination(tmp_path: Path) -> None:
    source = {**WHISKER, "reporter": "Src", "packets_in": 0, "packets_out": 100}
    target = {**WHISKER, "action": "Deny", "packets_out": 0}
    _, (edge,) = imported(tmp_path, "calico", [json.dumps(source), json.dumps(target)], PODS)
    assert (edge.denied, edge.connections, edge.answered) == (100, 0, False)


@pytest.mark.parametrize(
    ("pending", "would_deny"),
    [
        ([{"kind": "StagedNetworkPolicy", "name": "s", "action": "Deny"}], 1),
        ([{"kind": "StagedNetworkPolicy", "name": "s", "action": "Allow"}], 0),
        ([{"kind": "NetworkPolicy", "name": "s", "action": "Deny"}], 0),
        (["0|default|web/staged:default.db|deny|0"], 1),
        ([], 0),
    ],
)
def test_policies_on_trial(pending: list[Any], would_deny: int, tmp_path: Path) -> None:
    record = {**WHISKER, "policies": {"enforced": [], "pending": pending}}
    _, (edge,) = imported(tmp_path, "calico", [json.dumps(record)], PODS)
    assert edge.would_deny == would_deny


def test_nodes_and_the_world_outside(tmp_path: Path) -> None:
    host = {
        **ENTERPRISE,
        "source_type": "hep",
        "source_name": "n1-auto-hep",
        "source_ip": None,
        "source_namespace": "-",
    }
    known = {**ENTERPRISE, "source_type": "net", "source_name": "-", "source_name_aggr": "pub",
             "source_namespace": "-", "source_ip": "203.0.113.5"}  # fmt: skip
    unknown = {**WHISKER, "source_name": "pub", "source_namespace": "-", "source_labels": ""}
    tally, edges = imported(tmp_path, "calico", [json.dumps(one) for one in (host, known, unknown)], PODS)
    kinds = {(edge.client.kind, edge.client.title): edge.client.address for edge in edges}
    assert kinds[Kind.NODE, "n1"] == "10.0.1.10"
    assert kinds[Kind.EXTERNAL, "203.0.113.5"] == "203.0.113.5"
    assert (Kind.UNKNOWN, "pub") in kinds  # which makes no rule
    assert tally.notes[NO_ADDRESS] == 1


def test_what_is_of_no_use_is_counted_with_its_line(tmp_path: Path) -> None:
    lines = [
        WHISKER,
        {**WHISKER, "reporter": "fwd"},
        {**WHISKER, "action": "pass"},
        {**WHISKER, "protocol": "quic"},
        {**WHISKER, "start_time": None, "end_time": None},
        {**WHISKER, "dest_port": None},
        {**WHISKER, "packets_in": -1},
        {**WHISKER, "source_name": "-", "source_namespace": "-"},
        {"hello": 1},
    ]
    tally, _ = imported(tmp_path, "calico", [*map(json.dumps, lines), "x"], PODS)
    assert {reason.partition(":")[0]: places for reason, places in tally.places.items()} == {
        "the action or the reporter is none of an end": [2, 3],
        "the protocol is unknown": [4],
        "no time": [5],
        "no port": [6],
        "an end, a port or a counter is none": [7, 8],
        "no flow": [9],
        "not JSON": [10],
    }
