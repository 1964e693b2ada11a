"""How fast reports are named: records per CPU second on one core, with 20,000 pods. Prints one JSON object.

The baseline of the ratio is reading the same reports off the wire, which comes before naming them.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.policy.model import Cluster, Node, Pod, Service, ServicePort
from fairway.wire import batch as wire
from fairway.wire.address import packed
from fairway.wire.rules import NodePod
from fairway.wire.words import Initiator

SECOND = 1_000_000
T0 = 1_790_000_000 * SECOND


def cluster(pods: int, per_node: int = 50) -> Cluster:
    """Pods of 40-odd workloads each with four labels, on nodes in three zones, and a Service per hundred pods."""
    count = pods // per_node
    nodes = [Node(f"node-{n}", (f"10.0.{n // 250}.{n % 250 + 1}",), f"1{'abc'[n % 3]}") for n in range(count)]
    made = [
        Pod(
            uid=f"uid-{p}",
            namespace=f"team-{p % 97}",
            name=f"web-{p % 41}-{p:05d}",
            labels=(("app", f"web-{p % 41}"), ("hash", f"{p % 211:08x}"), ("tier", "web"), ("version", "v7")),
            addresses=(f"10.{64 + p // 65000}.{p % 65000 // 250}.{p % 250 + 1}",),
            node=nodes[p // per_node].name,
            workload=f"Deployment/web-{p % 41}",
        )
        for p in range(len(nodes) * per_node)
    ]
    services = [
        Service(
            f"team-{s % 97}",
            f"web-{s}",
            (f"10.255.{s // 250}.{s % 250 + 1}",),
            ports=(ServicePort("http", "TCP", 80, backends=((made[s * 100].addresses[0], 8080),)),),
        )
        for s in range(pods // 100)
    ]
    return Cluster(pods=tuple(made), nodes=tuple(nodes), services=tuple(services))


def reports(known: Cluster, batches: int, rows: int, rng: random.Random) -> list[wire.Batch]:
    """What agents tell: a batch per node, remote ends are pods of all nodes, a fifth Services, a tenth outside."""
    by_node: dict[str, list[Pod]] = {}
    for pod in known.pods:
        by_node.setdefault(pod.node, []).append(pod)
    made = []
    for number, node in enumerate(rng.sample(sorted(by_node), batches)):
        pods = by_node[node]
        content = np.zeros(rows, wire.RECORD)
        local = [rng.randrange(len(pods)) for _ in range(rows)]
        content["pod"] = local
        content["pod_address"] = [np.void(packed(pods[index].addresses[0])) for index in local]
        content["remote_address"] = [np.void(packed(_remote(known, rng))) for _ in range(rows)]
        content["family"], content["protocol"] = 4, 6
        content["port"] = [rng.choice((80, 443, 5432, 8080)) for _ in range(rows)]
        content["initiator"] = [rng.choice((Initiator.POD, Initiator.REMOTE)) for _ in range(rows)]
        content["first_us"] = T0 + np.arange(rows) * 1000
        content["last_us"] = content["first_us"] + SECOND
        content["tx_bytes"] = content["rx_bytes"] = 1500
        header = wire.Header(
            node=node,
            boot="b",
            sequence=number + 1,
            start_us=T0,
            end_us=T0 + 10 * SECOND,
            pods=tuple(NodePod(pod.uid, pod.namespace, pod.name, pod.addresses) for pod in pods),
        )
        made.append(wire.Batch(header, content))
    return made


def _remote(known: Cluster, rng: random.Random) -> str:
    dice = rng.random()
    if dice < 0.1:
        return f"198.51.{rng.randrange(100)}.{rng.randrange(1, 255)}"
    if dice < 0.3:
        return rng.choice(known.services).addresses[0]
    return rng.choice(known.pods).addresses[0]


def best(work: Callable[[], Any], repeats: int) -> float:
    """Least CPU seconds of several runs."""
    spent = []
    for _ in range(repeats):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return min(spent)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=20_000)
    parser.add_argument("--batches", type=int, default=100, help="of a segment, one per node")
    parser.add_argument("--rows", type=int, default=500, help="of a batch")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    rng = random.Random(7)
    known = cluster(chosen.pods)
    names = Names()
    observed = best(lambda: names.observe(known, T0), 1)
    batches = reports(known, chosen.batches, chosen.rows, rng)
    streams = [wire.encode(batch) for batch in batches]
    records = chosen.batches * chosen.rows
    decoding = best(lambda: [wire.decode(stream) for stream in streams], chosen.repeats)
    naming = best(lambda: named(batches, names), chosen.repeats)
    figures = {
        "pods": len(known.pods),
        "records": records,
        "observe_seconds": round(observed, 3),
        "decoded_per_second": round(records / decoding),
        "named_per_second": round(records / naming),
        "naming_over_decoding": round(naming / decoding, 2),
        "aim_per_second": 200_000,
    }
    print(json.dumps(figures))  # noqa: T201


if __name__ == "__main__":
    main()
