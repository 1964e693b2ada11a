"""The list of semantics that implementations get wrong, before the kernel: each case's probes as real frames.

The number in a test's id is that of the line. The cases are those of `tests/unit/policy/test_edge_cases.py`.
"""

import itertools

import pytest

from fairway.agent.obey import Enforcement
from fairway.wire.endpoint import Kind
from fairway.wire.words import PROTOCOL_NUMBERS, Direction, Mode, Verdict
from support import frames
from support.cases import CASES
from support.cases.case import Case, Probe
from support.evaluators import Trial
from support.objects import at
from support.pod import LOOPBACK, PASS

PROGRAMS = {Direction.EGRESS: "fairway_from_pod", Direction.INGRESS: "fairway_to_pod"}
_client_ports = itertools.cycle(range(20000, 60000))  # each probe is a connection of its own
_revisions = itertools.count(1)


class Stage:
    """One case's pods in front of the programs, one after the other: the loopback plays the veth of each."""

    def __init__(self, enforcement: Enforcement, case: Case) -> None:
        self.enforcement, self.trial = enforcement, Trial(case)

    def passes(self, probe: Probe) -> tuple[bool, bool] | None:
        """Whether the first packet passes at the client's and at the server's veth; None if no veth sees it."""
        if probe.client == probe.server:
            return None  # a pod that calls its own address never leaves its namespace
        found = [
            self._passes(direction, address, probe)
            for direction, address in ((Direction.EGRESS, probe.client), (Direction.INGRESS, probe.server))
        ]
        return None if found == [None, None] else (found[0] is not False, found[1] is not False)

    def _passes(self, direction: Direction, address: str, probe: Probe) -> bool | None:
        end = at(self.trial.cluster, address)
        if end.kind is not Kind.POD:
            return None
        subject = self.trial.compiled.holders[end.address]
        table = self.trial.compiled.table(subject.pod.node, next(_revisions), Mode.ENFORCE)
        self.enforcement.obey(table)
        self.enforcement.add(LOOPBACK, subject.pod.uid)
        number = PROTOCOL_NUMBERS.get(probe.protocol) or int(probe.protocol)
        content = frames.transport(number, next(_client_ports), probe.number)
        frame = frames.ip(probe.client, probe.server, number, content)
        return self.enforcement.kernel.run(PROGRAMS[direction], frame) == PASS


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_by_the_kernel(enforcement: Enforcement, case: Case) -> None:
    stage = Stage(enforcement, case)
    for probe in case.probes:
        answer = stage.passes(probe)
        if answer is not None:
            sides = stage.trial.by_decide(probe)
            assert answer == tuple(side is not Verdict.DENY for side in sides), probe
            assert all(answer) is probe.allowed, probe
