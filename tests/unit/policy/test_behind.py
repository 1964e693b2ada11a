"""Service ports that are judged behind: those whose backends the plain evaluator judges differently, no others."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.behind import behind_rows
from fairway.policy.compile import compile_rules
from fairway.policy.decide import decide
from fairway.policy.directory import Directory
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policies
from fairway.policy.tables import Beside
from fairway.wire.endpoint import Kind
from fairway.wire.rules import FIRST_POLICY, WORLD, Row
from fairway.wire.words import PROTOCOL_NUMBERS, Direction, Mode, Slot, Verdict
from support.objects import cluster, node, pod, policy, service
from support.random_clusters import random_case


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_rows_and_decide_agree_on_random_clusters(seed: int) -> None:
    here, policies, _ = random_case(random.Random(seed))
    directory, compiled = Directory(here), compile_rules(here, policies, None)
    rows = {(r.policy, r.identity, r.protocol, r.low) for r in behind_rows(compiled, here, compiled.grants)}
    for subject in (one for one in compiled.subjects.values() if one.pod.addresses):
        number = subject.numbers[Slot.ACTIVE][Direction.EGRESS]
        for address, identity in compiled.identities.services.items():
            found = directory.service_at(address)
            for port in found.ports if found else ():
                backends = directory.backends(address, port.port, port.protocol)
                client = directory.at(subject.pod.addresses[0])
                assert client is not None
                verdicts = {
                    decide(policies, here.namespaces, client, end, number, port.protocol).egress.verdict
                    for end, number in backends
                    if end.address != client.address
                }
                row = (number, identity, PROTOCOL_NUMBERS[port.protocol], port.port)
                if verdicts == {Verdict.ALLOW, Verdict.DENY} and all(e.kind is not Kind.NODE for e, _ in backends):
                    assert row in rows
                elif row in rows:
                    assert client.address in {end.address for end, _ in backends}, "judged beside itself"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_nodes_table_says_the_same_in_its_own_numbers(seed: int) -> None:
    here, policies, _ = random_case(random.Random(seed))
    compiled = compile_rules(here, policies, None)
    whole = behind_rows(compiled, here, compiled.grants)
    by_policy = {one.pod.uid: one.numbers[Slot.ACTIVE][Direction.EGRESS] for one in compiled.subjects.values()}
    names = tuple((address, identity) for address, identity in compiled.identities.services.items())
    for place in sorted({one.node for one in here.pods}):
        table = compiled.table(place, 1, Mode.ENFORCE, Beside(names=names, behind=whole))
        exact = dict(table.exact)
        wanted = {
            (one.uid, address, row.protocol, row.low)
            for one in table.pods
            for address, identity in compiled.identities.services.items()
            for row in whole
            if (row.policy, row.identity) == (by_policy[one.uid], identity)
        }
        found = {
            (one.uid, address, row.protocol, row.low)
            for one in table.pods
            for address in compiled.identities.services
            for row in table.behind
            if (row.policy, row.identity) == (one.active[Direction.EGRESS], exact.get(address, WORLD))
        }
        assert found == wanted
        assert dict(table.names) == {address: exact[address] for address, _ in names if exact.get(address)}


PLACES = [
    node("n1", "10.0.1.10"),
    pod("a/client", "10.0.1.1", labels={"app": "client"}),
    pod("a/old", "10.0.1.2", labels={"app": "web", "track": "old", "mixed": "yes"}, ports={"http": 8080}),
    pod("a/new", "10.0.1.3", labels={"app": "web", "track": "new"}, ports={"http": 8080}),
    pod("a/host", "10.0.1.10", labels={"mixed": "yes"}, ports={"http": 8080}, host_network=True),
]
OLD = {"to": [{"podSelector": {"matchLabels": {"track": "old"}}}], "ports": [{"port": 8080}]}
WEB = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 8080}]}


@pytest.mark.parametrize(
    ("egress", "selector", "behind"),
    [
        ([OLD], {"app": "web"}, True),
        ([WEB], {"app": "web"}, False),
        ([], {"app": "web"}, False),
        ([OLD], {"track": "old"}, False),
        ([OLD], {"track": "new"}, False),
        ([OLD], {"mixed": "yes"}, False),  # one is on a node itself: nobody would see it once more
        ([OLD], {"app": "none"}, False),
    ],
)
def test_by_example(egress: list[object], selector: dict[str, str], behind: bool) -> None:
    here = cluster(*PLACES, service("a/web", "10.96.0.80", selector=selector))
    spec = {"podSelector": {"matchLabels": {"app": "client"}}, "egress": egress, "policyTypes": ["Egress"]}
    policies = PolicySet(read_policies([("p.yaml", policy("a/client", **spec))]))
    compiled = compile_rules(here, policies, None)
    front = compiled.identities.of("10.96.0.80")
    expected = (Row(FIRST_POLICY, front, Direction.EGRESS, 6, 80, 80, 0),) if behind else ()
    assert behind_rows(compiled, here, compiled.grants) == expected
    assert behind_rows(compiled, here, ()) == ()
