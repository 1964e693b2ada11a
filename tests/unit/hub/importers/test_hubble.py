"""Hubble: packets at several points of their way become connections, counted once, with what the flow says."""

import json
from pathlib import Path
from typing import Any

import pytest

from fairway.hub.importers.hubble import LOST
from fairway.wire.endpoint import Kind
from support.records import imported
from support.shop import shop

UI = {
    "namespace": "ui",
    "pod_name": "ui-1",
    "labels": ["k8s:app=ui", "k8s:io.kubernetes.pod.namespace=ui", "k8s:io.cilium.k8s.policy.cluster=default"],
    "workloads": [{"name": "ui", "kind": "Deployment"}],
}
DB = {"namespace": "db", "pod_name": "db-0", "labels": ["k8s:app=db"]}
WORLD = {"identity": 2, "labels": ["reserved:world"]}


def flow(second: int = 0, *, reply: bool | None = False, **more: Any) -> dict[str, Any]:
    """A SYN from ui to db, or what `more` makes of it; a reply has its ends the other way round."""
    ends = {"source": UI, "destination": DB}
    ip = {"source": "10.0.0.1", "destination": "10.0.0.2"}
    ports = {"source_port": 40001, "destination_port": 5432}
    if reply:
        ends = {"source": DB, "destination": UI}
        ip = {"source": "10.0.0.2", "destination": "10.0.0.1"}
        ports = {"source_port": 5432, "destination_port": 40001}
    flags = {"SYN": True, "ACK": True} if reply else {"SYN": True}
    found = {
        "time": f"2026-11-22T10:00:{second:02d}.123456789Z",
        "verdict": "FORWARDED",
        "IP": ip,
        "l4": {"TCP": {**ports, "flags": flags}},
        **ends,
        "traffic_direction": "INGRESS",
        **({} if reply is None else {"is_reply": reply}),
    }
    return found | more


def tcp(port: int, **flags: bool) -> dict[str, Any]:
    return {"TCP": {"source_port": port, "destination_port": 5432, "flags": flags}}


def lines(*flows: dict[str, Any]) -> list[str]:
    return [json.dumps({"flow": one, "node_name": "n1"}) for one in flows]


def test_a_connection_with_its_names(tmp_path: Path) -> None:
    tally, (edge,) = imported(tmp_path, "auto", lines(flow(), flow(1, reply=True)))
    assert (edge.client.title, edge.client.workload, edge.client.labels) == (
        "ui/ui-1",
        "Deployment/ui",
        (("app", "ui"),),
    )
    assert (edge.server.title, edge.server.workload, edge.server.kind) == ("db/db-0", "Pod/db-0", Kind.POD)
    assert (edge.port, edge.protocol, edge.connections, edge.answered) == (5432, "TCP", 1, True)
    assert (edge.initiator_known, edge.sent_packets, edge.received_packets, edge.sent_bytes) == (True, 1, 1, 0)
    assert (tally.format, tally.used, tally.not_used) == ("hubble", 2, {})


def test_the_older_form_without_wrapper(tmp_path: Path) -> None:
    _, (edge,) = imported(tmp_path, "auto", [json.dumps(flow())])
    assert edge.client.title == "ui/ui-1"


@pytest.mark.parametrize(
    ("flows", "connections", "answered"),
    [
        ([flow()], 1, False),
        ([flow(), flow(1)], 1, False),  # one SYN, at two points
        ([flow(), flow(1, traffic_direction="EGRESS"), flow(2, reply=True)], 1, True),  # both ends tell
        ([flow(), flow(50), flow(59, l4=tcp(2, SYN=True))], 2, False),
        ([flow(l4=tcp(40001, ACK=True))], 0, True),
        ([flow(l4=tcp(40001, RST=True, ACK=True))], 0, False),
        ([flow(reply=True)], 0, True),
    ],
)  # fmt: skip
def test_connections_and_answers(
    flows: list[dict[str, Any]], connections: int, answered: bool, tmp_path: Path
) -> None:
    _, (edge,) = imported(tmp_path, "hubble", lines(*flows))
    assert (edge.client.title, edge.connections, edge.answered) == ("ui/ui-1", connections, answered)
    assert edge.initiator_known


@pytest.mark.parametrize(
    ("more", "denied", "would_deny", "connections"),
    [
        ({"verdict": "DROPPED", "drop_reason_desc": "POLICY_DENIED"}, 1, 0, 0),
        ({"verdict": "DROPPED"}, 1, 0, 0),
        ({"verdict": "DROPPED", "drop_reason_desc": "CT_MAP_INSERTION_FAILED"}, 0, 0, 1),
        ({"verdict": "AUDIT"}, 0, 1, 1),
        ({"verdict": "REDIRECTED"}, 0, 0, 1),
    ],
)
def test_verdicts(more: dict[str, Any], denied: int, would_deny: int, connections: int, tmp_path: Path) -> None:
    _, (edge,) = imported(tmp_path, "hubble", lines(flow(**more)))
    assert (edge.denied, edge.would_deny, edge.connections) == (denied, would_deny, connections)


def test_without_is_reply_the_flags_tell_or_nothing_does(tmp_path: Path) -> None:
    bare = {"TCP": {"source_port": 40001, "destination_port": 5432}}
    _, (edge,) = imported(tmp_path, "hubble", lines(flow(reply=None)))
    assert edge.initiator_known
    _, (edge,) = imported(tmp_path, "hubble", lines(flow(reply=None, l4=bare)))
    assert (edge.initiator_known, edge.server.title) == (False, "db/db-0")
    _, (edge,) = imported(tmp_path, "hubble", lines(flow(reply=None, l4=bare, l7={"type": "REQUEST"})))
    assert edge.initiator_known


def test_ends_outside_and_nodes(tmp_path: Path) -> None:
    host = {"identity": 1, "labels": ["reserved:host"]}
    _, edges = imported(tmp_path, "hubble", lines(flow(destination=WORLD), flow(source=host)), shop())
    assert {(edge.client.kind, edge.server.kind) for edge in edges} == {
        (Kind.POD, Kind.EXTERNAL),
        (Kind.NODE, Kind.POD),
    }


def test_a_pod_that_is_only_labels_has_a_stand_in_address(tmp_path: Path) -> None:
    client = {"namespace": "a", "labels": ["k8s:app=web"]}
    server = {"namespace": "b", "labels": ["k8s:app=api"]}
    _, (edge,) = imported(tmp_path, "hubble", lines(flow(source=client, destination=server, IP=None)))
    assert (edge.client.title, edge.server.title) == ("a/web", "b/api")
    assert edge.client.address != edge.server.address
    assert all(end.address.startswith("24") for end in (edge.client, edge.server))


def test_who_allowed_it_and_the_service_are_kept(tmp_path: Path) -> None:
    more = {
        "ingress_allowed_by": [{"name": "db", "namespace": "db", "kind": "NetworkPolicy"}],
        "destination_service": {"name": "db", "namespace": "db"},
    }
    _, (edge,) = imported(tmp_path, "hubble", lines(flow(**more)))
    assert edge.service == "db/db:5432"


def test_what_is_of_no_use_is_counted_with_its_line(tmp_path: Path) -> None:
    health = {"labels": ["reserved:health"]}
    text = [
        *lines(
            flow(), flow(verdict="TRACED"), flow(verdict="ERROR"), flow(source=health), flow(l4={}), flow(time=None)
        ),
        "this is not json",
        json.dumps({"lost_events": {"source": "PERF_EVENT_RING_BUFFER", "num_events_lost": "7"}}),
        json.dumps({"node_status": {"state_change": "NODE_CONNECTED"}}),
        *lines(flow(l4={"TCP": {"source_port": 1, "destination_port": 70000}}), flow(source={}, IP=None)),
        "",
        "{}",
    ]
    tally, (edge,) = imported(tmp_path, "hubble", text)
    assert (edge.connections, tally.notes[LOST]) == (1, 7)
    assert {reason.partition(":")[0]: places for reason, places in tally.places.items()} == {
        "a socket's trace, not a packet": [2],
        "the verdict is `ERROR`": [3],
        "Cilium's own health checks": [4],
        "it has no transport protocol that is known": [5],
        "it has no time or no transport protocol": [6],
        "not JSON": [7],
        "an event of the agent or a node, no flow": [9],
        "not a flow of a known form": [10],
        "an end has neither name nor address": [11],
        "no flow": [13],
    }


def test_fields_of_a_newer_version_are_passed_over_and_named(tmp_path: Path) -> None:
    tally, (edge,) = imported(tmp_path, "hubble", lines(flow(verdict_certainty=0.9, uuid="x")))
    assert edge.connections == 1
    assert tally.not_taken == {"verdict_certainty"}, "what numbers the single packet is no news"
