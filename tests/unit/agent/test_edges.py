"""Edges are never cut: what neither the top nor an event told is told once, by whose it is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fairway.agent.config import Rank
from fairway.agent.edges import KnownEdges, edges_of, ranked
from fairway.wire.batch import EDGE, RECORD
from fairway.wire.rules import NodePod


def rows(*ports: int, pod: int = 0, **columns: object) -> NDArray[np.void]:
    made = np.zeros(len(ports), RECORD)
    made["port"], made["pod"], made["protocol"] = ports, pod, 6
    for name, values in columns.items():
        made[name] = values
    return made


PODS = [NodePod("uid-a", "n", "a", ()), NodePod("uid-b", "n", "b", ())]


def test_each_is_fresh_once() -> None:
    known = KnownEdges()
    assert len(known.fresh(rows(80, 443, 80), PODS)) == 2
    assert known.fresh(rows(80, 5432, 443), PODS).tolist() == [1]
    assert known.fresh(rows(), PODS).tolist() == []
    assert len(known) == 3


@pytest.mark.parametrize(
    "column", ["verdict", "staged", "reason", "initiator", "remote_address", "port", "protocol"]
)
def test_who_and_how_judged_make_another_edge(column: str) -> None:
    known = KnownEdges()
    known.fresh(rows(80), PODS)
    value = np.frombuffer(b"x" * 16, "V16")[0] if column == "remote_address" else 99
    assert known.fresh(rows(80, **{column: value}), PODS).tolist() == [0]


def test_counters_times_and_numbers_of_rules_do_not() -> None:
    known = KnownEdges()
    known.fresh(rows(80), PODS)
    same = rows(80, tx_bytes=5, verdict_rule=7, first_us=9, last_us=9, kind=EDGE)
    assert known.fresh(same, PODS).tolist() == []


def test_a_pod_keeps_its_edges_when_its_place_changes_and_inherits_none() -> None:
    known = KnownEdges()
    known.fresh(rows(80, pod=1), PODS)
    assert known.fresh(rows(80, pod=0), PODS[1:]).tolist() == [], "the same pod, now the first"
    newcomer = NodePod("uid-c", "n", "a", ())
    assert known.fresh(rows(80, pod=0), [newcomer]).tolist() == [0], "another pod in the same place"


def test_memory_is_bounded_and_beyond_it_all_are_told_again() -> None:
    known = KnownEdges(limit=3)
    assert len(known.fresh(rows(1, 2, 3), PODS)) == 3
    assert len(known.fresh(rows(4), PODS)) == 1
    assert len(known) == 1
    assert known.fresh(rows(1, 4), PODS).tolist() == [0]
    assert len(known.fresh(rows(*range(10, 20)), PODS)) == 10
    assert len(known) <= 3


def test_an_edge_has_no_counters() -> None:
    full = rows(
        80, pod=1, initiator=1, tx_bytes=5, rx_packets=6, connections=7, verdict=1, verdict_rule=3, first_us=4
    )
    assert edges_of(full).tolist() == rows(80, pod=1, initiator=1, verdict=1, first_us=4, kind=EDGE).tolist()


@pytest.mark.parametrize(
    ("rank", "order"),
    [(Rank.BYTES, [3, 1, 2, 0]), (Rank.PACKETS, [1, 2, 3, 0]), (Rank.RETRANSMISSIONS, [2, 3, 1, 0])],
)
def test_ranked_by_choice_ties_by_bytes(rank: Rank, order: list[int]) -> None:
    some = rows(
        1,
        2,
        3,
        4,
        tx_bytes=[0, 40, 30, 10],
        rx_bytes=[1, 0, 0, 90],
        tx_packets=[0, 5, 4, 1],
        retransmissions=[0, 0, 2, 1],
    )
    assert ranked(some, rank, 10).tolist() == order
    assert ranked(some, rank, 2).tolist() == order[:2]
    assert ranked(some, rank, 0).tolist() == []
