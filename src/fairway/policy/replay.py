"""replay: which recorded connections would a policy set deny, by which absence, and which rules did nobody use?

Ends are judged with the labels they had when they were recorded.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fairway.policy.decide import rule_titles
from fairway.policy.explain import BY_WORKLOAD, explain_side, port_title
from fairway.policy.judges import Denial, Judge, Judges
from fairway.policy.kinds import kinds
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.recorded import Recorded, recorded
from fairway.policy.rulings import Rulings
from fairway.policy.settle import Names, settle
from fairway.policy.sift import denied_only, needs_rule, unanswered
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Kind
from fairway.wire.words import Direction, Reason


@dataclass(frozen=True, slots=True)
class Breakage:
    """Connections of one workload to another that the policies would deny on one side, added up over pods.

    `flagged`: for some of them nobody saw who opened the connection, and neither reading would be allowed.
    `policies` are those that isolate the denying side; none where the posture denies.
    """

    client: str
    server: str
    port: int
    protocol: str
    direction: str
    connections: int
    reason: str
    fix: str
    flagged: bool = False
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer. `judged` edges with `connections`; `broken` is a no, and so is `still_allowed`: what a person
    decided to deny and the policies allow, one line each. `decided` is what they deny as was decided.

    `already_denied` was dropped when recorded, `unanswered` was never taken up: neither would be missed.
    `uncertain` edges without a known initiator are allowed in one of the two readings.
    """

    judged: int
    connections: int
    broken: tuple[Breakage, ...]
    unused_rules: tuple[str, ...]
    already_denied: tuple[Breakage, ...] = ()
    unanswered: tuple[Breakage, ...] = ()
    uncertain: int = 0
    decided: tuple[Breakage, ...] = ()
    still_allowed: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.broken and not self.still_allowed


def replay(
    edges: Iterable[Edge] | Recorded,
    policies: PolicySet,
    cluster: Cluster,
    rulings: Rulings | None = None,
    *,
    names: Names | None = None,
) -> Replay:
    """Judge every edge that has a pod at one end at least, and whether what people decided holds.

    Domain names in policies stand for what `names` say they did when the edge was last seen.
    """
    judges = Judges(policies, cluster, names)
    unwanted: Sequence[Edge] = ()
    if rulings is not None and rulings.any:
        wanted, unwanted = rulings.obeyed(edges.edges() if isinstance(edges, Recorded) else edges)
        edges = wanted
    rows = edges if isinstance(edges, Recorded) else recorded(edges)
    sorted_out: dict[str, list[Denial]] = defaultdict(list)
    judged = connections = uncertain = 0
    for kind in kinds(rows, judges.place, judges.moment(rows.last_seen)):
        judged, connections = judged + kind.rows, connections + kind.edge.connections
        judge = judges.of(kind.edge)
        denials = list(judge.denials(kind.edge))
        if not denials:
            continue
        if not kind.edge.initiator_known and judge.reversed_passes(kind.edge):
            uncertain += kind.rows
        elif kind.dropped:
            sorted_out["already_denied"] += denials
        elif kind.unanswered:
            sorted_out["unanswered"] += denials
        else:
            sorted_out["broken"] += denials
    still_allowed = set()
    for edge in unwanted:
        denials = list(judges.of(edge).denials(edge))
        sorted_out["decided"] += denials
        ruling = rulings.of(edge) if rulings else None
        if not denials and ruling and needs_rule(edge.client, edge.server):
            what = port_title(edge.port, edge.protocol)
            still_allowed.add(f"{edge.client.group} -> {edge.server.group} {what}, {ruling.title}")
    used = judges.used
    return Replay(
        judged=judged,
        connections=connections,
        broken=_breakages(sorted_out["broken"]),
        unused_rules=tuple(title for title in rule_titles(policies) if title not in used),
        already_denied=_breakages(sorted_out["already_denied"]),
        unanswered=_breakages(sorted_out["unanswered"]),
        uncertain=uncertain,
        decided=_breakages(sorted_out["decided"]),
        still_allowed=tuple(sorted(still_allowed)),
    )


def users(edges: Iterable[Edge], policies: PolicySet, cluster: Cluster) -> Iterator[tuple[str, Edge]]:
    """Every rule with each edge that it allows; edges that were denied or never answered use nothing."""
    judge = Judge(settle(policies, cluster.nodes), cluster)
    for edge in edges:
        if Kind.POD in (edge.client.kind, edge.server.kind) and not denied_only(edge) and not unanswered(edge):
            judge.used.clear()
            for _ in judge.denials(edge):
                pass
            yield from ((title, edge) for title in sorted(judge.used))


def _breakages(denials: Sequence[Denial]) -> tuple[Breakage, ...]:
    """Denials of the same workloads, port and direction as one, those with most connections first."""
    groups: dict[tuple[str, str, int, str, Direction], list[Denial]] = defaultdict(list)
    for denial in denials:
        groups[
            denial.client.group, denial.server.group, denial.port, denial.edge.protocol, denial.direction
        ].append(denial)
    found = [_breakage(group) for group in groups.values()]
    return tuple(sorted(found, key=lambda b: (-b.connections, b.client, b.server, b.port, b.protocol, b.direction)))


def _breakage(group: list[Denial]) -> Breakage:
    first = min(group, key=lambda d: (d.judgement.isolating, d.client.title, d.server.title))
    what = port_title(first.port, first.edge.protocol)
    return Breakage(
        client=first.client.group,
        server=first.server.group,
        port=first.port,
        protocol=first.edge.protocol,
        direction=first.direction.name.lower(),
        connections=sum({id(d.edge): d.edge.connections for d in group}.values()),
        reason=explain_side(first.direction, first.judgement, first.client, first.server, what, BY_WORKLOAD),
        fix=_fix(first, what),
        flagged=any(not d.edge.initiator_known for d in group),
        policies=first.judgement.isolating,
    )


def _fix(denial: Denial, what: str) -> str:
    ingress = denial.direction is Direction.INGRESS
    subject, peer = (denial.server, denial.client) if ingress else (denial.client, denial.server)
    rule = f"{denial.direction.name.lower()} rule: {what} {'from' if ingress else 'to'} {peer.group}"
    if denial.judgement.tier is not None:
        return f"give {denial.judgement.isolating[0]} an earlier rule that accepts or passes it: {rule}"
    if denial.judgement.reason is Reason.POSTURE:
        return f"write a policy for {subject.group} with the {rule}"
    return f"give {denial.judgement.isolating[0]} the {rule}"
