"""How many connections a second do compiled grants judge, in batches of arrays? One JSON object.

Half of the connections are between workloads that call each other, half between any two ends, of which some are
nodes, Services and addresses outside. The baseline, on a sample: `decide`, one connection after the other.
"""

import random
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from estate import Estate, draw
from figures import Figures, growth, main_of

from fairway.policy.compile import compile_rules
from fairway.policy.decide import decide, decide_service
from fairway.policy.directory import Directory
from fairway.policy.lookups import Lookups
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import PROTOCOL_NAMES

CONNECTIONS = 5_000_000
SAMPLE = 300


def connections(estate: Estate, count: int, seed: int = 1) -> tuple[list[str], list[np.ndarray[Any, Any]]]:
    """Addresses, and clients, servers, ports and protocols of connections between them."""
    chance = np.random.default_rng(seed)
    pods = [pod.addresses[0] for pod in estate.cluster.pods]
    services = [service.addresses[0] for service in estate.cluster.services]
    others = [node.addresses[0] for node in estate.cluster.nodes] + [f"52.{i % 70}.9.{i % 250}" for i in range(500)]
    addresses = list(dict.fromkeys([*pods, *services, *others]))
    calls = np.array(estate.calls)[chance.integers(0, len(estate.calls), count)]
    first = np.array([workload.pods.start for workload in estate.workloads])
    number = np.array([workload.port.number for workload in estate.workloads])
    udp = np.array([workload.port.protocol == "UDP" for workload in estate.workloads])
    replica = chance.integers(0, 5, (2, count))
    clients, servers = first[calls[:, 0]] + replica[0], first[calls[:, 1]] + replica[1]
    ports, protocols = number[calls[:, 1]], np.where(udp[calls[:, 1]], 17, 6)
    stray = chance.random(count) < 0.5
    clients[stray] = chance.integers(0, len(pods), int(stray.sum()))
    servers[stray] = chance.integers(0, len(addresses), int(stray.sum()))
    ports[stray] = chance.choice([53, 80, 443, 8080, 8443, 9100, 40000], int(stray.sum()))
    columns = [
        clients.astype(np.int32),
        servers.astype(np.int32),
        ports.astype(np.uint16),
        protocols.astype(np.uint8),
    ]
    return addresses, columns


def measure(pods: int, policies: int, connected: int) -> Figures:
    """One size: the best of three passes, and the baseline on a sample, whose answers must agree."""
    estate = draw(pods, policies)
    lookups = Lookups(compile_rules(estate.cluster, estate.policies, None))
    addresses, columns = connections(estate, connected)
    ends = lookups.ends(addresses)
    seconds = []
    for _ in range(3):
        began = process_time()
        answers = lookups.denied(ends, *columns)
        seconds.append(process_time() - began)
    chosen = random.Random(1).sample(range(connected), SAMPLE)
    sample = [
        (addresses[columns[0][i]], addresses[columns[1][i]], int(columns[2][i]), int(columns[3][i])) for i in chosen
    ]
    began = process_time()
    plain = decided(estate, sample)
    baseline = SAMPLE / (process_time() - began)
    disagree = sum(bool(answers[i]) is allowed for i, allowed in zip(chosen, plain, strict=True))
    rate = connected / min(seconds)
    return {
        **estate.sizes,
        "connections": connected,
        "denied_share": round(float((answers != 0).mean()), 3),
        "verdicts_per_second": round(rate),
        "baseline_decide_per_second": round(baseline),
        "times_the_baseline": round(rate / baseline),
        "disagreements_in_sample": disagree,
    }


def decided(estate: Estate, sample: list[tuple[str, str, int, int]]) -> list[bool]:
    """The plain evaluator's answers."""
    directory = Directory(estate.cluster)
    found = []
    for client, server, port, number in sample:
        ends = [directory.at(a) or Endpoint(kind=Kind.EXTERNAL, address=a) for a in (client, server)]
        protocol = PROTOCOL_NAMES[number]
        if ends[1].kind is Kind.SERVICE:
            found.append(decide_service(estate.policies, directory, ends[0], server, port, protocol).allowed)
        else:
            found.append(decide(estate.policies, estate.cluster.namespaces, *ends, port, protocol).allowed)
    return found


def run() -> Figures:
    """Up to 10,000 pods and 2,000 policies."""
    sizes = growth(lambda times: measure(100 * times, 20 * times, CONNECTIONS // (100 // times)))
    return {
        "what": "compiled look-ups in batches, one thread",
        "aim": "10,000,000 verdicts/s at 100x",
        "growth": sizes,
    }


if __name__ == "__main__":
    main_of(run)
