"""The compiled rows answer as the plain evaluator does; tables are complete, canonical and deterministic."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.compile import Compiled, compile_rules
from fairway.policy.decide import decide, decide_service
from fairway.policy.directory import Directory
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.read import read_policies
from fairway.policy.settle import settle
from fairway.wire.endpoint import Kind
from fairway.wire.rules import ANY, CLOSED, FIRST_POLICY, OPEN, UNUSED, WORLD, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode, Posture, Slot, Verdict
from support.objects import cluster, node, pod, policy, service
from support.random_clusters import RESOLVED, Probe, random_case, random_policies, random_tiers


def plain(policies: PolicySet, cluster: Cluster, probe: Probe) -> tuple[Verdict, Verdict]:
    client, server, port, protocol = probe
    if server.kind is Kind.SERVICE:
        decided = decide_service(policies, Directory(cluster), client, server.address, port, protocol)
        return decided.egress.verdict, Verdict.UNJUDGED
    decision = decide(policies, cluster.namespaces, client, server, port, protocol)
    return decision.egress.verdict, decision.ingress.verdict


def agree(compiled: Compiled, slot: Slot, policies: PolicySet, cluster: Cluster, probes: list[Probe]) -> None:
    for probe in probes:
        assert compiled.verdict(slot, *probe) == plain(policies, cluster, probe), probe


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_rows_and_decide_agree_on_random_clusters(seed: int) -> None:
    rng = random.Random(seed)
    cluster, active, probes = random_case(rng)
    staged = random_policies(rng, cluster)
    compiled = compile_rules(cluster, active, staged)
    agree(compiled, Slot.ACTIVE, active, cluster, probes)
    agree(compiled, Slot.STAGED, staged, cluster, probes)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_rows_and_decide_agree_on_random_tiers(seed: int) -> None:
    rng = random.Random(seed)
    cluster, active, probes = random_case(rng, tiers=True)
    staged = random_tiers(rng, random_policies(rng, cluster))
    compiled = compile_rules(cluster, active, staged, RESOLVED)
    agree(compiled, Slot.ACTIVE, settle(active, cluster.nodes, RESOLVED), cluster, probes)
    agree(compiled, Slot.STAGED, settle(staged, cluster.nodes, RESOLVED), cluster, probes)


def rows(*objects: dict[str, Any], policies: list[dict[str, Any]], **more: Any) -> Compiled:
    chosen = PolicySet(read_policies(("p.yaml", o) for o in policies))
    return compile_rules(cluster(*objects), chosen, more.get("staged"))


def table(compiled: Compiled, on: str = "n1") -> RuleTable:
    return compiled.table(on, 7, Mode.ENFORCE)


PLACES = [
    node("n1", "10.0.1.10", "fd00::10"),
    node("n2", "10.0.2.10"),
    pod("a/p", "10.0.1.1", labels={"app": "p"}, ports={"web": 80}),
    pod("a/q", "10.0.1.2", labels={"app": "q"}, ports={"web": 81}),
    pod("a/r", "10.0.2.3", labels={"app": "p"}, on="n2"),
    pod("a/done", "10.0.1.4", phase="Failed"),
    pod("a/host", "10.0.1.10", host_network=True),
]
FROM_Q = {"from": [{"podSelector": {"matchLabels": {"app": "q"}}}], "ports": [{"port": 80}, {"port": 81}]}
ALL_IN = policy("a/all", ingress=[FROM_Q])


def test_a_table_holds_its_nodes_pods_and_their_rows_only() -> None:
    compiled = rows(*PLACES, policies=[ALL_IN, policy("a/r", podSelector={"matchLabels": {"app": "none"}})])
    found = table(compiled)
    number = FIRST_POLICY
    mode = (Mode.ENFORCE, Mode.ENFORCE)
    assert found.pods == tuple(PodRules(uid, (number, OPEN), (UNUSED, UNUSED), mode) for uid in ("a/p", "a/q"))
    assert found.local == ("10.0.1.10", "fd00::10")
    assert (found.revision, found.posture, found.rules) == (7, Posture.ALLOW, ("", "a/all ingress[0]"))
    q = dict(found.exact)["10.0.1.2"]
    assert found.rows == (Row(number, q, Direction.INGRESS, 6, 80, 81, 1),)
    assert [address for address, _ in found.exact] == ["10.0.1.2"]


def test_pods_share_a_number_unless_their_own_names_are_used() -> None:
    def numbers(port: object) -> list[int]:
        compiled = rows(*PLACES, policies=[policy("a/all", ingress=[{"ports": [{"port": port}]}])])
        return [compiled.subjects[uid].numbers[Slot.ACTIVE][Direction.INGRESS] for uid in ("a/p", "a/q")]

    assert len(set(numbers(80))) == 1
    assert len(set(numbers("web"))) == 2


def test_rows_say_nothing_twice() -> None:
    peers = {"from": [{"podSelector": {}}], "ports": [{"port": 80}, {"port": 82}]}
    wide = {"ports": [{"port": 80, "endPort": 81}]}
    every = {"from": [{"podSelector": {"matchLabels": {"app": "q"}}}]}
    found = table(rows(*PLACES, policies=[policy("a/all", ingress=[peers, wide, every])]))
    pods, q = (dict(found.exact)[address] for address in ("10.0.1.1", "10.0.1.2"))
    assert dict(found.exact)["10.0.2.3"] == pods
    assert sorted(row[1:6] for row in map(msgspec.structs.astuple, found.rows)) == sorted(
        [(ANY, 0, 6, 80, 81), (pods, 0, 6, 82, 82), (q, 0, 0, 0, 65535)]
    )


def test_the_slots_are_numbered_apart_and_share_equal_groups() -> None:
    staged = PolicySet(read_policies([("p.yaml", ALL_IN)]), Posture.DENY)
    subject = rows(*PLACES, policies=[ALL_IN], staged=staged).subjects["a/p"]
    assert subject.numbers == ((FIRST_POLICY, OPEN), (FIRST_POLICY, CLOSED))
    nothing = compile_rules(cluster(*PLACES), None, None).subjects["a/p"]
    assert nothing.numbers == ((UNUSED, UNUSED), (UNUSED, UNUSED))


def test_the_same_objects_in_any_order_make_the_same_table() -> None:
    policies = [ALL_IN, policy("a/out", egress=[{"ports": [{"port": "web"}]}])]
    first = table(rows(*PLACES, policies=policies))
    assert table(rows(*reversed(PLACES), policies=policies)) == first
    assert msgspec.json.decode(msgspec.json.encode(first), type=RuleTable) == first


def test_a_rule_for_all_destinations_names_them_where_a_service_would_open_too_much() -> None:
    places = [*PLACES, service("a/s", "10.96.0.1", selector={"app": "q"}, ports=[{"port": 80, "targetPort": 81}])]
    found = table(rows(*places, policies=[policy("a/out", egress=[{"ports": [{"port": 79, "endPort": 80}]}])]))
    assert {(row.identity, row.low, row.high) for row in found.rows} == {(ANY, 79, 79), (WORLD, 80, 80)}
    assert [address for address, _ in found.exact] == ["10.96.0.1"]
    assert found.exact[0][1] != WORLD
