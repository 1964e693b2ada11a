"""How often is "enough was seen" said while a connection is still to come?

A SIMULATION: services with known rare connections, observed hour by hour and asked once a day, until the score
reaches the threshold for the first time. It prints one JSON object. What it assumes of services is in `Mix`;
figures for other assumptions: change them there.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from math import exp, log
from typing import Final

from fairway.policy.score import THRESHOLD, score_of
from fairway.policy.watch import History, Watch

HOUR: Final = timedelta(hours=1)
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
THRESHOLDS: Final = (50, 60, 70, 80, 85, 90, 95, 100)


@dataclass(frozen=True)
class Mix:
    """What services are like. Shares are of services; a service may have several kinds of rare connection."""

    steady: tuple[int, int] = (2, 25)
    """Connections at random moments, from so many to so many; the n-th most frequent happens `hourly` / n^s times
    an hour (Zipf)."""
    hourly: tuple[float, float] = (0.3, 30.0)
    """Drawn log-uniformly: the rarest of a quiet service comes about once in two months."""
    exponent: tuple[float, float] = (0.7, 1.5)
    daily: float = 0.4
    weekly: float = 0.25
    monthly: float = 0.03
    """The first of a month, in the night."""
    start_up: float = 0.3
    """Connections made only when a pod starts."""
    rollout_days: tuple[float, float] = (2, 21)
    """A rollout restarts the pods every so many days on average (exponential), service by service."""
    days: int = 60


@dataclass
class Service:
    """One simulated service: for each connection its family and the hours in which it was made."""

    kinds: list[tuple[str, list[int]]]
    starts: list[int]
    begin: int
    """The hour of the year at which watching began."""


def service(mix: Mix, chance: random.Random) -> Service:
    """Draw one service and what it does in `days` days."""
    hours = mix.days * 24
    begin = chance.randrange(300 * 24)
    kinds: list[tuple[str, list[int]]] = []
    exponent = chance.uniform(*mix.exponent)
    hourly = exp(chance.uniform(*map(log, mix.hourly)))
    for rank in range(1, chance.randint(*mix.steady) + 1):
        share = 1 - exp(-hourly / rank**exponent)
        kinds.append(("steady", [hour for hour in range(hours) if chance.random() < share]))
    for family, often, share in (("daily", 24, mix.daily), ("weekly", 168, mix.weekly)):
        if chance.random() < share:
            kinds.append((family, list(range(chance.randrange(often), hours, often))))
    if chance.random() < mix.monthly:
        when = [h for h in range(hours) if (START + (begin + h) * HOUR).day == 1]
        kinds.append(("monthly", [h for h in when if (START + (begin + h) * HOUR).hour == 3]))
    starts, now, gap = [], 0.0, chance.uniform(*mix.rollout_days) * 24
    while (now := now + chance.expovariate(1 / gap)) < hours:
        starts.append(int(now))
    if chance.random() < mix.start_up:
        kinds.append(("start_up", starts))
    return Service(kinds, starts, begin)


def first_yes(one: Service, days: int) -> dict[int, tuple[int, set[str]]]:
    """For each threshold: the day on which enough was said first, and the families still missing then."""
    answers: dict[int, tuple[int, set[str]]] = {}
    begun = START + one.begin * HOUR
    for day in range(1, days + 1):
        until = day * 24
        seen = {
            (family, number): tuple(hour for hour in hours if hour < until)
            for number, (family, hours) in enumerate(one.kinds)
        }
        history = History(
            kinds={kind: hours for kind, hours in seen.items() if hours},
            watched=tuple(range(until)),
            starts=sum(hour < until for hour in one.starts),
        )
        watch = Watch(begun, HOUR, until * HOUR, history.watched, ())
        value = score_of(("simulated", "Deployment/service"), history, watch).score or 0
        missing = {family for (family, _), hours in seen.items() if not hours}
        for threshold in THRESHOLDS:
            if value >= threshold:
                answers.setdefault(threshold, (day, missing))
        if len(answers) == len(THRESHOLDS):
            break
    return answers


def run(mix: Mix, services: int, seed: int) -> dict[str, object]:
    """The figures for one mix of services."""
    chance = random.Random(seed)
    answers = [first_yes(service(mix, chance), mix.days) for _ in range(services)]
    rows = []
    for threshold in THRESHOLDS:
        given = [found[threshold] for found in answers if threshold in found]
        early = [missing for _, missing in given if missing]
        days = sorted(day for day, _ in given)
        rows.append(
            {
                "threshold": threshold,
                "said_enough": len(given),
                "too_early": len(early),
                "too_early_of_100": round(100 * len(early) / len(given), 1) if given else None,
                "missing_families": dict(sorted(Counter(one for missing in early for one in missing).items())),
                "median_days": days[len(days) // 2] if days else None,
                "tenth_slowest_days": days[len(days) * 9 // 10] if days else None,
            }
        )
    return {"services": services, "seed": seed, "mix": asdict(mix), "thresholds": rows}


def main() -> int:
    """Exit 1 if more than 5 of 100 answers at the default threshold came too early."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    found = run(Mix(), arguments.services, arguments.seed)
    head = {"what": "a simulation, not a measurement of real services", "default_threshold": THRESHOLD}
    json.dump({**head, **found, "seconds": round(time.monotonic() - began, 1)}, sys.stdout, indent=1)
    sys.stdout.write("\n")
    rows = found["thresholds"]
    assert isinstance(rows, list)
    return int(next(row["too_early_of_100"] for row in rows if row["threshold"] == THRESHOLD) > 5)


if __name__ == "__main__":
    sys.exit(main())
