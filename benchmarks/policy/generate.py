"""How long do policies take to be generated from observed edges? One JSON object.

The edges are those between the workloads of a drawn cluster, pod to pod, as many of them by a Service as not.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).parent))
from estate import Estate, draw
from figures import Figures, growth, main_of

from fairway.policy.directory import Directory
from fairway.policy.generate import generate
from fairway.wire.edge import Edge

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def edges(estate: Estate) -> list[Edge]:
    """One edge for each call between workloads, from one pod to one pod."""
    directory = Directory(estate.cluster)
    found = []
    for number, (client, server) in enumerate(estate.calls):
        one, other = estate.workloads[client], estate.workloads[server]
        ends = [
            directory.at(estate.cluster.pods[workload.pods[number % len(workload.pods)]].addresses[0])
            for workload in (one, other)
        ]
        if ends[0] is None or ends[1] is None:
            continue
        dialled = number % 2 and server % 10 < 8 and client != 1
        found.append(
            Edge(
                client=ends[0],
                server=ends[1],
                port=9100 if client == 1 else other.port.number,
                protocol="TCP" if client == 1 else other.port.protocol,
                family=4,
                first_seen=BEGIN,
                last_seen=BEGIN + timedelta(seconds=number),
                service=f"{other.namespace}/{other.name}:{_service_port(other.port.number)}" if dialled else "",
                connections=1 + number % 50,
                sent_bytes=1000,
                received_bytes=5000,
                sent_packets=10,
                received_packets=10,
            )
        )
    return found


def _service_port(number: int) -> int:
    return {8080: 80, 8443: 443}.get(number, number)


def measure(workloads: int) -> Figures:
    """One size: the best of three."""
    estate = draw(workloads * 5, 1, calls_each=48)
    seen = edges(estate)
    seconds = []
    for _ in range(3):
        began = process_time()
        made = generate(seen, estate.cluster)
        seconds.append(process_time() - began)
    return {
        "workloads": len(estate.workloads),
        "pods": len(estate.cluster.pods),
        "edges": len(seen),
        "policies": len(made.policies),
        "seconds": round(min(seconds), 3),
        "edges_per_second": round(len(seen) / min(seconds)),
    }


def run() -> Figures:
    """Up to a thousand workloads and 20,000 edges."""
    sizes = growth(lambda times: measure(10 * times))
    return {"what": "policies generated from edges", "aim": "<= 3 s at 100x", "growth": sizes}


if __name__ == "__main__":
    main_of(run)
