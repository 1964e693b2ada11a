"""How long does it take to replay recorded flows against a policy set? One JSON object.

Flows are in memory as columns, as many as 500 of each edge between workloads and port; some are strays that the
policies deny, and some servers never answer. The baseline, on a sample: `decide`, one flow after the other.
"""

import random
import sys
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from estate import Estate, draw
from figures import Figures, growth, main_of

from fairway.policy.decide import decide
from fairway.policy.directory import Directory
from fairway.policy.recorded import Recorded
from fairway.policy.replay import replay
from fairway.wire.words import protocol_name

REPLICAS = 7
SAMPLE = 300


def flows(estate: Estate, count: int, seed: int = 1) -> Recorded:
    """Flows between the estate's pods; every fiftieth call is one that no policy knows of."""
    chance = np.random.default_rng(seed)
    directory = Directory(estate.cluster)
    ends = [end for pod in estate.cluster.pods if (end := directory.at(pod.addresses[0]))]
    calls = np.array(estate.calls)
    strays = chance.integers(0, len(estate.workloads), (len(calls) // 50, 2))
    calls = np.concatenate([calls, strays])[chance.integers(0, len(calls) + len(strays), count)]
    first = np.array([workload.pods.start for workload in estate.workloads])
    number = np.array([workload.port.number for workload in estate.workloads], np.uint16)
    protocol = np.array([17 if workload.port.protocol == "UDP" else 6 for workload in estate.workloads], np.uint8)
    replica = chance.integers(0, REPLICAS, (2, count))
    server = calls[:, 1]
    scraped = calls[:, 0] == 1
    return Recorded(
        ends=ends,
        services=("",),
        client=(first[calls[:, 0]] + replica[0]).astype(np.int32),
        server=(first[server] + replica[1]).astype(np.int32),
        port=np.where(scraped, np.uint16(9100), number[server]),
        protocol=np.where(scraped, np.uint8(6), protocol[server]),
        service=np.zeros(count, np.int32),
        connections=chance.integers(1, 20, count),
        last_seen=1_790_000_000_000_000 + chance.integers(0, 86_400_000_000, count),
        dropped=np.zeros(count, bool),
        unanswered=server % 500 == 499,
        known=np.ones(count, bool),
    )


def measure(pods: int, policies: int, count: int) -> Figures:
    """One size: the best of three replays, and the baseline on a sample."""
    estate = draw(pods, policies, calls_each=18, replicas=REPLICAS)
    rows = flows(estate, count)
    seconds = []
    for _ in range(3):
        began = process_time()
        result = replay(rows, estate.policies, estate.cluster)
        seconds.append(process_time() - began)
    chosen = random.Random(1).sample(range(count), SAMPLE)
    began = process_time()
    for row in chosen:
        client, server = rows.ends[rows.client[row]], rows.ends[rows.server[row]]
        port, protocol = int(rows.port[row]), protocol_name(int(rows.protocol[row]))
        decide(estate.policies, estate.cluster.namespaces, client, server, port, protocol)
    baseline = SAMPLE / (process_time() - began)
    conversation = (rows.client.astype(np.int64) << 32 | rows.server) * 131072 + rows.port
    return {
        **estate.sizes,
        "flows": count,
        "conversations": len(np.unique(conversation)),
        "edges_between_workloads": len(estate.calls),
        "would_break": len(result.broken),
        "seconds": round(min(seconds), 3),
        "flows_per_second": round(count / min(seconds)),
        "baseline_decide_per_second": round(baseline),
        "times_the_baseline": round(count / min(seconds) / baseline),
    }


def run() -> Figures:
    """Up to ten million flows and 2,000 policies."""
    sizes = growth(lambda times: measure(140 * times, 20 * times, 100_000 * times))
    return {"what": "recorded flows replayed", "aim": "<= 2 s for 10,000,000 flows at 100x", "growth": sizes}


if __name__ == "__main__":
    main_of(run)
