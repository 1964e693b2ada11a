"""How long does a cluster take to compile, and how long after a change? One JSON object.

A change is one pod's new label, such as no other pod has and some policy selects. The baseline of a change is
everything compiled anew. Each size runs in a process of its own, so that its memory is its own.
"""

import gc
import random
import resource
import subprocess
import sys
from dataclasses import replace
from json import loads
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).parent))
from estate import Estate, draw
from figures import Figures, growth, main_of

from fairway.policy.model import Cluster, Expression, NetworkPolicy, Operator, Pod, Rule, Selector
from fairway.policy.recompile import Compiler
from fairway.wire.words import Mode

CHANGES = 12
CANARY = ("track", "canary")
NODES = 50


def measure(pods: int, policies: int) -> Figures:
    """One size."""
    estate = draw(pods, policies)
    before = peak()
    chosen = replace(estate.policies, policies=(*estate.policies.policies[:-1], canary(estate)))
    compiler = Compiler()
    began = process_time()
    compiled = compiler.compile(estate.cluster, chosen, None)
    whole = process_time() - began
    memory = peak()
    began = process_time()
    tables = [compiled.table(node.name, 1, Mode.ENFORCE) for node in estate.cluster.nodes[:NODES]]
    each = (process_time() - began) / len(tables)
    seconds = []
    cluster = estate.cluster
    chance = random.Random(1)
    for number in range(CHANGES):
        cluster = relabelled(cluster, chance.randrange(len(cluster.pods)), number)
        gc.collect()
        began = process_time()
        compiled = compiler.compile(cluster, chosen, None)
        seconds.append(process_time() - began)
    return {
        **estate.sizes,
        "groups": len(compiled.grants),
        "identities": len(compiled.identities.traits),
        "compile_seconds": round(whole, 3),
        "peak_mib": memory,
        "peak_mib_before": before,
        "recompile_ms_median": round(sorted(seconds)[CHANGES // 2] * 1000, 1),
        "recompile_ms_worst": round(max(seconds) * 1000, 1),
        "times_faster_than_anew": round(whole / sorted(seconds)[CHANGES // 2]),
        "table_ms": round(each * 1000, 1),
        "table_rows": sum(len(table.rows) for table in tables) // len(tables),
        "table_addresses": sum(len(table.exact) for table in tables) // len(tables),
    }


def canary(estate: Estate) -> NetworkPolicy:
    """One workload lets in what is on trial."""
    model = estate.policies.policies[-1]
    peer = Selector((Expression(CANARY[0], Operator.IN, frozenset({CANARY[1]})),))
    rule = (model.ingress or (Rule(),))[0]
    [first, *_] = rule.peers or ()
    return replace(model, ingress=(replace(rule, peers=(replace(first, pods=peer, namespaces=Selector()),)),))


def relabelled(cluster: Cluster, index: int, number: int) -> Cluster:
    """The pod is on trial from now on, and moved to another workload's labels every other time."""
    pods = list(cluster.pods)
    pod: Pod = pods[index]
    labels = dict(pods[index - 7].labels if number % 2 else pod.labels) | dict([CANARY])
    pods[index] = replace(pod, labels=tuple(sorted(labels.items())))
    return replace(cluster, pods=tuple(pods))


def peak() -> int:
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def apart(times: int) -> Figures:
    """One size, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, str(times)], capture_output=True, text=True, check=True)
    figures: Figures = loads(done.stdout)
    return figures


def run() -> Figures:
    """Up to 50,000 pods and 10,000 policies."""
    aim = "<= 10 s and <= 2048 MiB, <= 50 ms after a change, at 100x"
    return {"what": "policies and a cluster compiled", "aim": aim, "growth": growth(apart)}


if __name__ == "__main__":
    main_of(run if len(sys.argv) == 1 else lambda: measure(500 * int(sys.argv[1]), 100 * int(sys.argv[1])))
