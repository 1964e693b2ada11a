"""compile: policies and a cluster become the rows that the kernel obeys.

The same rows judge recorded flows here and packets in the kernel: what was proven is what is enforced.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from fairway.policy.decide import (
    isolates,
    peer_matches,
    rule_title,
    rules_of,
    tiered_rules_of,
    tiered_title,
    to_itself,
)
from fairway.policy.directory import Directory, pod_endpoint
from fairway.policy.flatten import Area, Front, Layer, flattened
from fairway.policy.identities import Identities, Vocabulary, network_order
from fairway.policy.intervals import ALL_PORTS, Span, Spans, intersect, rule_at, union
from fairway.policy.model import Cluster, NetworkPolicy, Pod, PolicySet, Tier, TieredPolicy
from fairway.policy.rows import Allowance, NumberedRule, RowMaker, allowing_rule, lookups, narrowed
from fairway.policy.settle import Names, settle
from fairway.wire.address import packed
from fairway.wire.endpoint import Endpoint, NamedPort
from fairway.wire.rules import ANY, CLOSED, FIRST_POLICY, OPEN, UNUSED, PodRules, Row, RuleTable
from fairway.wire.words import PROTOCOL_NUMBERS, Direction, Mode, Posture, Slot, Verdict


class GroupKey(NamedTuple):
    """Pods that the same policies isolate in a direction and that serve the same of the names these use.

    `tiered` are the cluster-wide policies with rules for them, in order; only with some `posture` matters.
    """

    direction: Direction
    members: tuple[int, ...]
    own: tuple[NamedPort, ...]
    tiered: tuple[int, ...] = ()
    posture: Posture = Posture.ALLOW


POSTURE_RULE: Final = "posture allow"
"""In place of a rule: cluster-wide policies judge the pod, none of them this connection, and no NetworkPolicy
isolates it."""
Verdicts = tuple[Verdict, Verdict]
"""Of the client's egress and of the server's ingress."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A pod that is judged: its policy numbers by slot, each (ingress, egress)."""

    pod: Pod
    numbers: tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Compiled:
    """The rows for a whole cluster. `allowances` are by policy number; `rules[i]` names rule number i."""

    identities: Identities
    subjects: dict[str, Subject]
    """By pod uid."""
    allowances: dict[int, tuple[Direction, Allowance]]
    rules: tuple[str, ...]
    posture: Posture
    node_addresses: dict[str, tuple[str, ...]]
    holders: dict[str, Subject]
    """By address."""

    def verdict(self, slot: Slot, client: Endpoint, server: Endpoint, port: int, protocol: str) -> Verdicts:
        """The verdicts on a connection, from the rows alone, in the kernel's order of look-ups."""
        sender, receiver = self.holders.get(client.address), self.holders.get(server.address)
        exempt = self._exempt(client, server, receiver)
        return (
            self._side(slot, Direction.EGRESS, sender, server.address, port, protocol, exempt=exempt[0]),
            self._side(slot, Direction.INGRESS, receiver, client.address, port, protocol, exempt=exempt[1]),
        )

    def _exempt(self, client: Endpoint, server: Endpoint, receiver: Subject | None) -> tuple[bool, bool]:
        """Whether no policy can deny the client's egress, the server's ingress."""
        own = to_itself(client, server)
        kubelet = receiver is not None and client.address in self.node_addresses.get(receiver.pod.node, ())
        return own, own or kubelet

    def opened(self, slot: Slot, client: Endpoint, server: Endpoint, protocol: str) -> Spans:
        """The server's ports at which neither side denies the connection; the same answers as of `verdict`."""
        sender, receiver = self.holders.get(client.address), self.holders.get(server.address)
        exempt = self._exempt(client, server, receiver)
        return intersect(
            self._ports(slot, Direction.EGRESS, sender, server.address, protocol, exempt=exempt[0]),
            self._ports(slot, Direction.INGRESS, receiver, client.address, protocol, exempt=exempt[1]),
        )

    def _ports(
        self,
        slot: Slot,
        direction: Direction,
        subject: Subject | None,
        remote: str,
        protocol: str,
        *,
        exempt: bool,
    ) -> Spans:
        """The ports that one side does not deny."""
        number = subject.numbers[slot][direction] if subject else UNUSED
        if exempt or number in (UNUSED, OPEN):
            return (Span(*ALL_PORTS, 0),)
        if number == CLOSED:
            return ()
        _, allowance = self.allowances[number]
        identity, numbered = self.identities.of(remote), PROTOCOL_NUMBERS.get(protocol, 255)
        spans: Spans = ()
        for key in lookups(identity, numbered):
            spans = union(spans, allowance.get(key, ()))
        return spans

    def _side(
        self,
        slot: Slot,
        direction: Direction,
        subject: Subject | None,
        remote: str,
        port: int,
        protocol: str,
        *,
        exempt: bool,
    ) -> Verdict:
        number = subject.numbers[slot][direction] if subject else UNUSED
        if number == UNUSED:
            return Verdict.UNJUDGED
        if number == OPEN or exempt:
            return Verdict.ALLOW
        if number == CLOSED:
            return Verdict.DENY
        _, allowance = self.allowances[number]
        rule = allowing_rule(allowance, self.identities.of(remote), PROTOCOL_NUMBERS.get(protocol, 255), port)
        return Verdict.DENY if rule is None else Verdict.ALLOW

    def table(self, node: str, revision: int, mode: Mode) -> RuleTable:
        """What the agent of `node` is to hold its pods to; rules are numbered anew, so that it stays small."""
        subjects = [self.subjects[uid] for uid in sorted(self.subjects) if self.subjects[uid].pod.node == node]
        numbers = sorted({n for s in subjects for pair in s.numbers for n in pair if n >= FIRST_POLICY})
        rows = [row for number in numbers for row in self._rows(number)]
        used = sorted({row.rule for row in rows})
        renumbered = {rule: index for index, rule in enumerate(used, start=1)}
        networks = sorted(self.identities.networks.items(), key=lambda pair: network_order(pair[0]))
        return RuleTable(
            revision=revision,
            posture=self.posture,
            local=self.node_addresses.get(node, ()),
            exact=tuple(sorted(self.identities.exact.items(), key=lambda pair: packed(pair[0]))),
            cidrs=tuple((str(network), identity) for network, identity in networks),
            rows=tuple(msgspec.structs.replace(row, rule=renumbered[row.rule]) for row in rows),
            pods=tuple(PodRules(s.pod.uid, *s.numbers, (mode, mode)) for s in subjects),
            rules=("", *(self.rules[rule] for rule in used)),
        )

    def _rows(self, number: int) -> Iterator[Row]:
        direction, allowance = self.allowances[number]
        for (identity, protocol), spans in sorted(allowance.items()):
            for low, high, rule in spans:
                yield Row(number, identity, direction, protocol, low, high, rule)


def compile_rules(
    cluster: Cluster, active: PolicySet | None, staged: PolicySet | None, names: Names | None = None
) -> Compiled:
    """The rows of two policy sets over one cluster; None leaves a slot unused. The same input, the same rows.

    `names` are what domain names resolve to by now.
    """
    settled = [settle(chosen, cluster.nodes, names) if chosen else None for chosen in (active, staged)]
    return _Compilation(cluster, (settled[Slot.ACTIVE], settled[Slot.STAGED])).run()


class _Compilation:
    """The steps from policies to rows, over the values they share."""

    def __init__(self, cluster: Cluster, sets: tuple[PolicySet | None, PolicySet | None]) -> None:
        self.cluster = cluster
        self.sets = sets
        self.policies: dict[NetworkPolicy, int] = {}
        self.tiered: dict[TieredPolicy, int] = {}
        self.rules: dict[str, int] = {"": 0}
        vocabulary = Vocabulary()
        for tiered in (tiered for chosen in sets if chosen for tiered in chosen.tiered):
            if tiered not in self.tiered:
                self.tiered[tiered] = len(self.tiered)
                vocabulary.learn(tiered)
        for policy in (policy for chosen in sets if chosen for policy in chosen.policies):
            if policy not in self.policies:
                self.policies[policy] = len(self.policies)
                vocabulary.learn(policy)
        self.identities = Identities(cluster, vocabulary)
        self.maker = RowMaker(self.identities, vocabulary)
        self.fronts = self._find_fronts()
        self.groups: dict[GroupKey, int] = {}
        self.areas: dict[tuple[int, Direction, int, tuple[NamedPort, ...]], Area] = {}
        self.by_number = list(self.policies)
        self.tiered_by_number = list(self.tiered)

    def run(self) -> Compiled:
        running = (pod for pod in self.cluster.pods if not pod.finished and not pod.host_network)
        pods = sorted(running, key=lambda pod: (pod.namespace, pod.name))
        numbered = [self._numbered(chosen, pods) for chosen in self.sets]
        subjects = {pod.uid: Subject(pod, (numbered[0][i], numbered[1][i])) for i, pod in enumerate(pods)}
        allowances = {number: (key.direction, self._allowance(key)) for key, number in self.groups.items()}
        active = self.sets[Slot.ACTIVE]
        return Compiled(
            identities=self.identities,
            subjects=subjects,
            allowances=allowances,
            rules=tuple(self.rules),
            posture=active.posture if active else Posture.ALLOW,
            node_addresses={node.name: node.addresses for node in self.cluster.nodes},
            holders={a: subject for subject in subjects.values() for a in subject.pod.addresses},
        )

    def _numbered(self, chosen: PolicySet | None, pods: list[Pod]) -> list[tuple[int, int]]:
        """The policy numbers of each pod, (ingress, egress)."""
        if chosen is None:
            return [(UNUSED, UNUSED)] * len(pods)
        homes: dict[str, list[NetworkPolicy]] = defaultdict(list)
        for policy in chosen.policies:
            homes[policy.namespace].append(policy)
        tiered = [policy for tier in Tier for policy in chosen.of_tier(tier)]
        return [
            (
                self._number(Direction.INGRESS, homes[pod.namespace], tiered, pod, chosen.posture),
                self._number(Direction.EGRESS, homes[pod.namespace], tiered, pod, chosen.posture),
            )
            for pod in pods
        ]

    def _number(
        self,
        direction: Direction,
        policies: Iterable[NetworkPolicy],
        tiered: Iterable[TieredPolicy],
        pod: Pod,
        posture: Posture,
    ) -> int:
        endpoint = pod_endpoint(pod, "")
        isolating = [policy for policy in policies if isolates(policy, direction, endpoint)]
        selecting = [
            policy
            for policy in tiered
            if tiered_rules_of(policy, direction)
            and peer_matches(policy.subject, "", self.cluster.namespaces, endpoint)
        ]
        if not isolating and not selecting:
            return OPEN if posture is Posture.ALLOW else CLOSED
        rules = [rule for policy in isolating for rule in rules_of(policy, direction) or ()]
        rules += [wrapped.rule for policy in selecting for wrapped in tiered_rules_of(policy, direction)]
        names = {(ports.port, ports.protocol) for rule in rules for ports in rule.ports or ()}
        own = tuple(sorted({p for p in pod.ports if (p.name, p.protocol) in names}))
        key = GroupKey(
            direction=direction,
            members=tuple(sorted({self.policies[policy] for policy in isolating})),
            own=own if direction is Direction.INGRESS else (),
            tiered=tuple(self.tiered[policy] for policy in selecting),
            posture=posture if selecting else Posture.ALLOW,
        )
        return self.groups.setdefault(key, FIRST_POLICY + len(self.groups))

    def _allowance(self, key: GroupKey) -> Allowance:
        rules = [rule for i in key.members for rule in self._rules(self.by_number[i], key.direction)]
        allowance = self.maker.allowance(rules, key.direction, key.own)
        egress = key.direction is Direction.EGRESS
        if not key.tiered:
            return self._with_services(allowance) if egress else allowance
        layers: dict[Tier, list[Layer]] = {tier: [] for tier in Tier}
        for i in key.tiered:
            policy = self.tiered_by_number[i]
            for index, wrapped in enumerate(tiered_rules_of(policy, key.direction)):
                # By number, not by title: the policies on trial may be other versions of those in force.
                place = i, key.direction, index, key.own
                if place not in self.areas:
                    number = self._rule_number(tiered_title(policy, key.direction, index))
                    matched = self.maker.allowance([(number, "", wrapped.rule)], key.direction, key.own)
                    self.areas[place] = Area(matched)
                layers[policy.tier].append(Layer(wrapped.action, self.areas[place]))
        return flattened(
            layers[Tier.ADMIN],
            Area(allowance) if key.members else None,
            layers[Tier.BASELINE],
            self._rule_number(POSTURE_RULE) if key.posture is Posture.ALLOW else None,
            [front for fronts in self.fronts.values() for front in fronts] if egress else [],
            len(self.identities.traits),
        )

    def _rule_number(self, title: str) -> int:
        return self.rules.setdefault(title, len(self.rules))

    def _rules(self, policy: NetworkPolicy, direction: Direction) -> Iterator[NumberedRule]:
        for index, rule in enumerate(rules_of(policy, direction) or ()):
            yield self._rule_number(rule_title(policy, direction, index)), policy.namespace, rule

    def _find_fronts(self) -> dict[int, list[Front]]:
        """The Service ports that have backends, by the identity of the first."""
        fronts: dict[int, list[Front]] = defaultdict(list)
        directory = Directory(self.cluster)
        for address, identity in self.identities.services.items():
            service = directory.service_at(address)
            for port in service.ports if service else ():
                backends = directory.backends(address, port.port, port.protocol)
                targets = tuple(
                    dict.fromkeys((self.identities.of(end.address), number) for end, number in backends)
                )
                if targets:
                    protocol = PROTOCOL_NUMBERS.get(port.protocol, 255)
                    fronts[targets[0][0]].append(Front(identity, protocol, port.port, targets))
        return fronts

    def _with_services(self, allowance: Allowance) -> Allowance:
        """The egress permissions, with those towards Service addresses.

        A Service's port is open if every backend is. Where a rule for all destinations would open more than
        that, it stops meaning all destinations at that port and names every other identity instead.
        """
        opened, holes = dict(allowance), defaultdict[tuple[int, int], set[int]](set)
        reached = {identity for identity, _ in allowance}
        for first in self.fronts if ANY in reached else reached & self.fronts.keys():
            for front in self.fronts[first]:
                rules = [allowing_rule(allowance, i, front.protocol, port) for i, port in front.targets]
                key = (front.identity, front.protocol)
                if rules[0] is not None and None not in rules:
                    opened[key] = union(opened.get(key, ()), (Span(front.port, front.port, rules[0]),))
                elif rule_at(allowance.get((ANY, front.protocol), ()), front.port) is not None:
                    holes[front.protocol, front.port].add(front.identity)
        return narrowed(opened, holes, range(len(self.identities.traits)))
