"""Every pair of ends that `decide` judges differently under two policy sets is a difference, and no other is."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.compile import compile_rules
from fairway.policy.decide import decide, decide_service
from fairway.policy.differences import Difference, differences
from fairway.policy.directory import Directory
from fairway.policy.ends import End, find_ends
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.reach import opens
from fairway.wire.endpoint import Kind
from fairway.wire.words import Verdict
from support.random_clusters import PORTS, PROTOCOLS, Probe, random_case, random_policies, random_probe


def end_of(ends: list[End], address: str, identity: int) -> End:
    held = [end for end in ends if address in {member.address for member in end.members}]
    family = 6 if ":" in address else 4
    return held[0] if held else next(
        e for e in ends if (e.kind, e.family, e.identity) == (Kind.EXTERNAL, family, identity)
    )  # fmt: skip


def judged(cluster: Cluster, policies: PolicySet, probe: Probe) -> bool:
    client, server, port, protocol = probe
    return decide(policies, cluster.namespaces, client, server, port, protocol).allowed


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_differences_and_decide_agree_on_random_clusters(seed: int) -> None:
    rng = random.Random(seed)
    cluster, old, probes = random_case(rng, probes=120)
    new = random_policies(rng, cluster)
    compiled = compile_rules(cluster, old, new)
    ends = find_ends(cluster, compiled)
    found: dict[tuple[End, End], list[Difference]] = {}
    for difference in differences(cluster, compiled, ends):
        found.setdefault((difference.client, difference.server), []).append(difference)
    for probe in probes:
        client, server, port, protocol = probe
        kinds = (client.kind, server.kind)
        if Kind.SERVICE in kinds or Kind.POD not in kinds or client.address == server.address:
            continue
        if client.kind is Kind.NODE and client.node == server.node:
            continue
        pair = tuple(end_of(ends, e.address, compiled.identities.of(e.address)) for e in (client, server))
        told = {d.gained for d in found.get(pair, ()) if opens(d.ports, port, protocol)}
        was, now = (judged(cluster, policies, probe) for policies in (old, new))
        assert told == (set() if was == now else {now}), probe


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_a_set_does_not_differ_from_itself_in_another_order(seed: int) -> None:
    rng = random.Random(seed)
    cluster, old, _ = random_case(rng, probes=0)
    shuffled = list(old.policies)
    rng.shuffle(shuffled)
    compiled = compile_rules(cluster, old, PolicySet(tuple(shuffled), old.posture))
    assert differences(cluster, compiled, find_ends(cluster, compiled)) == []


def test_random_probes_reach_every_port_the_clusters_use() -> None:
    rng = random.Random(5)
    probes = [random_probe(rng, random_case(rng, probes=0)[0]) for _ in range(400)]
    assert {(p.port, p.protocol) for p in probes} >= {(port, name) for port in PORTS for name in PROTOCOLS}


def reached(cluster: Cluster, policies: PolicySet, probe: Probe) -> int:
    """How many backends the client reaches by the Service."""
    client, server, port, protocol = probe
    directory = Directory(cluster)
    if not decide_service(policies, directory, client, server.address, port, protocol).allowed:
        return 0
    backends = directory.backends(server.address, port, protocol)
    decisions = [decide(policies, cluster.namespaces, client, end, own, protocol) for end, own in backends]
    return sum(decision.ingress.verdict is not Verdict.DENY for decision in decisions)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_service_that_reaches_more_or_fewer_backends_is_told(seed: int) -> None:
    rng = random.Random(seed)
    cluster, old, _ = random_case(rng, probes=0)
    new = random_policies(rng, cluster)
    compiled = compile_rules(cluster, old, new)
    ends = find_ends(cluster, compiled)
    found = differences(cluster, compiled, ends)
    for client in (end for end in ends if end.kind is Kind.POD):
        if len(client.members) != 1:
            continue  # one of several may be a backend itself, which its own rules then judge otherwise
        for service in (end for end in ends if end.kind is Kind.SERVICE and end.family == client.family):
            known = Directory(cluster).service_at(service.members[0].address)
            for port in known.ports if known else ():
                probe = Probe(client.members[0], service.members[0], port.port, port.protocol)
                was, now = (reached(cluster, policies, probe) for policies in (old, new))
                name = f"{service.members[0].namespace}/{service.members[0].name}:{port.port}"
                told = {
                    d.gained
                    for d in found
                    if d.client is client
                    and ((d.server is service and opens(d.ports, port.port, port.protocol)) or name in d.through)
                }
                assert told == (set() if was == now else {now > was}), probe
