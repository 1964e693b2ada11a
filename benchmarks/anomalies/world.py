"""A SIMULATED cluster's traffic, hour by hour: nothing of it was measured anywhere.

Every pair of workloads has a rhythm of day and week, a level, noise that lasts (autoregressive, log-normal) and
now and then a burst with a heavy tail (Pareto). Failures and retransmissions come in clumps. Workloads are
deployed, which resets connections and sometimes brings a new edge; some crawl the outside, some run by a schedule,
some rarely. The hub itself misses hours. No holidays, no growth.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fairway.signals.traffic import COUNTERS, Pair, Traffic

WEEK = 168
START = 1_790_000_000 // (WEEK * 3600) * WEEK
"""An hour since 1970 at which a week begins, as hours of the week are counted."""
Cells = NDArray[np.float64]


@dataclass
class Series:
    """One pair's counters, a row for each hour; `shape` says what kind of pair it is."""

    pair: Pair
    shape: str
    counts: Cells


@dataclass
class World:
    """Workloads, their pairs, and when each was deployed."""

    random: np.random.Generator
    hours: int
    workloads: list[str]
    series: dict[Pair, Series] = field(default_factory=dict)
    deploys: dict[str, list[int]] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)

    def add(self, pair: Pair, shape: str, counts: Cells) -> None:
        """More traffic of a pair, maybe its first."""
        if pair in self.series:
            self.series[pair].counts += counts
        else:
            self.series[pair] = Series(pair, shape, counts)

    def empty(self) -> Cells:
        return np.zeros((self.hours, len(COUNTERS)))

    def traffic(self) -> Traffic:
        """As the hub would have it: no row where nothing moved or was tried, none of hours that it missed."""
        pairs = tuple(self.series)
        of, hours, counts = [], [], []
        for number, pair in enumerate(pairs):
            own = self.series[pair].counts
            there = np.flatnonzero((own[:, 2] > 0) | (own[:, 0] > 0))
            there = there[~np.isin(there, list(self.missed))]
            of.append(np.full(len(there), number))
            hours.append(START + there)
            counts.append(own[there])
        return Traffic(pairs, np.concatenate(of), np.concatenate(hours), np.concatenate(counts))


def world(workloads: int, weeks: int, seed: int) -> World:
    """A cluster of so many workloads, ten to a namespace."""
    rng = np.random.default_rng(seed)
    names = [f"n{number // 10}/w{number}" for number in range(workloads)]
    made = World(rng, weeks * WEEK, names)
    for number, name in enumerate(names):
        near = [other for other in names if other != name and other.split("/")[0] == name.split("/")[0]]
        shape = rng.choice(["office", "steady", "schedule"], p=[0.6, 0.3, 0.1])
        for server in rng.choice(near, size=rng.integers(1, 4), replace=False):
            pair = Pair(name, str(server), int(rng.choice([8080, 5432, 6379])), "TCP")
            made.add(pair, shape, _pair(made, shape, 10 ** rng.uniform(5, 9.5)))
        if rng.random() < 0.3:
            other = str(rng.choice([one for one in names if one not in near and one != name]))
            made.add(Pair(name, other, 8080, "TCP"), "rare", _rare(made))
        made.add(Pair(name, "kube-system/coredns", 53, "UDP"), "dns", _dns(made, shape))
        if number % 5 == 0:
            made.add(Pair(name, f"198.51.{number}.0/24", 443, "TCP", True), "outside",
                     _pair(made, shape, 10 ** rng.uniform(5, 8)))  # fmt: skip
        if number % 20 == 7:
            _crawl(made, name)
        _deploy(made, name)
    for begin in rng.integers(0, made.hours - 3, size=weeks // 2):
        made.missed |= set(range(int(begin), int(begin) + int(rng.integers(1, 3))))
    return made


def _level(made: World, shape: str) -> Cells:
    """A rhythm times noise, around 1."""
    rng, at = made.random, np.arange(made.hours)
    hour, day = (at + rng.integers(0, 3)) % 24, at // 24 % 7
    if shape == "schedule":
        begin, length = rng.integers(0, 24), rng.integers(1, 4)
        return np.where((hour - begin) % 24 < length, np.exp(rng.normal(0, 0.3, made.hours)), 0.0)
    depth = rng.uniform(0.5, 0.95) if shape == "office" else rng.uniform(0, 0.3)
    rhythm = 1 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * (hour - 3) / 24))
    if shape == "office":
        rhythm = rhythm * np.where(day >= 5, rng.uniform(0.1, 0.6), 1.0)
    noise, sigma, memory = np.zeros(made.hours), rng.uniform(0.05, 0.4), rng.uniform(0.2, 0.8)
    shocks = rng.normal(0, sigma, made.hours)
    for index in range(1, made.hours):
        noise[index] = memory * noise[index - 1] + np.sqrt(1 - memory**2) * shocks[index]
    bursts = np.where(rng.random(made.hours) < 0.003, 1 + rng.pareto(1.5, made.hours), 1.0)
    return rhythm * np.exp(noise) * bursts


def _pair(made: World, shape: str, volume: float) -> Cells:
    """Counters of a pair that moves so many bytes in a usual hour."""
    rng, counts = made.random, made.empty()
    moved = volume * _level(made, shape)
    share = rng.uniform(0.05, 0.5)
    counts[:, 2], counts[:, 3] = moved * share, moved * (1 - share)
    counts[:, 4] = np.ceil(moved / 1200)
    counts[:, 5] = np.ceil(moved / 1000)
    counts[:, 0] = rng.poisson(np.minimum(moved / rng.uniform(5e3, 5e5), 2e5))
    # A share that is itself random for hours at a time.
    clumps = rng.gamma(0.5, 2, (2, made.hours // 3 + 1)).repeat(3, 1)[:, : made.hours]
    counts[:, 1] = rng.binomial(counts[:, 0].astype(int), np.minimum(0.0008 * clumps[0], 0.3))
    counts[:, 6] = rng.binomial(counts[:, 4].astype(int), np.minimum(0.0005 * clumps[1], 0.3))
    return counts


def _rare(made: World) -> Cells:
    """A pair that speaks once in a day or two, at any time."""
    counts = made.empty()
    at = np.flatnonzero(made.random.random(made.hours) < 0.03)
    counts[at] = [2, 0, 2e4, 1e5, 60, 80, 0]
    return counts


def _dns(made: World, shape: str) -> Cells:
    rng, counts = made.random, made.empty()
    asked = rng.poisson(10 ** rng.uniform(1, 3.5) * _level(made, shape))
    counts[:, 4] = counts[:, 5] = asked
    counts[:, 2], counts[:, 3] = asked * rng.uniform(65, 85), asked * 140
    return counts


def _crawl(made: World, name: str) -> None:
    """A workload that meets new networks outside all the time."""
    rng = made.random
    for hour in range(made.hours):
        for _ in range(rng.poisson(1.5)):
            pair = Pair(name, f"203.{rng.integers(0, 64)}.{rng.integers(0, 256)}.0/24", 443, "TCP", True)
            counts = made.empty()
            counts[hour] = [3, rng.random() < 0.1, 3e4, 1e6, 300, 800, 1]
            made.add(pair, "crawl", counts)


def _deploy(made: World, name: str) -> None:
    """Once in four days or so; connections are reset for a moment, and now and then there is a new edge."""
    rng = made.random
    times = [int(hour) for hour in np.flatnonzero(rng.random(made.hours) < 1 / 96)]
    made.deploys[name] = times
    for hour in times:
        for series in list(made.series.values()):
            if name in (series.pair.client, series.pair.server) and series.counts[hour, 0] > 20:
                failed = rng.binomial(int(series.counts[hour, 0]), rng.uniform(0, 0.03))
                series.counts[hour, 1] = min(series.counts[hour, 0], series.counts[hour, 1] + failed)
        if rng.random() < 0.1:
            pair = Pair(name, str(rng.choice(made.workloads)), 9090, "TCP")
            counts = made.empty()
            counts[hour:] = _pair(made, "steady", 1e6)[hour:]
            if pair.client != pair.server and pair not in made.series:
                made.add(pair, "deployed", counts)
