"""Grants of single rules and of several together."""

from typing import Any

from fairway.policy.grants import SHUT, Grant
from fairway.policy.identities import Identities
from fairway.policy.intervals import EVERY_PORT, Span
from fairway.policy.read import read_policies
from fairway.policy.rows import RowMaker
from fairway.policy.vocabulary import Vocabulary
from fairway.wire.endpoint import NamedPort
from fairway.wire.words import Direction
from support.objects import cluster, pod, policy

PODS = (pod("a/p", "10.0.0.1", labels={"app": "p"}, ports={"web": 80}), pod("a/q", "10.0.0.2", ports={"web": 81}))


def made(
    direction: Direction, *rules: dict[str, Any], own: tuple[NamedPort, ...] = (), only: str = ""
) -> tuple[Grant, Identities]:
    (read,) = read_policies([("p.yaml", policy("a/p", **{direction.name.lower(): list(rules)}))])
    vocabulary = Vocabulary()
    vocabulary.learn(read)
    identities = Identities(cluster(*PODS), vocabulary)
    numbered = [(i, "a", rule) for i, rule in enumerate(read.ingress or read.egress or (), start=1)]
    chosen = {identities.of(only)} if only else None
    return RowMaker(identities, vocabulary).grant(numbered, direction, own, chosen), identities


def tcp(*spans: tuple[int, int, int]) -> tuple[object, ...]:
    return (tuple(Span(*span) for span in spans), (), (), ())


def test_np18_names_are_the_subjects_in_ingress_and_the_peers_in_egress() -> None:
    rule = {"ports": [{"port": "web"}]}
    ingress, _ = made(Direction.INGRESS, rule, own=(NamedPort("web", "TCP", 8080),))
    assert ingress == Grant(tcp((8080, 8080, 1)), {})
    egress, identities = made(Direction.EGRESS, rule)
    p, q = identities.of("10.0.0.1"), identities.of("10.0.0.2")
    assert egress == Grant(SHUT, {p: tcp((80, 80, 1)), q: tcp((81, 81, 1))})


P = {"podSelector": {"matchLabels": {"app": "p"}}}


def test_what_all_may_is_part_of_what_some_may() -> None:
    found, identities = made(Direction.EGRESS, {"to": [P], "ports": [{"port": 80}]}, {"ports": [{"port": 81}]})
    assert found == Grant(tcp((81, 81, 2)), {identities.of("10.0.0.1"): tcp((80, 80, 1), (81, 81, 2))})


def test_the_first_rule_names_a_port_and_nothing_is_said_twice() -> None:
    found, identities = made(Direction.EGRESS, {"to": [P], "ports": [{"port": 81}]}, {"ports": [{"port": 81}]})
    assert found.default == tcp((81, 81, 2))
    assert found.rule(identities.of("10.0.0.1"), 0, 81) == 1
    assert found.rule(identities.of("10.0.0.2"), 0, 81) == 2


def test_a_rule_without_ports_opens_every_column() -> None:
    found, identities = made(Direction.INGRESS, {"from": [P]})
    every = tuple(span._replace(rule=1) for span in EVERY_PORT)
    assert found == Grant(SHUT, {identities.of("10.0.0.1"): (every,) * 4})


def test_only_some_identities_are_looked_at() -> None:
    rules = ({"to": [{"podSelector": {}}], "ports": [{"port": "web"}]}, {"ports": [{"port": 81}]})
    whole, identities = made(Direction.EGRESS, *rules)
    part, _ = made(Direction.EGRESS, *rules, only="10.0.0.2")
    q = identities.of("10.0.0.2")
    assert q not in whole.own or part.own == {q: whole.own[q]}
    assert part.default == whole.default
    assert identities.of("10.0.0.1") not in part.own
