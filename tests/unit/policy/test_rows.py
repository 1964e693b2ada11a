"""Rows of single rules, and the kernel's order of look-ups."""

from typing import Any

import pytest

from fairway.policy.identities import Identities, Vocabulary
from fairway.policy.intervals import Span
from fairway.policy.read import read_policies
from fairway.policy.rows import Allowance, RowMaker, allowing_rule, canonical, narrowed
from fairway.wire.endpoint import NamedPort
from fairway.wire.rules import ANY, WORLD
from fairway.wire.words import Direction
from support.objects import cluster, pod, policy

PODS = (pod("a/p", "10.0.0.1", labels={"app": "p"}, ports={"web": 80}), pod("a/q", "10.0.0.2", ports={"web": 81}))


def made(
    direction: Direction, rule: dict[str, Any], own: tuple[NamedPort, ...] = ()
) -> tuple[Allowance, Identities]:
    (read,) = read_policies([("p.yaml", policy("a/p", **{direction.name.lower(): [rule]}))])
    vocabulary = Vocabulary()
    vocabulary.learn(read)
    identities = Identities(cluster(*PODS), vocabulary)
    rules = (read.ingress if direction is Direction.INGRESS else read.egress) or ()
    return RowMaker(identities, vocabulary).allowance([(1, "a", rules[0])], direction, own), identities


def test_np18_names_are_the_subjects_in_ingress_and_the_peers_in_egress() -> None:
    rule = {"ports": [{"port": "web"}]}
    ingress, _ = made(Direction.INGRESS, rule, (NamedPort("web", "TCP", 8080),))
    assert ingress == {(ANY, 6): (Span(8080, 8080, 1),)}
    egress, identities = made(Direction.EGRESS, rule)
    p, q = identities.of("10.0.0.1"), identities.of("10.0.0.2")
    assert egress == {(p, 6): (Span(80, 80, 1),), (q, 6): (Span(81, 81, 1),)}


@pytest.mark.parametrize(
    ("identity", "protocol", "port", "rule"),
    [(5, 6, 80, 1), (5, 6, 81, 3), (5, 17, 80, 2), (7, 6, 81, 3), (7, 17, 80, None), (WORLD, 6, 82, None)],
)
def test_what_the_kernel_finds(identity: int, protocol: int, port: int, rule: int | None) -> None:
    allowance: Allowance = {
        (5, 6): (Span(80, 80, 1),),
        (5, 17): (Span(80, 90, 2),),
        (ANY, 6): (Span(80, 81, 3),),
    }
    assert allowing_rule(allowance, identity, protocol, port) == rule


def test_canonical_says_nothing_twice() -> None:
    allowance: Allowance = {
        (5, 6): (Span(80, 90, 1),),
        (5, 0): (Span(0, 65535, 2),),
        (7, 6): (Span(80, 90, 1),),
        (ANY, 6): (Span(85, 86, 3),),
    }
    assert canonical(allowance) == {
        (5, 0): (Span(0, 65535, 2),),
        (7, 6): (Span(80, 84, 1), Span(87, 90, 1)),
        (ANY, 6): (Span(85, 86, 3),),
    }


def test_narrowed_keeps_the_port_for_everyone_else() -> None:
    found = narrowed({(ANY, 6): (Span(80, 82, 1),)}, {(6, 81): {2}}, range(4))
    assert found == {
        (ANY, 6): (Span(80, 80, 1), Span(82, 82, 1)),
        (0, 6): (Span(81, 81, 1),),
        (1, 6): (Span(81, 81, 1),),
        (3, 6): (Span(81, 81, 1),),
    }
