"""The compiled rows answer as the plain evaluator does; tables are complete, canonical and deterministic."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.compile import Compiled, compile_rules
from fairway.policy.decide import decide, decide_service
from fairway.policy.directory import Directory
from fairway.policy.model import Cluster, PolicySet
from fairway.wire.endpoint import Kind
from fairway.wire.words import Slot, Verdict
from support.random_clusters import Probe, random_case, random_policies


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
