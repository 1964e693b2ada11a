"""Agents' reports for tests: batches as agents write them, of a small cluster in plain manifests."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from fairway.kit.files import write_atomically
from fairway.wire import batch as wire
from fairway.wire.address import family, packed
from fairway.wire.rules import NodePod
from fairway.wire.words import PROTOCOL_NUMBERS, Initiator

SECOND = 1_000_000
T0 = 1_790_000_000 * SECOND
"""When tests begin: microseconds since 1970."""

UI, UI2 = "10.0.1.129", "10.0.2.129"
ORDERS, DB = "10.0.2.130", "10.0.3.130"
NODE_A, NODE_B, NODE_C = "10.0.1.10", "10.0.2.10", "10.0.3.10"
ORDERS_SERVICE = "10.96.0.20"
PODS = {
    UI: ("node-a", "ui", "ui-1"),
    UI2: ("node-b", "ui", "ui-2"),
    ORDERS: ("node-b", "orders", "orders-1"),
    DB: ("node-c", "orders", "orders-postgresql-0"),
}


def write_cluster(folder: Path, **extra: str) -> Path:
    """Manifests of three nodes, the pods above, `extra` ones (name=address, in `dev` on node-a) and a Service."""
    folder.mkdir(exist_ok=True)
    objects: list[dict[str, Any]] = [_named("Namespace", name) for name in ("ui", "orders", "dev")]
    for name, zone, address in (("a", "1a", NODE_A), ("b", "1b", NODE_B), ("c", "1c", NODE_C)):
        objects.append(
            {
                "kind": "Node",
                "metadata": {"name": f"node-{name}", "labels": {"topology.kubernetes.io/zone": zone}},
                "status": {"addresses": [{"type": "InternalIP", "address": address}]},
            }
        )
    objects += [_pod(*place, address) for address, place in PODS.items()]
    objects += [_pod("node-a", "dev", name, address) for name, address in extra.items()]
    objects.append(
        {
            "kind": "Service",
            "metadata": {"name": "orders", "namespace": "orders"},
            "spec": {
                "clusterIPs": [ORDERS_SERVICE],
                "selector": {"app": "orders"},
                "ports": [{"port": 80, "targetPort": 8080}],
            },
        }
    )
    write_atomically(folder / "all.json", json.dumps({"kind": "List", "items": objects}).encode())
    return folder


def report(
    pod: str,
    remote: str,
    port: int,
    initiator: Initiator,
    *,
    name: tuple[str, str, str] | None = None,
    sequence: int = 1,
    boot: str = "b1",
    at: int = T0,
    protocol: str = "TCP",
    rules: tuple[str, ...] = ("",),
    revision: int = 0,
    **fields: int,
) -> wire.Batch:
    """A batch with the one row that the agent of `pod` (an address) tells; `fields` are columns of RECORD."""
    node, namespace, title = name or PODS[pod]
    rows = np.zeros(1, wire.RECORD)
    rows["family"], rows["protocol"] = family(packed(pod)), PROTOCOL_NUMBERS[protocol]
    rows["port"], rows["initiator"] = port, initiator
    rows["pod_address"] = np.frombuffer(packed(pod), "V16")
    rows["remote_address"] = np.frombuffer(packed(remote), "V16")
    rows["first_us"] = rows["last_us"] = at
    for column, value in fields.items():
        rows[column] = value
    header = wire.Header(
        node=node,
        boot=boot,
        sequence=sequence,
        start_us=at - SECOND,
        end_us=at + SECOND,
        pods=(NodePod(f"uid-{title}", namespace, title, (pod,)),),
        rules=rules,
        revision=revision,
        packets=sequence * 10,
    )
    return wire.Batch(header, rows)


def join(first: wire.Batch, *others: wire.Batch) -> wire.Batch:
    """One batch with the rows of several of the same pod."""
    return wire.Batch(first.header, np.concatenate([first.rows, *(other.rows for other in others)]))


def put(spool: Path, batch: wire.Batch) -> Path:
    """Write a batch where an agent does."""
    header = batch.header
    path = spool / f"{header.node}-{header.boot}-{header.sequence:012d}.arrow"
    write_atomically(path, wire.encode(batch))
    return path


def _named(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}}


def _pod(node: str, namespace: str, name: str, address: str) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "labels": {"app": name.rpartition("-")[0] or name},
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}],
        },
        "status": {"phase": "Running", "podIPs": [{"ip": address}]},
    }
