"""How often do the detectors miss an incident, and how often do they cry without one? On SIMULATED weeks.

Four weeks of history, then weeks that are judged hour by hour as a hub does: everything is learned anew from the
four weeks before each hour. A finding that comes again within a day is one. Prints one JSON object.
"""

import argparse
import json
import sys
import time
from collections import Counter
from typing import Any

from incidents import KINDS, Incident, put
from world import START, WEEK, World, world

from fairway.signals.detect import WEEKS, Detectors
from fairway.signals.finding import Finding
from fairway.signals.traffic import Hour, Past

AFTER = 24
"""Hours after an incident in which a finding about the same ends is its echo."""
LATE = 3
"""Hours after a deploy in which the hub takes its workload for changed."""


def inject(made: World, each: int) -> list[Incident]:
    """So many of each kind into the weeks that are judged, no two about the same at the same time."""
    put_in: list[Incident] = []
    for kind in KINDS:
        tries = 0
        while sum(one.kind == kind for one in put_in) < each and tries < 50 * each:
            tries += 1
            hour = int(made.random.integers(WEEKS * WEEK, made.hours - 10))
            if not made.missed & set(range(hour, hour + 9)) and (found := put(made, kind, hour)):
                put_in.append(found)
    return put_in


def judged(made: World) -> tuple[list[Finding], float]:
    """All findings of the judged weeks, each once a day, and the CPU seconds of one hour's learning and judging."""
    traffic = made.traffic()
    told: dict[tuple[str, str], int] = {}
    left_out: set[tuple[str, int]] = set()
    deployed = {(name, START + hour + late) for name, times in made.deploys.items() for hour in times
                for late in range(LATE)}  # fmt: skip
    findings, began = [], time.process_time()
    for at in range(WEEKS * WEEK, made.hours):
        number = START + at
        past = Past.of(traffic, number - WEEKS * WEEK, number, left_out, deployed)
        changed = frozenset(name for name, hour in deployed if hour == number)
        hour = Hour(number, traffic.within(number, number + 1), changed=changed)
        for found in Detectors(past).find(hour):
            if number - told.get(found.key, 0) > AFTER:
                findings.append(found)
            told[found.key] = number
            left_out |= {(found.subject, number), (found.client, number)}
    return findings, (time.process_time() - began) / max(1, made.hours - WEEKS * WEEK)


def measure(workloads: int, weeks: int, each: int, seed: int) -> dict[str, Any]:
    """Recall and precision by kind."""
    made = world(workloads, WEEKS + weeks, seed)
    put_in = inject(made, each)
    findings, seconds = judged(made)
    caught: Counter[str] = Counter()
    right: Counter[str] = Counter()
    named: Counter[str] = Counter()
    false: list[str] = []
    for one in put_in:
        matching = [found for found in findings if _of(found, one)]
        caught[one.kind] += any(found.kind == one.kind for found in matching)
        named[one.kind] += bool(matching)
    for found in findings:
        if any(_of(found, one) for one in put_in):
            right[found.kind] += 1
        else:
            false.append(f"{found.kind}: {found.subject}: {found.what}; {found.compared}")
    missed = [f"{one.kind}: {sorted(one.about)} from hour {one.begin}" for one in put_in
              if not any(found.kind == one.kind and _of(found, one) for found in findings)]  # fmt: skip
    told, days = Counter(found.kind for found in findings), weeks * 7
    kinds = {
        kind: {
            "injected": (of := sum(one.kind == kind for one in put_in)),
            "recall": round(caught[kind] / of, 2) if of else None,
            "recall under any name": round(named[kind] / of, 2) if of else None,
            "told": told[kind],
            "precision": round(right[kind] / told[kind], 2) if told[kind] else None,
            "false per 100 workloads and day": round((told[kind] - right[kind]) * 100 / workloads / days, 3),
        }
        for kind in KINDS
    }
    return {
        "kinds": kinds,
        "all": {
            "injected": len(put_in),
            "recall": round(sum(caught.values()) / len(put_in), 3),
            "precision": round(sum(right.values()) / max(1, len(findings)), 3),
            "false per 100 workloads and day": round(len(false) * 100 / workloads / days, 3),
        },
        "learning and judging an hour, CPU ms": round(seconds * 1e3, 1),
        "false": false,
        "missed": missed,
    }


def _of(found: Finding, one: Incident) -> bool:
    at = found.hour - START
    return one.begin <= at < one.end + AFTER and bool(one.about & {found.client, found.server, found.subject})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--weeks", type=int, default=2, help="that are judged (default: %(default)s)")
    parser.add_argument("--each", type=int, default=10, help="incidents of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--mistakes", action="store_true", help="print every mistake as well")
    arguments = parser.parse_args()
    told = measure(arguments.workloads, arguments.weeks, arguments.each, arguments.seed)
    if not arguments.mistakes:
        del told["false"], told["missed"]
    result = {
        "benchmark": "anomalies",
        "SIMULATED": "traffic and incidents are made up, see benchmarks/anomalies/world.py",
        "workloads": arguments.workloads, "weeks judged": arguments.weeks, "seed": arguments.seed, **told,
    }  # fmt: skip
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
