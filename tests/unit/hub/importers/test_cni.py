"""Verdict lines of the VPC CNI's policy agent, in each of their forms."""

import json
from pathlib import Path

import pytest

from fairway.hub.importers.cni import ASSUMED
from support.records import imported

TIME = "2026-11-22T10:00:00.000Z"
OLD = {
    "level": "info", "ts": TIME, "logger": "ebpf-client", "msg": "Flow Info:  ", "Src IP": "10.0.0.1",
    "Src Port": 40001, "Dest IP": "10.0.0.2", "Dest Port": 80, "Proto": "TCP", "Verdict": "ACCEPT",
}  # fmt: skip
NEW = (
    "Flow Info: Src IP: 10.0.0.1 Src Port: 40001 Dest IP: 10.0.0.2 Dest Port: 80 Proto TCP Verdict ACCEPT Direction"
)
SHORT = "Node: ip-10-0-0-9;SIP: 10.0.0.1;SPORT: 40001;DIP: 10.0.0.2;DPORT: 80;PROTOCOL: TCP;PolicyVerdict: ACCEPT"


def new(text: str) -> str:
    return json.dumps({"level": "debug", "ts": TIME, "caller": "x", "msg": text})


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(OLD),
        json.dumps({**OLD, "ts": None, "timestamp": TIME}),
        new(f"{NEW} egress, Tier DEFAULT"),
        new(NEW.replace("Proto TCP", "Proto: TCP").replace("Verdict", "Verdict:") + ": ingress"),
        json.dumps({"timestamp": 1795341600000, "message": SHORT}),
        json.dumps({"logEvents": [{"timestamp": 1795341600000, "message": f"{TIME} {SHORT};Tier: DEFAULT"}]}),
        f"{TIME} {SHORT}",
    ],
)
def test_one_line_in_every_form(line: str, tmp_path: Path) -> None:
    tally, (edge,) = imported(tmp_path, "auto", [line])
    assert (edge.client.address, edge.server.address, edge.port, edge.protocol) == (
        "10.0.0.1",
        "10.0.0.2",
        80,
        "TCP",
    )
    assert (edge.connections, edge.answered, edge.initiator_known, edge.denied) == (1, True, True, 0)
    assert edge.first_seen.isoformat().startswith("2026-11-22T10:00:00")
    assert (tally.format, tally.notes) == ("vpc-cni", {ASSUMED: 1})


def test_both_nodes_tell_of_one_connection(tmp_path: Path) -> None:
    _, (edge,) = imported(tmp_path, "vpc-cni", [new(f"{NEW} egress"), new(f"{NEW} ingress, Tier ADMIN")])
    assert edge.connections == 1


def test_a_denial(tmp_path: Path) -> None:
    tally, (edge,) = imported(tmp_path, "vpc-cni", [json.dumps({**OLD, "Verdict": "DENY"})])
    assert (edge.denied, edge.connections, edge.answered, tally.notes) == (1, 0, False, {})


def test_a_forgotten_connections_reply_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    turned = {**OLD, "Src IP": "10.0.0.2", "Src Port": 80, "Dest IP": "10.0.0.1", "Dest Port": 40001}
    _, (edge,) = imported(tmp_path, "vpc-cni", [json.dumps(turned)])
    assert (edge.client.address, edge.port, edge.initiator_known) == ("10.0.0.1", 80, False)


def test_ipv6_and_protocols_without_ports(tmp_path: Path) -> None:
    six = {**OLD, "Src IP": "2001:db8::1", "Dest IP": "2001:db8::2", "Proto": "UDP"}
    ping = {**OLD, "Src Port": 0, "Dest Port": 0, "Proto": "ICMP"}
    _, edges = imported(tmp_path, "vpc-cni", [json.dumps(six), json.dumps(ping)])
    assert {(edge.family, edge.port, edge.protocol) for edge in edges} == {(6, 80, "UDP"), (4, 0, "ICMP")}


def test_what_is_of_no_use_is_counted_with_its_line(tmp_path: Path) -> None:
    lines = [
        json.dumps(OLD),
        json.dumps({**OLD, "Verdict": "EXPIRED/DELETED"}),
        json.dumps({**OLD, "msg": "Starting up"}),
        json.dumps({**OLD, "Proto": "UNKNOWN"}),
        json.dumps({**OLD, "ts": "not a time"}),
        json.dumps({**OLD, "Dest IP": None}),
        json.dumps({**OLD, "Dest Port": 70000}),
        json.dumps({**OLD, "Verdict": None}),
        "{",
        "",
    ]
    tally, _ = imported(tmp_path, "vpc-cni", lines)
    assert tally.places == {
        "the verdict is `EXPIRED/DELETED`": [2],
        "another line of the agent's log": [3],
        "the protocol is unknown": [4],
        "no time": [5],
        "an address or a port is missing or none": [6],
        "a port is out of range": [7],
        "the verdict is `None`": [8],
        "not JSON": [9],
    }
