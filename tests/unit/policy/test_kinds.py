"""Rows that no policy can tell apart are one kind, and replaying kinds is replaying every row."""

import random
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy import kinds as module
from fairway.policy.kinds import kinds
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.recorded import Recorded, recorded
from fairway.policy.replay import replay
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Kind
from support.random_clusters import RESOLVED, random_cluster, random_policies, random_probe, random_tiers

WHEN = datetime(2026, 11, 22, 20, tzinfo=UTC)


def random_edges(rng: random.Random, cluster: Cluster, count: int = 25) -> list[Edge]:
    probes = (random_probe(rng, cluster) for _ in range(count))
    return [
        Edge(
            client=probe.client,
            server=probe.server,
            port=probe.port,
            protocol=probe.protocol,
            family=6 if ":" in probe.client.address else 4,
            first_seen=WHEN,
            last_seen=WHEN,
            service=rng.choice(["", *(f"{s.title}:{s.ports[0].port}" for s in cluster.services)]),
            connections=rng.randrange(4),
            received_packets=rng.randrange(3),
            denied=rng.randrange(2),
            initiator_known=rng.random() < 0.8,
        )
        for probe in probes
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_a_replay_of_all_edges_is_that_of_each(seed: int) -> None:
    rng = random.Random(seed)
    cluster = random_cluster(rng)
    policies = random_tiers(rng, random_policies(rng, cluster))
    edges = random_edges(rng, cluster)
    whole = replay(edges, policies, cluster, names=RESOLVED)
    single = [replay([edge], policies, cluster, names=RESOLVED) for edge in edges]
    assert (whole.judged, whole.uncertain) == (sum(s.judged for s in single), sum(s.uncertain for s in single))
    assert whole.connections == sum(one.connections for one in single)
    for what in ("broken", "already_denied", "unanswered"):
        mine = {(b.client, b.server, b.port, b.protocol, b.direction): b.connections for b in getattr(whole, what)}
        theirs: Counter[tuple[str, str, int, str, str]] = Counter()
        for one in (one for replayed in single for one in getattr(replayed, what)):
            theirs[one.client, one.server, one.port, one.protocol, one.direction] += one.connections
        assert mine == dict(theirs)
    unused = set(whole.unused_rules)
    assert unused == set.intersection(*(set(one.unused_rules) for one in single))


@pytest.mark.parametrize("dense", [0, 1 << 26])
def test_tables_and_sorting_give_the_same_kinds(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    cluster = random_cluster(rng)
    edges = random_edges(rng, cluster, 200)
    monkeypatch.setattr(module, "_DENSE", dense)
    monkeypatch.setattr(module, "_SPARSE", 1 << 24)
    found = list(kinds(recorded(edges), lambda end: end.address, np.zeros(len(edges), np.uint8)))
    judged = [edge for edge in edges if Kind.POD in (edge.client.kind, edge.server.kind)]
    assert sum(kind.rows for kind in found) == len(judged)
    assert sum(kind.edge.connections for kind in found) == sum(edge.connections for edge in judged)

    def look(edge: Edge, *, dropped: bool, unanswered: bool) -> tuple[object, ...]:
        ends = edge.client.address, edge.server.address
        return (*ends, edge.port, edge.protocol, edge.service, edge.initiator_known, dropped, unanswered)

    expected = {
        look(
            edge,
            dropped=edge.denied > 0 and edge.connections == 0,
            unanswered=edge.protocol == "TCP" and not edge.answered,
        )
        for edge in judged
    }
    assert {look(k.edge, dropped=k.dropped, unanswered=k.unanswered) for k in found} == expected
    assert len(found) == len(expected)


def test_nothing_to_judge() -> None:
    empty: Recorded = recorded([])
    assert list(kinds(empty, lambda end: end.address, np.zeros(0, np.uint8))) == []
    assert replay(empty, PolicySet(), Cluster()).judged == 0
