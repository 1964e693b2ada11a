"""Manifests read back as a policy that decides alike."""

import random

import msgspec
import pytest

from fairway.policy.decide import decide
from fairway.policy.manifest import manifest_of
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policies
from support.random_clusters import random_case


@pytest.mark.parametrize("seed", range(60))
def test_round_trip(seed: int) -> None:
    cluster, policies, probes = random_case(random.Random(seed))
    # A manifest cannot say that a policy isolates in no direction: without policyTypes it isolates ingress.
    written = [p for p in policies.policies if p.ingress is not None or p.egress is not None]
    manifests = [msgspec.json.decode(msgspec.json.encode(manifest_of(policy))) for policy in written]
    read = read_policies(("p.yaml", manifest) for manifest in manifests)
    assert [manifest_of(policy) for policy in read] == manifests
    for probe in probes:
        before, after = (
            decide(PolicySet(chosen, policies.posture), cluster.namespaces, *probe)
            for chosen in (tuple(written), read)
        )
        assert before == after
