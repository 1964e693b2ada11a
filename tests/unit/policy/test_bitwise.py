"""The judge of small clusters against the specification's words and the compiled rows."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.bitwise import Bitwise
from fairway.policy.compile import compile_rules
from fairway.policy.decide import decide, decide_service
from fairway.policy.directory import Directory
from fairway.policy.model import Cluster
from fairway.policy.settle import settle
from fairway.wire.endpoint import Kind
from fairway.wire.words import Slot, Verdict
from support.random_clusters import RESOLVED, Probe, random_case


def open_at(bitwise: Bitwise, probe: Probe) -> bool:
    opened = bitwise.opened(bitwise.end(probe.client.address), bitwise.end(probe.server.address))
    return bool(opened & bitwise.doors.at(probe.protocol, probe.port))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_it_agrees_with_decide_and_with_the_rows(seed: int, tiers: bool) -> None:
    cluster, policies, probes = random_case(random.Random(seed), tiers=tiers)
    settled = settle(policies, cluster.nodes, RESOLVED)
    bitwise, compiled = Bitwise(cluster, settled), compile_rules(cluster, policies, None, RESOLVED)
    directory = Directory(cluster)
    for probe in probes:
        client, server, *what = probe
        if server.kind is Kind.SERVICE:
            decision = decide_service(settled, directory, client, server.address, *what)
            assert open_at(bitwise, probe) == (decision.allowed and not decision.refusing), probe
            continue
        assert open_at(bitwise, probe) == decide(settled, cluster.namespaces, *probe).allowed, probe
        assert open_at(bitwise, probe) == (Verdict.DENY not in compiled.verdict(Slot.ACTIVE, *probe)), probe


def test_nobody_there() -> None:
    _, policies, _ = random_case(random.Random(1))
    bitwise = Bitwise(Cluster(), policies)
    assert bitwise.opened(bitwise.end("192.0.2.1"), bitwise.end("192.0.2.2")) == bitwise.doors.every
