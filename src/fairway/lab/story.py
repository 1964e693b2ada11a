"""Steps 3 to 6 of the demo, of what was observed alone: the same for a running lab and for a recording."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.markup import escape

from fairway.kit.documents import read_documents
from fairway.kit.files import write_atomically
from fairway.lab.digest import digest, purpose
from fairway.lab.telling import Step, Telling, require
from fairway.policy.coverage import Coverage, coverage
from fairway.policy.generate import Options, generate
from fairway.policy.model import Cluster, NetworkPolicy, PolicySet
from fairway.policy.read import read_policies
from fairway.policy.render import render
from fairway.policy.replay import Replay, replay
from fairway.wire.address import Network
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Posture

SHOWN: Final = "checkout-checkout-redis.yaml"
"""The generated file that is shown whole, and whose rule is taken out to see what breaks."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen, and the cluster as it was then."""

    edges: Sequence[Edge]
    cluster: Cluster


def observe(telling: Telling, step: Step, seen: Observation) -> None:
    """Step 3: who talks to whom, told apart by what it is for."""
    sections = {what: [line.cells() for line in lines] for what, lines in digest(seen.edges).items()}
    telling.sections(sections, right=("flows", "bytes", "retr"))
    kinds = Counter(purpose(edge) for edge in seen.edges)
    step.figures |= {
        "edges": len(seen.edges),
        "flows": sum(edge.connections for edge in seen.edges),
        "bytes": sum(edge.sent_bytes + edge.received_bytes for edge in seen.edges),
        "retransmissions": sum(edge.retransmissions for edge in seen.edges),
        "names_outside": sorted({end.name for end in _outside(seen.edges)} - {""}),
        "ipv6_edges": sum(edge.family == 6 for edge in seen.edges),
        **{kind.replace(" ", "_").lower() + "_edges": count for kind, count in kinds.items()},
    }
    for kind in ("cluster", "DNS", "probe", "scrape", "external", "cloud service"):
        require(kinds[kind], f"no {kind} traffic was seen")
    require(step.figures["ipv6_edges"], "no IPv6 traffic was seen")


def _outside(edges: Iterable[Edge]) -> Iterator[Endpoint]:
    return (edge.server for edge in edges if edge.server.kind is Kind.EXTERNAL)


def enough(telling: Telling, seen: Observation) -> Coverage:
    """Step 4, asked once: what is declared and was never seen."""
    answer = coverage(seen.cluster, seen.edges)
    blocking = [finding for finding in answer.findings if finding.blocks]
    if answer.enough:
        notes = len(answer.findings)
        telling.say(f"enough seen? [green]yes[/green] ({notes} notes that do not block: `fairway policy coverage`)")
        return answer
    telling.say(f"enough seen? [yellow]no[/yellow]: {len(blocking)} declared and never seen")
    for finding in blocking:
        telling.say(f"[yellow]•[/yellow] {finding.workload} {escape(finding.what)}")
        telling.say(f"to do: {escape(finding.do)}", more=2)
    return answer


def write_policies(
    telling: Telling, step: Step, seen: Observation, published: Mapping[str, tuple[Network, ...]], folder: Path
) -> PolicySet:
    """Step 5: standard NetworkPolicies, one file per workload, read back from the files."""
    generated = generate(seen.edges, seen.cluster, Options(published=published))
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yaml"):
        old.unlink()
    for name, content in render(generated).items():
        write_atomically(folder / name, content.encode())
    policies = read_policies(read_documents([folder]))
    telling.table(
        [
            {"policy": p.title, "ingress_rules": len(p.ingress or ()), "egress_rules": len(p.egress or ())}
            for p in policies
        ],
        right=("ingress_rules", "egress_rules"),
    )
    telling.say(f"one of them, {folder / SHOWN}:")
    telling.verbatim((folder / SHOWN).read_text())
    rules = sum(len(p.ingress or ()) + len(p.egress or ()) for p in policies)
    step.figures |= {"policies": len(policies), "rules": rules, "left_out": len(generated.left_out)}
    require(len(policies) == len(generated.policies), "not every policy could be read back")
    return PolicySet(policies, Posture.DENY)


def prove(telling: Telling, step: Step, seen: Observation, policies: PolicySet) -> None:
    """Step 6: nothing recorded would be denied; without one rule, the replay names exactly who would break."""
    whole = replay(seen.edges, policies, seen.cluster)
    telling.say(f"{whole.judged} edges with {whole.connections} connections replayed: {len(whole.broken)} denied")
    step.figures |= {"judged": whole.judged, "connections": whole.connections, "denied": len(whole.broken)}
    _tell_breakages(telling, whole)
    require(not whole.broken, "the generated policies would break what was seen")
    short = without_ingress(policies, "checkout", "checkout-redis")
    without = replay(seen.edges, short, seen.cluster)
    telling.say("the same without checkout-redis' only ingress rule:")
    _tell_breakages(telling, without)
    broken = {(b.client, b.server, b.port, b.direction) for b in without.broken}
    step.figures["denied_without_one_rule"] = sorted(f"{c} -> {s}:{p}" for c, s, p, _ in broken)
    expected = {("checkout/checkout", "checkout/checkout-redis", 6379, "ingress")}
    require(broken == expected, f"expected exactly checkout -> checkout-redis to break, not {broken}")


def without_ingress(policies: PolicySet, namespace: str, name: str) -> PolicySet:
    """The same policies, one of them without its ingress rules."""

    def thinned(policy: NetworkPolicy) -> NetworkPolicy:
        return replace(policy, ingress=()) if (policy.namespace, policy.name) == (namespace, name) else policy

    return replace(policies, policies=tuple(map(thinned, policies.policies)))


def _tell_breakages(telling: Telling, result: Replay) -> None:
    for b in result.broken:
        telling.say(f"[red]✗[/red] {b.client} → {b.server} {b.port}/{b.protocol}, {b.connections} connections")
        telling.say(f"why: {escape(b.reason)}", more=2)
        telling.say(f"fix: {escape(b.fix)}", more=2)
