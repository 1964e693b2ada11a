"""Connections as other programs record them: one list of them, written in each format that can be imported."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from fairway.hub.importers.ends import Ends
from fairway.hub.importers.run import Import, run
from fairway.hub.importers.tally import Tally
from fairway.hub.store import read_edges
from fairway.policy.directory import Directory
from fairway.policy.model import Cluster
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import PROTOCOL_NUMBERS

START = 1_790_000_000
"""When connections begin: seconds since 1970."""
V5 = (
    "version srcaddr dstaddr srcport dstport protocol packets bytes start end interface-id az-id action tcp-flags "
    "pkt-srcaddr pkt-dstaddr flow-direction log-status"
)


class Conn(NamedTuple):
    """A connection; `answered` 0 means that nobody took it up. `sport` 0: one is chosen."""

    client: str
    server: str
    port: int
    protocol: str = "TCP"
    answered: bool = True
    denied: bool = False


def numbered(conns: Iterable[Conn]) -> Iterator[tuple[int, int, Conn]]:
    """Each connection five times, with the second it begins and a client port of its own."""
    for index, conn in enumerate(conn for conn in conns for _ in range(5)):
        yield START + index, 32768 + index % 20000, conn


def vpc(conns: Iterable[Conn]) -> Iterator[str]:
    """VPC flow log lines with a header: both directions, at the interface of the server."""
    yield V5
    for start, sport, conn in numbered(conns):
        action = "REJECT" if conn.denied else "ACCEPT"
        number = PROTOCOL_NUMBERS[conn.protocol]
        tcp = conn.protocol == "TCP"
        eni = f"eni-{conn.server}"
        yield (
            f"5 {conn.client} {conn.server} {sport} {conn.port} {number} 6 600 {start} {start + 9} {eni} use1-az1 "
            f"{action} {3 if tcp else 0} {conn.client} {conn.server} ingress OK"
        )
        if conn.answered and not conn.denied:
            yield (
                f"5 {conn.server} {conn.client} {conn.port} {sport} {number} 5 900 {start} {start + 9} {eni} "
                f"use1-az1 ACCEPT {19 if tcp else 0} {conn.server} {conn.client} egress OK"
            )


def cni(conns: Iterable[Conn]) -> Iterator[str]:
    """Lines of the VPC CNI's policy log: the verdict on the server's node, and on the client's."""
    for start, sport, conn in numbered(conns):
        time = datetime.fromtimestamp(start, UTC).isoformat()
        verdict = "DENY" if conn.denied else "ACCEPT"
        for direction in ("egress", "ingress"):
            message = (
                f"Flow Info: Src IP: {conn.client} Src Port: {sport} Dest IP: {conn.server} Dest Port: {conn.port} "
                f"Proto {conn.protocol} Verdict {verdict} Direction {direction}, Tier DEFAULT"
            )
            yield json.dumps({"level": "debug", "ts": time, "caller": "x", "msg": message})


def hubble(conns: Iterable[Conn], cluster: Cluster) -> Iterator[str]:
    """Hubble's exported lines: the opening packet and the answer, at the server's pod."""
    directory = Directory(cluster)

    def end(address: str) -> dict[str, Any]:
        held = directory.at(address)
        if held is None:
            return {"identity": 2, "labels": ["reserved:world"]}
        if held.kind is Kind.NODE:
            return {"identity": 1, "labels": ["reserved:host"]}
        kind, _, name = held.workload.partition("/")
        own = [f"k8s:{key}={value}" for key, value in held.labels]
        labels = [*own, f"k8s:io.kubernetes.pod.namespace={held.namespace}"]
        workloads = [{"name": name, "kind": kind}]
        return {"namespace": held.namespace, "pod_name": held.name, "labels": labels, "workloads": workloads}

    for start, sport, conn in numbered(conns):
        verdict = "DROPPED" if conn.denied else "FORWARDED"
        steps = [(False, {"SYN": True})] + [(True, {"SYN": True, "ACK": True})] * (
            conn.answered and not conn.denied
        )
        for reply, flags in steps:
            ends = (conn.server, conn.client) if reply else (conn.client, conn.server)
            ports = (conn.port, sport) if reply else (sport, conn.port)
            transport: dict[str, Any] = {"source_port": ports[0], "destination_port": ports[1]}
            if conn.protocol == "TCP":
                transport["flags"] = flags
            flow = {
                "time": f"{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%M:%S}.123456789Z",
                "verdict": verdict,
                "IP": {"source": ends[0], "destination": ends[1], "ipVersion": "IPv4"},
                "l4": {conn.protocol: transport},
                "source": end(ends[0]),
                "destination": end(ends[1]),
                "Type": "L3_L4",
                "is_reply": reply,
                "traffic_direction": "INGRESS",
            }
            if conn.denied:
                flow["drop_reason_desc"] = "POLICY_DENIED"
            yield json.dumps({"flow": flow, "node_name": "n1", "time": flow["time"]})


def calico(conns: Iterable[Conn], cluster: Cluster) -> Iterator[str]:
    """Calico flow logs, one record per connection, as the server's node told it."""
    directory = Directory(cluster)

    def end(which: str, address: str) -> dict[str, Any]:
        held = directory.at(address) or Endpoint(kind=Kind.EXTERNAL, address=address)
        kind = {Kind.POD: "wep", Kind.NODE: "hep"}.get(held.kind, "net")
        name = held.name or "-"
        return {
            f"{which}_ip": address,
            f"{which}_name": name,
            f"{which}_name_aggr": f"{name}-*" if held.name else "pub",
            f"{which}_namespace": held.namespace or "-",
            f"{which}_type": kind,
            f"{which}_labels": {"labels": [f"{key}={value}" for key, value in held.labels]},
        }

    for start, sport, conn in numbered(conns):
        passed = not conn.denied
        yield json.dumps(
            {
                "start_time": start,
                "end_time": start + 300,
                **end("source", conn.client),
                **end("dest", conn.server),
                "source_port": sport,
                "dest_port": conn.port,
                "proto": conn.protocol.lower(),
                "action": "allow" if passed else "deny",
                "reporter": "dst",
                "policies": {"all_policies": ["0|default|shop/default.all|allow|0"]},
                "packets_in": 6,
                "bytes_in": 600,
                "packets_out": 5 * (conn.answered and passed),
                "bytes_out": 900 * (conn.answered and passed),
                "num_flows_started": 1,
            }
        )


def netobserv(conns: Iterable[Conn]) -> Iterator[str]:
    """NetObserv lines, both directions as the server's node saw them; Kubernetes names left to the cluster."""
    for start, sport, conn in numbered(conns):
        number = PROTOCOL_NUMBERS[conn.protocol]
        steps = [(conn.client, conn.server, sport, conn.port, 0, 2)]
        if conn.answered and not conn.denied:
            steps.append((conn.server, conn.client, conn.port, sport, 1, 256))
        for source, target, source_port, target_port, direction, flags in steps:
            record: dict[str, Any] = {
                "SrcAddr": source,
                "DstAddr": target,
                "SrcPort": source_port,
                "DstPort": target_port,
                "Proto": number,
                "Packets": 6,
                "Bytes": 600,
                "Flags": flags if conn.protocol == "TCP" else 0,
                "FlowDirection": direction,
                "TimeFlowStartMs": start * 1000,
                "TimeFlowEndMs": start * 1000 + 900,
            }
            if conn.denied:
                record |= {"PktDropPackets": 6, "PktDropLatestDropCause": "OVS_DROP_EXPLICIT"}
            yield json.dumps(record)


def written(path: Path, lines: Iterable[str]) -> Path:
    """The lines as a file."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def imported(
    folder: Path, form: str, lines: Iterable[str], cluster: Cluster | None = None
) -> tuple[Tally, list[Edge]]:
    """The account and the edges of an import of these lines."""
    source = written(folder / "records", lines)
    result = run(Import(form, [str(source)]), Ends(cluster), folder / "flows.parquet")
    return result.tallies[0], read_edges(folder / "flows.parquet")
