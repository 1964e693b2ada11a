"""The list of semantics that implementations get wrong, before the kernel: each case's probes as real frames.

The number in a test's id is that of the line. The cases are those of `tests/unit/policy/test_edge_cases.py`.
"""

import itertools
from ipaddress import ip_address

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

    def passes(self, probe: Probe) -> tuple[bool, bool]:
        """Whether the first packet passes the client's veth and the server's; one that sees none drops none."""
        sent = self._passes(Direction.EGRESS, probe.client, probe)
        return sent, self._passes(Direction.INGRESS, probe.server, probe)

    def _passes(self, direction: Direction, address: str, probe: Probe) -> bool:
        end = at(self.trial.cluster, address)
        if end.kind is not Kind.POD:
            return True
        subject = self.trial.compiled.holders[end.address]
        table = self.trial.compiled.table(subject.pod.node, next(_revisions), Mode.ENFORCE)
        self.enforcement.obey(table)
        self.enforcement.add(LOOPBACK, subject.pod.uid)
        number = PROTOCOL_NUMBERS.get(probe.protocol) or int(probe.protocol)
        content = frames.transport(number, next(_client_ports), probe.number)
        frame = frames.ip(probe.client, probe.server, number, content)
        return self.enforcement.kernel.run(PROGRAMS[direction], frame) == PASS


def on_the_wire(case: Case) -> list[Probe]:
    """A pod that calls itself never leaves its namespace: such probes are not for the kernel."""
    return [p for p in case.probes if p.client != p.server and not ip_address(p.server).is_loopback]


ASKED = [case for case in CASES if on_the_wire(case)]


@pytest.mark.parametrize("case", ASKED, ids=[case.id for case in ASKED])
def test_by_the_kernel(enforcement: Enforcement, case: Case) -> None:
    stage = Stage(enforcement, case)
    for probe in on_the_wire(case):
        answer = stage.passes(probe)
        assert answer == tuple(side is not Verdict.DENY for side in stage.trial.by_decide(probe)), probe
        assert all(answer) is probe.allowed, probe
