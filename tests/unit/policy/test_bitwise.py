"""The judge of small clusters against the specification's words and the compiled rows."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.bitwise import Bitwise
from fairway.policy.compile import compile_rules
from fairway.policy.decide import decide
from fairway.policy.model import Cluster
from fairway.policy.settle import settle
from fairway.wire.words import Slot, Verdict
from support.random_clusters import RESOLVED, Probe, random_case


def open_at(bitwise: Bitwise, probe: Probe) -> bool:
    opened = bitwise.opened(bitwise.end(probe.client.address), bitwise.end(probe.server.address))
    return bool(opened & bitwise.doors.at(probe.protocol, probe.port))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_it_agrees_with_decide_and_with_the_rows(seed: int, tiers: bool) -> None:
    cluster, policies, probes = random_case(random.Random(seed), tiers=tiers)
    given_names = replace(cluster, services=())
    settled = settle(policies, cluster.nodes, RESOLVED)
    bitwise, compiled = Bitwise(given_names, settled), compile_rules(given_names, policies, None, RESOLVED)
    services = {address for service in cluster.services for address in service.addresses}
    for probe in probes:
        if probe.server.address not in services:
            decision = decide(settled, cluster.namespaces, *probe)
            verdicts = compiled.verdict(Slot.ACTIVE, *probe)
            assert open_at(bitwise, probe) == decision.allowed, probe
            assert open_at(bitwise, probe) == (Verdict.DENY not in verdicts), probe


def test_nobody_there() -> None:
    _, policies, _ = random_case(random.Random(1))
    bitwise = Bitwise(Cluster(), policies)
    assert bitwise.opened(bitwise.end("192.0.2.1"), bitwise.end("192.0.2.2")) == bitwise.doors.every
