"""Batches of connections get the verdicts that the compiled rows give one by one."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.compile import compile_rules
from fairway.policy.lookups import EGRESS_DENIED, INGRESS_DENIED, Lookups
from fairway.policy.model import Cluster
from fairway.wire.words import PROTOCOL_NUMBERS, Slot, Verdict
from support.random_clusters import (
    RESOLVED,
    WORLD,
    Probe,
    random_cluster,
    random_policies,
    random_probe,
    random_tiers,
)


def addresses(cluster: Cluster) -> list[str]:
    held = [a for pod in cluster.pods for a in pod.addresses]
    held += [a for node in cluster.nodes for a in node.addresses]
    return list(dict.fromkeys([*held, *(a for service in cluster.services for a in service.addresses), *WORLD]))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_batches_and_single_verdicts_agree(seed: int) -> None:
    rng = random.Random(seed)
    cluster = random_cluster(rng)
    policies = [random_tiers(rng, random_policies(rng, cluster)) for _ in Slot]
    compiled = compile_rules(cluster, *policies, RESOLVED)
    listed = addresses(cluster)
    probes = [random_probe(rng, cluster) for _ in range(60)]
    probes += [Probe(probe.client, probe.client, probe.port, probe.protocol) for probe in probes[:5]]
    columns = [
        np.array([listed.index(probe.client.address) for probe in probes]),
        np.array([listed.index(probe.server.address) for probe in probes]),
        np.array([probe.port for probe in probes], np.uint16),
        np.array([PROTOCOL_NUMBERS[probe.protocol] for probe in probes], np.uint8),
    ]
    for slot in Slot:
        lookups = Lookups(compiled, slot)
        found = lookups.denied(lookups.ends(listed), *columns)
        expected = [compiled.verdict(slot, *probe) for probe in probes]
        assert [bool(answer & EGRESS_DENIED) for answer in found] == [e is Verdict.DENY for e, _ in expected]
        assert [bool(answer & INGRESS_DENIED) for answer in found] == [i is Verdict.DENY for _, i in expected]


def test_a_batch_may_be_empty_and_longer_than_what_is_judged_at_a_time() -> None:
    rng = random.Random(4)
    cluster = random_cluster(rng)
    lookups = Lookups(compile_rules(cluster, random_policies(rng, cluster), None))
    listed = addresses(cluster)
    ends = lookups.ends(listed)
    for count in (0, 1, 50_000):
        chance = np.random.default_rng(4)
        pairs = chance.integers(0, len(listed), (2, count))
        ports, protocols = chance.integers(0, 65536, count), chance.choice([1, 6, 17, 58, 132], count)
        found = lookups.denied(ends, *pairs, ports, protocols)
        order = chance.permutation(count)
        again = lookups.denied(ends, *pairs[:, order], ports[order], protocols[order])
        assert len(found) == count
        assert (found[order] == again).all()
