"""The kernel and the plain evaluator agree: random small clusters, every probe as a real frame."""

import itertools
import os
import random
from collections.abc import Iterator

import numpy as np
import pytest

from fairway.agent.kernel import Kernel
from fairway.agent.obey import Enforcement
from fairway.policy.compile import Compiled, compile_rules
from fairway.policy.decide import Judgement, decide, decide_service
from fairway.policy.directory import Directory
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.settle import settle
from fairway.wire.address import family, packed
from fairway.wire.endpoint import Kind
from fairway.wire.words import PROTOCOL_NUMBERS, Direction, Mode, Verdict
from support import frames
from support.pod import LOOPBACK, PASS
from support.random_clusters import RESOLVED, Probe, random_case, random_policies, random_tiers

PROBES = int(os.environ.get("FAIRWAY_PROBES", "12000"))
SEEDS = 12
_client_ports = itertools.cycle(range(20000, 60000))


def judgements(
    cluster: Cluster, directory: Directory, policies: PolicySet, probe: Probe
) -> tuple[Judgement, Judgement]:
    """Egress and ingress by the plain evaluator."""
    if probe.server.kind is Kind.SERVICE:
        service = decide_service(
            policies, directory, probe.client, probe.server.address, probe.port, probe.protocol
        )
        return service.egress, Judgement(Verdict.UNJUDGED)
    decision = decide(policies, cluster.namespaces, *probe)
    return decision.egress, decision.ingress


def ask_kernel(kernel: Kernel, direction: Direction, probe: Probe) -> tuple[bool, tuple[int, int]]:
    """Whether the first packet passes, and what both slots say, read back from the tables."""
    number, port = PROTOCOL_NUMBERS[probe.protocol], next(_client_ports)
    content = frames.transport(number, port, probe.port)
    frame = frames.ip(probe.client.address, probe.server.address, number, content)
    program = "fairway_from_pod" if direction is Direction.EGRESS else "fairway_to_pod"
    passed = kernel.run(program, frame) == PASS
    local, remote = (port, probe.port) if direction is Direction.EGRESS else (probe.port, port)
    if number in (frames.ICMP, frames.ICMPV6):
        local, remote = port, 0
    other = packed((probe.server if direction is Direction.EGRESS else probe.client).address)
    flows, denials = kernel.tables["flows"], kernel.tables["denials"]
    key = np.array([(LOOPBACK, local, remote, family(other), number, 0, other)], flows.key)
    value = flows.get(key) if passed else denials.get(key)
    assert value is not None
    return passed, tuple(value["verdict"][0].tolist())


def sides(compiled: Compiled, probe: Probe) -> Iterator[tuple[Direction, str, str]]:
    """The pods that see the probe: direction, uid and node."""
    if probe.client.address == probe.server.address:
        return  # never reaches the wire
    for direction, end in ((Direction.EGRESS, probe.client), (Direction.INGRESS, probe.server)):
        subject = compiled.holders.get(end.address)
        if end.kind is Kind.POD and subject is not None:
            yield direction, subject.pod.uid, subject.pod.node


@pytest.mark.parametrize("seed", range(SEEDS))
def test_kernel_and_decide_agree(kernel: Kernel, seed: int) -> None:
    compare(kernel, seed, PROBES / SEEDS, tiers=False)


@pytest.mark.parametrize("seed", range(100, 104))
def test_kernel_and_decide_agree_on_tiers(kernel: Kernel, seed: int) -> None:
    compare(kernel, seed, PROBES / SEEDS, tiers=True)


def compare(kernel: Kernel, seed: int, probes_wanted: float, *, tiers: bool) -> None:
    rng = random.Random(seed)
    enforcement, asked, held = Enforcement(kernel), 0, ("", 0)
    for case in itertools.count():
        cluster, active, probes = random_case(rng, tiers=tiers)
        staged = random_policies(rng, cluster)
        if tiers:
            staged = random_tiers(rng, staged)
        directory, compiled = Directory(cluster), compile_rules(cluster, active, staged, RESOLVED)
        active, staged = (settle(policies, cluster.nodes, RESOLVED) for policies in (active, staged))
        for probe in probes:
            expected = [judgements(cluster, directory, policies, probe) for policies in (active, staged)]
            for direction, uid, node in sides(compiled, probe):
                if held != (node, case):
                    enforcement.obey(compiled.table(node, case + 1, Mode.ENFORCE))
                    held = (node, case)
                enforcement.add(LOOPBACK, uid)
                side = 0 if direction is Direction.EGRESS else 1
                want = tuple(slot[side].verdict for slot in expected)
                passed, got = ask_kernel(kernel, direction, probe)
                place = f"seed {seed} case {case} {direction.name} {probe}"
                assert passed is (want[0] is not Verdict.DENY), place
                assert got == want, place
                asked += 1
        if asked >= probes_wanted:
            break
    assert asked >= probes_wanted
