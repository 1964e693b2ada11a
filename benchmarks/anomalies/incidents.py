"""Incidents that are put into a simulated world, of every kind that the detectors speak of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from world import World

from fairway.signals.traffic import Pair


@dataclass(frozen=True)
class Incident:
    """What was put in: a kind of finding, whom it is about, from which hour of the world to before which."""

    kind: str
    about: frozenset[str]
    begin: int
    end: int


def put(world: World, kind: str, hour: int) -> Incident | None:
    """One incident from an hour on; None where the world has nothing there that it could befall."""
    return KINDS[kind](world, kind, hour)


def _client(world: World) -> str:
    return str(world.random.choice(world.workloads))


def _chosen(world: World, fits: Callable[[Pair], bool]) -> Pair | None:
    pairs = [pair for pair in world.series if fits(pair)]
    return pairs[world.random.integers(len(pairs))] if pairs else None


def _new_edge(world: World, kind: str, hour: int) -> Incident | None:
    rng, client = world.random, _client(world)
    server = "192.0.2.0/24" if rng.random() < 0.5 else str(rng.choice(world.workloads))
    pair = Pair(client, server, int(rng.choice([22, 3306, 8443])), "TCP", "/24" in server)
    if server == client or pair in world.series or any(p.client == client and p.outside for p in world.series):
        return None
    counts = world.empty()
    counts[hour] = [1, rng.random() < 0.5, 900, 600, 8, 6, 0]
    world.add(pair, "incident", counts)
    return Incident(kind, frozenset({client}), hour, hour + 1)


def _scan(world: World, kind: str, hour: int) -> Incident | None:
    rng, client = world.random, _client(world)
    ports = kind == "scan" and rng.random() < 0.5
    targets = int(rng.integers(25, 200))
    for number in range(targets):
        port = 1000 + number if ports else 22
        server = world.workloads[-1] if ports else f"10.9.{hour % 250}.{number}"
        if kind == "fan-out":
            server, port = world.workloads[number % len(world.workloads)], 6000 + number // len(world.workloads)
        counts = world.empty()
        counts[hour] = [1, 1, 120, 0, 2, 0, 0] if kind == "scan" else [1, 0, 900, 3000, 9, 9, 0]
        world.add(Pair(client, server, port, "TCP"), "incident", counts)
    return Incident(kind, frozenset({client}), hour, hour + 1)


def _volume(world: World, kind: str, hour: int) -> Incident | None:
    rng = world.random
    more = rng.random() < 0.7
    pair = _chosen(world, lambda p: world.series[p].shape in ("office", "steady", "outside")
                   and world.series[p].counts[hour, 2:4].sum() > (1e7 if more else 1e8))  # fmt: skip
    if pair is None:
        return None
    length = int(rng.integers(1, 4))
    own = world.series[pair].counts[hour : hour + length]
    own[:, 2:6] *= rng.uniform(6, 20) if more else rng.uniform(0.01, 0.08)
    return Incident(kind, frozenset({pair.client, pair.server}), hour, hour + length)


def _trouble(world: World, kind: str, hour: int) -> Incident | None:
    rng = world.random
    bad, of = (1, 0) if kind == "failures" else (6, 4)
    pair = _chosen(world, lambda p: world.series[p].shape in ("office", "steady", "outside")
                   and world.series[p].counts[hour, of] >= (100 if bad == 1 else 10_000))  # fmt: skip
    if pair is None:
        return None
    length = int(rng.integers(1, 4))
    own = world.series[pair].counts[hour : hour + length]
    own[:, bad] += np.floor(own[:, of] * (rng.uniform(0.1, 0.6) if bad == 1 else rng.uniform(0.02, 0.1)))
    own[:, bad] = np.minimum(own[:, bad], own[:, of])
    return Incident(kind, frozenset({pair.client, pair.server}), hour, hour + length)


def _silent(world: World, kind: str, hour: int) -> Incident | None:
    pair = _chosen(world, lambda p: world.series[p].shape in ("office", "steady")
                   and world.series[p].counts[hour, 0] >= 100)  # fmt: skip
    if pair is None:
        return None
    length = int(world.random.integers(3, 8))
    for series in world.series.values():
        if pair.client in (series.pair.client, series.pair.server):
            series.counts[hour : hour + length] = 0
    return Incident(kind, frozenset({pair.client}), hour, hour + length)


def _tunnel(world: World, kind: str, hour: int) -> Incident | None:
    rng, client = world.random, _client(world)
    own = world.series[Pair(client, "kube-system/coredns", 53, "UDP")].counts
    usual = float(own[:, 4].max())
    for at in range(hour, hour + int(rng.integers(1, 4))):
        asked = max(3000.0, usual * rng.uniform(3, 10))
        own[at] += [0, 0, asked * rng.uniform(150, 220), asked * 200, asked, asked, 0]
    return Incident(kind, frozenset({client}), hour, at + 1)


def _off_hours(world: World, kind: str, hour: int) -> Incident | None:
    pair = _chosen(world, lambda p: world.series[p].shape == "schedule"
                   and not world.series[p].counts[(np.arange(-1, 2) + hour % 24) % 24, 2].any())  # fmt: skip
    if pair is None:
        return None
    own = world.series[pair].counts
    own[hour] = np.median(own[own[:, 2] > 0], axis=0)
    return Incident(kind, frozenset({pair.client}), hour, hour + 1)


def _exfiltration(world: World, kind: str, hour: int) -> Incident | None:
    rng, client = world.random, _client(world)
    sent = 10 ** rng.uniform(8.3, 10)
    counts = world.empty()
    counts[hour] = [2, 0, sent, sent / 50, sent / 1200, sent / 2400, 0]
    world.add(Pair(client, f"192.0.{hour % 250}.0/24", 443, "TCP", True), "incident", counts)
    return Incident(kind, frozenset({client}), hour, hour + 1)


KINDS: dict[str, Callable[[World, str, int], Incident | None]] = {
    "new-edge": _new_edge,
    "scan": _scan,
    "fan-out": _scan,
    "volume": _volume,
    "failures": _trouble,
    "retransmissions": _trouble,
    "silent": _silent,
    "dns-tunnel": _tunnel,
    "off-hours": _off_hours,
    "exfiltration": _exfiltration,
}
