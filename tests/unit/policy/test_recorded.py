"""Edges as columns and back."""

import random

import numpy as np

from fairway.policy.model import PolicySet
from fairway.policy.recorded import recorded
from fairway.policy.replay import replay
from fairway.wire.words import Posture
from support.objects import cluster, edge, pod

SHUT = PolicySet((), Posture.DENY)
PLACE = cluster(pod("a/p", "10.0.0.1"), pod("a/q", "10.0.0.2"))


def test_an_edge_comes_back_with_what_a_replay_needs() -> None:
    given = edge(PLACE, "10.0.0.1", "10.0.0.2", 80, denied=1, connections=0, received_packets=0)
    rows = recorded([given, edge(PLACE, "10.0.0.2", "192.0.2.1", 53, protocol="UDP", service="a/dns:53")])
    back, other = rows.edges()
    for name in ("client", "server", "port", "protocol", "family", "last_seen", "service", "connections"):
        assert getattr(back, name) == getattr(given, name)
    assert (back.answered, back.denied > 0, other.answered, other.denied) == (False, True, True, 0)
    assert other.service == "a/dns:53"
    assert len(rows.ends) == len({*rows.client.tolist(), *rows.server.tolist()})


def test_a_protocol_without_a_name_is_its_number() -> None:
    rows = recorded([edge(PLACE, "10.0.0.1", "10.0.0.2", 0, protocol="47")])
    assert (rows.protocol.tolist(), next(rows.edges()).protocol) == ([47], "47")


def test_columns_are_replayed_as_edges_are() -> None:
    rng = random.Random(1)
    edges = [edge(PLACE, "10.0.0.1", "10.0.0.2", rng.randrange(1, 9), connections=n) for n in range(50)]
    rows = recorded(edges)
    chosen = rows.only(np.arange(50) < 10)
    assert replay(chosen, SHUT, PLACE) == replay(edges[:10], SHUT, PLACE)
    assert len(chosen) == 10
