"""How fast is a plan for a large cluster, and how often do the gates after a step alarm in error, or miss?

The traffic of the second part is a simulation: a day's rhythm, failures in clumps, deploys that reset connections.
The third part needs root: real packets in the lab, and how long they do not flow.
Prints one JSON object.
"""

import argparse
import json
import math
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from back import back
from numpy.typing import NDArray

from fairway.rollout.budgets import Budget
from fairway.rollout.drift import Baseline, shift, spans_in
from fairway.rollout.order import Gates, Limits, Order
from fairway.rollout.plan import plan
from fairway.rollout.seen import Seen, Tally, Unit
from fairway.rollout.state import Phase, State

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOOK = 10
"""Seconds between two looks; the hub looks more often, at sums that hardly differ."""
SPAN, DAY, SOAK = 60, 86_400, 600
DEPLOYS, DEPLOY = 4 * 3600, 60
"""Seconds between two deploys on the average, and of one."""
CLUMP = 12
"""Looks for which failures are as frequent as they are."""
Numbers = NDArray[np.int64]
ALARM = Gates().alarm


def plan_seconds(nodes: int, namespaces: int) -> float:
    """The best of several plans of a next step, by the budgets, shares and zones of a large cluster."""
    replicas = {f"n{index % namespaces}/w{index}": 3 for index in range(20)}
    units = tuple(
        Unit(name=f"node-{n:05}", zone=f"zone-{n % 3}",
             replicas={**replicas, f"n{n % namespaces}/own": 1, f"n{(n * 7) % namespaces}/other": 2})
        for n in range(nodes)
    )  # fmt: skip
    order = Order(
        name="large",
        policies="",
        limits=Limits(budgets=(Budget(nodes="10%"),), replicas=0.3, zone_by_zone=True),
        namespaces=tuple(f"n{index}" for index in range(namespaces)),
    )
    seen = Seen(units=units, scored=True, quiet_since=NOW - timedelta(days=3))
    state = State(order=order, since=NOW, phase=Phase.STAGED, staged=NOW - timedelta(days=3))
    best = math.inf
    for _ in range(5):
        started = time.process_time()
        found = plan(state, seen, NOW)
        best = min(best, time.process_time() - started)
    assert found.state.phase is Phase.ENFORCING
    return best


@dataclass(frozen=True)
class Kind:
    """One signal's ordinary life: chances a second at the day's height, the usual share that goes wrong, by how
    much that share wanders (gamma, for minutes at a time), and the share that a deploy breaks for a minute."""

    name: str
    rate: float
    share: float
    shape: float
    deploy: float


KINDS = (
    Kind("failed-connects", 20, 0.002, 0.8, 0.03),
    Kind("syn-retransmissions", 20, 0.004, 2.0, 0.01),
    Kind("resets", 20, 0.002, 0.8, 0.06),
    Kind("dns-unanswered", 60, 0.001, 0.5, 0.0),
)


def traffic(kind: Kind, seconds: int, random: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Bad events and chances of each look: a day's rhythm, failures in clumps, a deploy every four hours or so."""
    at = np.arange(0, seconds, LOOK)
    rhythm = 0.55 - 0.45 * np.cos(2 * np.pi * at / DAY)
    of = random.poisson(kind.rate * rhythm * LOOK)
    clumps = random.gamma(kind.shape, 1 / kind.shape, len(at) // CLUMP + 1).repeat(CLUMP)[: len(at)]
    share = kind.share * clumps
    # A deploy begins at any second, and is as bad in the looks that it covers in part.
    begins = np.cumsum(random.exponential(DEPLOYS, 2 * seconds // DEPLOYS + 10))
    for begin in begins[begins < seconds]:
        covered = np.clip(np.minimum(at + LOOK, begin + DEPLOY) - np.maximum(at, begin), 0, LOOK) / LOOK
        share = share + kind.deploy * covered
    return random.binomial(of, np.minimum(share, 1)), of


def spans(bad: Numbers, of: Numbers) -> Baseline:
    """As the hub has them."""
    size = SPAN // LOOK
    sums = (each[: len(each) // size * size].reshape(-1, size).sum(axis=1).tolist() for each in (bad, of))
    return Baseline([Tally(bad=one, of=chances) for one, chances in zip(*sums, strict=True)])


def alarm(before: Baseline, bad: Numbers, of: Numbers) -> int | None:
    """The seconds after which a soak alarms, asked at every look; None if it does not."""
    for index, (one, chances) in enumerate(zip(np.cumsum(bad).tolist(), np.cumsum(of).tolist(), strict=True), 1):
        length = spans_in(timedelta(seconds=index * LOOK), timedelta(seconds=SPAN))
        if shift(before, Tally(bad=one, of=chances), length).alarming(ALARM):
            return index * LOOK
    return None


def false_alarms(hours: int, seed: int) -> dict[str, Any]:
    """Soaks, one after another, over ordinary traffic, each against the day before it; any signal alarms."""
    random = np.random.default_rng(seed)
    day, soak = DAY // LOOK, SOAK // LOOK
    alarmed: set[int] = set()
    by_signal = {}
    for kind in KINDS:
        bad, of = traffic(kind, (hours + 24) * 3600, random)
        found = []
        for start in range(day, len(bad) - soak + 1, soak):
            before = spans(bad[start - day : start], of[start - day : start])
            if alarm(before, bad[start : start + soak], of[start : start + soak]) is not None:
                found.append(start)
        by_signal[kind.name] = len(found)
        alarmed.update(found)
    return {"hours": hours, "soaks": hours * 3600 // SOAK, "false alarms": len(alarmed), "by signal": by_signal,
            "per 100 hours": round(100 * len(alarmed) / hours, 2)}  # fmt: skip


def missed(times: int, seed: int, least: float, most: float) -> dict[str, Any]:
    """Breakages: from a step on all connections of one edge, which carries a share of a service's, fail."""
    random = np.random.default_rng(seed)
    took: list[int] = []
    day, kind = DAY // LOOK, KINDS[0]
    for _ in range(times):
        bad, of = traffic(kind, DAY + SOAK, random)
        broken = random.binomial(of[day:] - bad[day:], random.uniform(least, most))
        seconds = alarm(spans(bad[:day], of[:day]), bad[day:] + broken, of[day:])
        took += [seconds] if seconds is not None else []
    took.sort()
    return {"injected": times, "missed": times - len(took),
            "share of connections": f"{100 * least:g} to {100 * most:g} of 100",
            "seconds to the alarm": {"median": took[len(took) // 2], "worst": took[-1]}}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=200, help="of ordinary traffic (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="of so many hours each (default: %(default)s)")
    parser.add_argument("--breakages", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--back", type=int, default=5, help="times that the lab steps back (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "benchmark": "rollout",
        "plan ms": {f"{nodes} nodes, {spaces} namespaces": round(1e3 * plan_seconds(nodes, spaces), 2)
                    for nodes, spaces in ((50, 5), (500, 50), (5000, 500))},
        "signals (simulated)": {
            "chance asked for, each look": ALARM,
            "normal": [false_alarms(arguments.hours, arguments.seed + run) for run in range(arguments.runs)],
            "broken": missed(arguments.breakages, arguments.seed, 0.05, 0.5),
            "broken hard": missed(arguments.breakages, arguments.seed, 0.5, 1.0),
        },
    }  # fmt: skip
    if arguments.back:
        result["stepping back (lab)"] = back(arguments.back)
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
