"""The evaluators that must agree: `decide`, the compiled rows and `fairway policy verdicts`."""

import contextlib
import io
import json
from functools import cached_property
from pathlib import Path

from fairway.cli.main import main
from fairway.policy.compile import Compiled, compile_rules
from fairway.policy.decide import decide, decide_service
from fairway.policy.directory import Directory
from fairway.policy.read import read_policy_set
from fairway.policy.settle import plain_names, settle
from fairway.wire.endpoint import Kind
from fairway.wire.words import PROTOCOL_NUMBERS, Slot, Verdict
from support.cases.case import Case, Probe
from support.objects import at, cluster

Sides = tuple[Verdict, Verdict]
"""Of the client's egress and of the server's ingress."""


class Trial:
    """One case before the evaluators."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.cluster = cluster(*case.objects)
        self.directory = Directory(self.cluster)
        self.names = plain_names(case.names)
        given = (("p.yaml", value) for value in case.policies)
        self.policies = read_policy_set(given, posture=case.posture)
        self.settled = settle(self.policies, self.cluster.nodes, self.names)

    @cached_property
    def compiled(self) -> Compiled:
        return compile_rules(self.cluster, self.policies, None, self.names)

    def by_decide(self, probe: Probe) -> Sides:
        client, server = at(self.cluster, probe.client), at(self.cluster, probe.server)
        what = probe.number, probe.protocol
        if server.kind is Kind.SERVICE:
            judged = decide_service(self.settled, self.directory, client, probe.server, *what)
            return judged.egress.verdict, Verdict.UNJUDGED
        decision = decide(self.settled, self.cluster.namespaces, client, server, *what)
        return decision.egress.verdict, decision.ingress.verdict

    def by_rows(self, probe: Probe) -> Sides:
        ends = at(self.cluster, probe.client), at(self.cluster, probe.server)
        return self.compiled.verdict(Slot.ACTIVE, *ends, probe.number, probe.protocol)


def known_to_verdicts(probe: Probe) -> bool:
    """`policy verdicts` takes protocols by name; one that has none is asked of the others alone."""
    return probe.protocol in PROTOCOL_NUMBERS


def by_verdicts(folder: Path, case: Case) -> list[bool] | str:
    """The case's answers, by the verb; or what it says of a case that it refuses."""
    file, said, complained = folder / "cases.jsonl", io.StringIO(), io.StringIO()
    file.write_text(json.dumps(_line(case)))
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        code = main(["policy", "verdicts", "--cases", str(file), "--posture", case.posture])
    if code:
        assert (code, said.getvalue()) == (2, "")
        return complained.getvalue()
    return [digit == "1" for digit in said.getvalue().rstrip("\n")]


def _line(case: Case) -> dict[str, object]:
    kinds = {"namespaces": "Namespace", "nodes": "Node", "pods": "Pod", "services": "Service"}
    probes = [
        {"src": probe.client, "dst": probe.server, "port": probe.number, "proto": probe.protocol}
        for probe in case.probes
        if known_to_verdicts(probe)
    ]
    objects = {key: [value for value in case.objects if value["kind"] == kind] for key, kind in kinds.items()}
    return {**objects, "policies": list(case.policies), "names": case.names, "probes": probes}
