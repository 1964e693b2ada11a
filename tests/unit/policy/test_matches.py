"""Matches gives the verdicts and the rules of the plain evaluator."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.decide import OWN_ADDRESS, OWN_NODE, Attempt, decide
from fairway.policy.matches import Matches
from fairway.policy.settle import settle
from fairway.wire.endpoint import Kind
from support.random_clusters import RESOLVED, random_case


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32))
def test_matches_and_decide_agree_on_random_clusters(seed: int) -> None:
    rng = random.Random(seed)
    cluster, policies, probes = random_case(rng, tiers=rng.random() < 0.7)
    policies = settle(policies, cluster.nodes, RESOLVED)
    matches = Matches(policies, cluster)
    for probe in probes:
        if probe.server.kind is Kind.SERVICE:
            continue
        whole = decide(policies, cluster.namespaces, *probe)
        rules = matches.allowed(Attempt(*probe))
        assert (rules is not None) is whole.allowed, probe
        near = decide(matches.near(probe.client, probe.server), cluster.namespaces, *probe)
        assert near == whole
        if rules is not None:
            said = {*whole.egress.matched, *whole.ingress.matched} - {OWN_ADDRESS, OWN_NODE}
            assert set(rules) == said, probe
