"""replay: which recorded connections would a policy set deny, by which absence, and which rules did nobody use?

Ends are judged with the labels they had when they were recorded.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fairway.policy.decide import Decision, Judgement, decide, rule_titles
from fairway.policy.directory import Directory
from fairway.policy.explain import BY_WORKLOAD, explain_side, port_title
from fairway.policy.model import Cluster, NetworkPolicy, PolicySet
from fairway.policy.rulings import Rulings
from fairway.policy.settle import Names, moments, settle
from fairway.policy.sift import denied_only, needs_rule, unanswered
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction, Reason, Verdict


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


@dataclass(frozen=True, slots=True)
class _Denial:
    direction: Direction
    judgement: Judgement
    client: Endpoint
    server: Endpoint
    port: int
    edge: Edge


def replay(
    edges: Iterable[Edge],
    policies: PolicySet,
    cluster: Cluster,
    rulings: Rulings | None = None,
    *,
    names: Names | None = None,
) -> Replay:
    """Judge every edge that has a pod at one end at least, and whether what people decided holds.

    Domain names in policies stand for what `names` say they did when the edge was last seen.
    """
    judges = _Judges(policies, cluster, names)
    rulings = rulings or Rulings()
    wanted, unwanted = rulings.obeyed(edges)
    sorted_out: dict[str, list[_Denial]] = defaultdict(list)
    judged = connections = uncertain = 0
    for edge in wanted:
        if Kind.POD not in (edge.client.kind, edge.server.kind):
            continue
        judged, connections = judged + 1, connections + edge.connections
        judge = judges.of(edge)
        denials = list(judge.denials(edge))
        if not denials:
            continue
        if not edge.initiator_known and judge.reversed_passes(edge):
            uncertain += 1
        elif denied_only(edge):
            sorted_out["already_denied"] += denials
        elif unanswered(edge):
            sorted_out["unanswered"] += denials
        else:
            sorted_out["broken"] += denials
    still_allowed = set()
    for edge in unwanted:
        denials = list(judges.of(edge).denials(edge))
        sorted_out["decided"] += denials
        ruling = rulings.of(edge)
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
    judge = _Judge(settle(policies, cluster.nodes), cluster)
    for edge in edges:
        if Kind.POD in (edge.client.kind, edge.server.kind) and not denied_only(edge) and not unanswered(edge):
            judge.used.clear()
            for _ in judge.denials(edge):
                pass
            yield from ((title, edge) for title in sorted(judge.used))


class _Judges:
    """A judge for each time at which domain names stood for the same addresses."""

    def __init__(self, policies: PolicySet, cluster: Cluster, names: Names | None) -> None:
        self._policies, self._cluster, self._names = policies, cluster, names
        self._times = moments(policies, names)
        self._judges: dict[int, _Judge] = {}

    def of(self, edge: Edge) -> "_Judge":
        moment = bisect_right(self._times, edge.last_seen) if self._times else 0
        if moment not in self._judges:
            settled = settle(self._policies, self._cluster.nodes, self._names, edge.last_seen)
            self._judges[moment] = _Judge(settled, self._cluster)
        return self._judges[moment]

    @property
    def used(self) -> set[str]:
        """The rules that had a say, by title."""
        return set[str]().union(*(judge.used for judge in self._judges.values()))


class _Judge:
    """`decide`, with only the policies at hand that can select one of the two ends."""

    def __init__(self, policies: PolicySet, cluster: Cluster) -> None:
        self._directory = Directory(cluster)
        self._policies = policies
        self._homes: dict[str, list[NetworkPolicy]] = defaultdict(list)
        for policy in policies.policies:
            self._homes[policy.namespace].append(policy)
        self._near: dict[frozenset[str], PolicySet] = {}
        self._beside: dict[object, tuple[tuple[Judgement, Endpoint, int], ...]] = {}
        self.used: set[str] = set()

    def denials(self, edge: Edge) -> Iterator[_Denial]:
        """The sides that would deny the edge, and the backends of the Service it dialled that the client would
        not reach: in the kernel a Service address is open only if all of them are."""
        ends: Sequence[tuple[Endpoint, int]] = ()
        if edge.server.kind is Kind.SERVICE:
            ends = self._directory.backends(edge.server.address, edge.port, edge.protocol)
        for server, port in ends or ((edge.server, edge.port),):
            decision = self._decide(edge.client, server, port, edge.protocol)
            self.used.update(decision.egress.matched, decision.ingress.matched)
            for direction, judgement in zip(Direction, (decision.ingress, decision.egress), strict=True):
                if judgement.verdict is Verdict.DENY:
                    yield _Denial(direction, judgement, edge.client, server, port, edge)
        if edge.service and edge.server.kind is not Kind.SERVICE:
            for judgement, server, port in self._unreached(edge):
                yield _Denial(Direction.EGRESS, judgement, edge.client, server, port, edge)

    def _unreached(self, edge: Edge) -> Sequence[tuple[Judgement, Endpoint, int]]:
        """The dialled Service's backends of other workloads that the client may not call."""
        client, own = edge.client, (edge.server.group, edge.port)
        key = (client.namespace, client.labels, edge.service, edge.family, edge.protocol, own)
        if key not in self._beside:
            found = []
            for server, port in self._directory.dialled(edge.service, edge.family, edge.protocol):
                if (server.group, port) != own:
                    judgement = self._decide(client, server, port, edge.protocol).egress
                    self.used.update(judgement.matched)
                    if judgement.verdict is Verdict.DENY:
                        found.append((judgement, server, port))
            self._beside[key] = tuple(found)
        return self._beside[key]

    def reversed_passes(self, edge: Edge) -> bool:
        """The same edge, had the other end opened it."""
        return self._decide(edge.server, edge.client, edge.port, edge.protocol).allowed

    def _decide(self, client: Endpoint, server: Endpoint, port: int, protocol: str) -> Decision:
        namespaces = frozenset((client.namespace, server.namespace))
        if namespaces not in self._near:
            near = tuple(p for name in sorted(namespaces) for p in self._homes.get(name, ()))
            self._near[namespaces] = replace(self._policies, policies=near)
        return decide(self._near[namespaces], self._directory.cluster.namespaces, client, server, port, protocol)


def _breakages(denials: Sequence[_Denial]) -> tuple[Breakage, ...]:
    """Denials of the same workloads, port and direction as one, those with most connections first."""
    groups: dict[tuple[str, str, int, str, Direction], list[_Denial]] = defaultdict(list)
    for denial in denials:
        groups[
            denial.client.group, denial.server.group, denial.port, denial.edge.protocol, denial.direction
        ].append(denial)
    found = [_breakage(group) for group in groups.values()]
    return tuple(sorted(found, key=lambda b: (-b.connections, b.client, b.server, b.port, b.protocol, b.direction)))


def _breakage(group: list[_Denial]) -> Breakage:
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


def _fix(denial: _Denial, what: str) -> str:
    ingress = denial.direction is Direction.INGRESS
    subject, peer = (denial.server, denial.client) if ingress else (denial.client, denial.server)
    rule = f"{denial.direction.name.lower()} rule: {what} {'from' if ingress else 'to'} {peer.group}"
    if denial.judgement.tier is not None:
        return f"give {denial.judgement.isolating[0]} an earlier rule that accepts or passes it: {rule}"
    if denial.judgement.reason is Reason.POSTURE:
        return f"write a policy for {subject.group} with the {rule}"
    return f"give {denial.judgement.isolating[0]} the {rule}"
