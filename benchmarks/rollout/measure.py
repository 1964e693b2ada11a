"""How fast is a plan for a large cluster, and how often do the gates after a step alarm in error, or miss?

The traffic of the second part is a simulation: a day's rhythm, failures in clumps, deploys that reset connections.
Prints one JSON object.
"""

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fairway.rollout.budgets import Budget
from fairway.rollout.drift import shift
from fairway.rollout.order import Gates, Limits, Order
from fairway.rollout.plan import plan
from fairway.rollout.seen import Seen, Tally, Unit
from fairway.rollout.state import Phase, State

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOOK = 10
"""Seconds between two looks; the hub looks more often, at sums that hardly differ."""
SPAN, DAY, SOAK = 60, 86_400, 600
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


@dataclass
class Traffic:
    """Connections and failures of a service in each look. Failures come in clumps: their rate is itself random for
    minutes at a time (gamma), and a deploy every few hours resets a share of connections for a minute."""

    random: random.Random
    rate: float = 20.0
    """Connections a second at the day's height."""

    def looks(self, seconds: int) -> Iterator[Tally]:
        share, until, deploy, ends = 0.0, 0, self._next(0), 0
        for at in range(0, seconds, LOOK):
            if at >= until:
                share, until = 0.002 * self.random.gammavariate(0.8, 1 / 0.8), at + 120
            if at >= deploy:
                ends, deploy = at + 60, self._next(at)
            rhythm = 0.55 - 0.45 * math.cos(2 * math.pi * at / DAY)
            of = self._poisson(self.rate * rhythm * LOOK)
            chance = share + (0.06 if at < ends else 0.0)
            yield Tally(bad=sum(self.random.random() < chance for _ in range(of)), of=of)

    def _next(self, at: int) -> int:
        return at + int(self.random.expovariate(1 / (4 * 3600)))

    def _poisson(self, mean: float) -> int:
        return max(0, round(self.random.gauss(mean, math.sqrt(mean))))


def summed(tallies: list[Tally]) -> Tally:
    """Their sum."""
    return Tally(bad=sum(one.bad for one in tallies), of=sum(one.of for one in tallies))


def spans(tallies: list[Tally]) -> list[Tally]:
    """As the hub's baseline has them."""
    size = SPAN // LOOK
    return [summed(tallies[start : start + size]) for start in range(0, len(tallies), size)]


def false_alarms(hours: int, seed: int) -> dict[str, Any]:
    """Soaks, one after another, over ordinary traffic, each against the day before it, asked at every look."""
    looks = list(Traffic(random.Random(seed)).looks((hours + 24) * 3600))
    alarms, day, soak = 0, DAY // LOOK, SOAK // LOOK
    for start in range(day, len(looks) - soak, soak):
        before, after = spans(looks[start - day : start]), Tally()
        for index, one in enumerate(looks[start : start + soak], 1):
            after = summed([after, one])
            if shift(before, after, math.ceil(index * LOOK / SPAN)).alarming(ALARM):
                alarms += 1
                break
    return {"hours": hours, "soaks": hours * 3600 // SOAK, "false alarms": alarms,
            "per 100 hours": round(100 * alarms / hours, 2)}  # fmt: skip


def missed(times: int, seed: int) -> dict[str, Any]:
    """Breakages: from a step on one edge that carries a share of a service's connections fails, each of them."""
    source = random.Random(seed)
    took: list[int] = []
    for number in range(times):
        traffic = Traffic(random.Random(seed + number))
        looks = list(traffic.looks(DAY + SOAK))
        before, after, share = spans(looks[: DAY // LOOK]), Tally(), source.uniform(0.05, 0.5)
        for index, one in enumerate(looks[DAY // LOOK :], 1):
            broken = sum(source.random() < share for _ in range(int(one.of)))
            after = summed([after, Tally(bad=min(one.of, one.bad + broken), of=one.of)])
            if shift(before, after, math.ceil(index * LOOK / SPAN)).alarming(ALARM):
                took.append(index * LOOK)
                break
    took.sort()
    return {"injected": times, "missed": times - len(took), "share of connections": "5 to 50 of 100",
            "seconds to the alarm": {"median": took[len(took) // 2], "worst": took[-1]}}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=200, help="of ordinary traffic (default: %(default)s)")
    parser.add_argument("--breakages", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    arguments = parser.parse_args()
    result = {
        "benchmark": "rollout",
        "plan ms": {f"{nodes} nodes, {spaces} namespaces": round(1e3 * plan_seconds(nodes, spaces), 2)
                    for nodes, spaces in ((50, 5), (500, 50), (5000, 500))},
        "signals (simulated)": {
            "chance asked for, each look": ALARM,
            "normal": false_alarms(arguments.hours, arguments.seed),
            "broken": missed(arguments.breakages, arguments.seed),
        },
    }  # fmt: skip
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
