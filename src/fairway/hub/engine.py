"""The policy engine's answers to the API's questions, as plain values. What was read from the database is given."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from fairway.hub.edges import edges_of
from fairway.hub.incidence import watch_of
from fairway.hub.questions import Coverage, Diff, Explain, Generate, Lint, Question, Replay
from fairway.kit.documents import documents_in
from fairway.kit.errors import UsageError
from fairway.policy.ask import ask
from fairway.policy.coverage import coverage
from fairway.policy.diff import diff
from fairway.policy.directory import Directory
from fairway.policy.findings import Severity
from fairway.policy.generate import Options, generate
from fairway.policy.lint import lint
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.read import read_policy_set
from fairway.policy.read_names import read_names
from fairway.policy.render import render
from fairway.policy.replay import replay
from fairway.policy.replay_report import affected
from fairway.policy.review import review
from fairway.policy.rulings import Rulings, read_rulings
from fairway.policy.settle import Names, names_seen
from fairway.policy.width import width
from fairway.wire.address import Network
from fairway.wire.edge import Edge
from fairway.wire.words import Direction
from fairway.wire.words import Posture as Stance

Plain = dict[str, Any]
Say = Callable[[str, float], None]
"""Told of each step: what is being done, and how much of all is behind, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Material:
    """What answers are made of, within what the asker may see. `flows` for coverage alone; `lost` is what agents
    lost, by node; `published` are clouds' networks by service, for generate. `namespaces` bound what is told; None:
    nothing is."""

    cluster: Cluster
    edges: list[Edge]
    flows: pa.Table | None = None
    lost: dict[str, int] | None = None
    namespaces: tuple[str, ...] | None = None
    published: Mapping[str, Sequence[Network]] = field(default_factory=dict)

    def may(self, title: str) -> bool:
        """Whether something called `namespace/name` may be told of."""
        return self.namespaces is None or title.partition("/")[0] in self.namespaces


def answer(question: Question, given: Material, say: Say) -> Plain:
    """The answer; UsageError for policies or names that cannot be read."""
    say("thinking", 0.4)
    match question:
        case Generate():
            return _generate(question, given, say)
        case Replay():
            return _replay(question, given)
        case Coverage():
            return _coverage(question, given)
        case Diff():
            return _diff(question, given)
        case Explain():
            return _explain(question, given)
        case Lint():
            return _lint(question, given)


def _generate(question: Generate, given: Material, say: Say) -> Plain:
    one = {"ingress": Direction.INGRESS, "egress": Direction.EGRESS}.get(question.direction)
    options = Options(
        published=given.published,
        merge_at=question.merge_at,
        merge_length=question.merge_length,
        avoid_labels=frozenset(question.avoid_labels),
        rulings=_rulings(question.decisions),
        directions=frozenset(Direction if one is None else [one]),
        per_namespace=question.per == "namespace",
        default_deny=question.default_deny,
        close_silent=question.close_silent,
        numeric_ports=question.numeric_ports,
    )
    made = generate(given.edges, given.cluster, options)
    made = replace(made, policies=tuple(one for one in made.policies if given.may(one.policy.title)))
    say("reviewing", 0.7)
    files = render(made)
    return {
        "policies": [
            {
                "policy": one.policy.title,
                "workload": one.workload,
                "ingress": len(one.policy.ingress or ()),
                "egress": len(one.policy.egress or ()),
                "file": name,
                "yaml": content,
                "evidence": {rule: list(lines) for rule, lines in one.evidence.items()},
            }
            for (name, content), one in zip(files.items(), made.policies, strict=True)
        ],
        "left_out": [asdict(left) for left in made.left_out],
        "notes": list(made.notes),
        "review": [asdict(doubt) for doubt in review(given.edges, given.cluster, options.rulings)],
        "width": asdict(width(given.edges, [one.policy for one in made.policies], given.cluster, options.rulings)),
    }


def _replay(question: Replay, given: Material) -> Plain:
    policies = _policies(question.policies, question.posture, given.cluster)
    rulings = _rulings(question.decisions)
    names = names_seen(given.edges, _names(question.names))
    result = replay(given.edges, policies, given.cluster, rulings, names=names)
    who = [{"workload": one.workload, "connections": one.connections} for one in affected(result.broken)]
    unused = [rule for rule in result.unused_rules if given.may(rule)]
    remarks = rulings.remarks(given.edges)
    return {
        "passed": result.passed,
        "affected": who,
        **asdict(result),
        "unused_rules": unused,
        "decisions": remarks,
    }


def _coverage(question: Coverage, given: Material) -> Plain:
    flows = given.flows
    if flows is None:
        raise ValueError("coverage is of flows")
    watch = watch_of(flows, timedelta(seconds=question.interval), given.lost)
    edges, rulings = edges_of(flows), _rulings(question.decisions)
    result = coverage(given.cluster, edges, watch, question.threshold, rulings)
    findings = [finding for finding in result.findings if given.may(finding.workload)]
    return {
        "enough": not any(finding.blocks for finding in findings),
        "judged": result.judged,
        "observed_seconds": int(watch.observed.total_seconds()),
        "findings": [asdict(finding) for finding in findings],
        "scores": [asdict(score) for score in result.scores if given.may(score.workload)],
        "namespaces": {name: asdict(one) for name, one in result.namespaces if given.may(name)},
        "decisions": rulings.remarks(edges),
    }


def _diff(question: Diff, given: Material) -> Plain:
    before = _given("old", question.old, question.old_posture or question.posture, given.cluster)
    result = diff(given.cluster, before, _given("new", question.new, question.posture, given.cluster))
    return {"same": result.same, **asdict(result)}


def _explain(question: Explain, given: Material) -> Plain:
    policies = _policies(question.policies, question.posture, given.cluster)
    ends = question.client, question.server, question.port
    return asdict(ask(policies, Directory(given.cluster), *ends, names=_names(question.names)))


def _lint(question: Lint, given: Material) -> Plain:
    policies = _policies(question.policies, question.posture, given.cluster)
    edges = given.edges if question.traffic else None
    found = lint(policies, given.cluster, edges, question.cni, _names(question.names))
    count: Mapping[str, int] = {str(one): sum(f.severity is one for f in found) for one in Severity}
    return {"findings": [{**asdict(one), "severity": str(one.severity)} for one in found], "count": count}


def _policies(text: str, posture: str, cluster: Cluster) -> PolicySet:
    if not text.strip():
        return PolicySet(cluster.policies, Stance(posture), cluster.tiered)
    given = _given("policies", text, posture, cluster)
    if not given.size:
        raise UsageError("policies: hold no NetworkPolicy; leave them out to mean the cluster's own")
    return given


def _given(name: str, text: str, posture: str, cluster: Cluster) -> PolicySet:
    return read_policy_set(documents_in(name, text), cluster, Stance(posture))


def _names(text: str) -> Names | None:
    return read_names(documents_in("names", text)) if text.strip() else None


def _rulings(text: str) -> Rulings:
    given: Collection[Any] = read_rulings(documents_in("decisions", text)) if text.strip() else ()
    return Rulings(tuple(given), datetime.now(UTC).date())
