"""compile: policies and a cluster become the rows that the kernel obeys.

The same rows judge recorded flows here and packets in the kernel: what was proven is what is enforced.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from fairway.policy.decide import isolates, rule_title, rules_of
from fairway.policy.directory import Directory, pod_endpoint
from fairway.policy.identities import Identities, Vocabulary, network_order
from fairway.policy.intervals import Span, rule_at, union
from fairway.policy.model import Cluster, NetworkPolicy, Pod, PolicySet
from fairway.policy.rows import Allowance, NumberedRule, RowMaker, allowing_rule, narrowed
from fairway.wire.address import packed
from fairway.wire.endpoint import Endpoint, NamedPort
from fairway.wire.rules import ANY, CLOSED, FIRST_POLICY, OPEN, UNUSED, PodRules, Row, RuleTable
from fairway.wire.words import PROTOCOL_NUMBERS, Direction, Mode, Posture, Slot, Verdict

GroupKey = tuple[Direction, tuple[int, ...], tuple[NamedPort, ...]]
"""Pods that the same policies isolate in a direction and that serve the same of the names these use."""
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
        own = client.address == server.address
        egress = self._side(slot, Direction.EGRESS, sender, server.address, port, protocol, exempt=own)
        kubelet = receiver is not None and client.address in self.node_addresses.get(receiver.pod.node, ())
        ingress = self._side(
            slot, Direction.INGRESS, receiver, client.address, port, protocol, exempt=own or kubelet
        )
        return egress, ingress

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


def compile_rules(cluster: Cluster, active: PolicySet | None, staged: PolicySet | None) -> Compiled:
    """The rows of two policy sets over one cluster; None leaves a slot unused. The same input, the same rows."""
    return _Compilation(cluster, (active, staged)).run()


class _Front(NamedTuple):
    """One port of a Service address, and what stands behind it as (identity, port)."""

    identity: int
    protocol: int
    port: int
    targets: tuple[tuple[int, int], ...]


class _Compilation:
    """The steps from policies to rows, over the values they share."""

    def __init__(self, cluster: Cluster, sets: tuple[PolicySet | None, PolicySet | None]) -> None:
        self.cluster = cluster
        self.sets = sets
        self.policies: dict[NetworkPolicy, int] = {}
        self.rules: dict[str, int] = {"": 0}
        vocabulary = Vocabulary()
        for policy in (policy for chosen in sets if chosen for policy in chosen.policies):
            if policy not in self.policies:
                self.policies[policy] = len(self.policies)
                vocabulary.learn(policy)
        self.identities = Identities(cluster, vocabulary)
        self.maker = RowMaker(self.identities, vocabulary)
        self.fronts = self._find_fronts()
        self.groups: dict[GroupKey, int] = {}

    def run(self) -> Compiled:
        running = (pod for pod in self.cluster.pods if not pod.finished and not pod.host_network)
        pods = sorted(running, key=lambda pod: (pod.namespace, pod.name))
        numbered = [self._numbered(chosen, pods) for chosen in self.sets]
        subjects = {pod.uid: Subject(pod, (numbered[0][i], numbered[1][i])) for i, pod in enumerate(pods)}
        by_number = list(self.policies)
        allowances = {}
        for (direction, members, own), number in self.groups.items():
            rules = [rule for i in members for rule in self._rules(by_number[i], direction)]
            allowance = self.maker.allowance(rules, direction, own)
            if direction is Direction.EGRESS:
                allowance = self._with_services(allowance)
            allowances[number] = (direction, allowance)
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
        unisolated = OPEN if chosen.posture is Posture.ALLOW else CLOSED
        return [
            (
                self._number(Direction.INGRESS, homes[pod.namespace], pod, unisolated),
                self._number(Direction.EGRESS, homes[pod.namespace], pod, unisolated),
            )
            for pod in pods
        ]

    def _number(self, direction: Direction, policies: Iterable[NetworkPolicy], pod: Pod, unisolated: int) -> int:
        endpoint = pod_endpoint(pod, "")
        isolating = [policy for policy in policies if isolates(policy, direction, endpoint)]
        if not isolating:
            return unisolated
        names = {
            (ports.port, ports.protocol)
            for policy in isolating
            for rule in rules_of(policy, direction) or ()
            for ports in rule.ports or ()
        }
        own = tuple(sorted({p for p in pod.ports if (p.name, p.protocol) in names}))
        members = tuple(sorted({self.policies[policy] for policy in isolating}))
        key = (direction, members, own if direction is Direction.INGRESS else ())
        return self.groups.setdefault(key, FIRST_POLICY + len(self.groups))

    def _rules(self, policy: NetworkPolicy, direction: Direction) -> Iterator[NumberedRule]:
        for index, rule in enumerate(rules_of(policy, direction) or ()):
            title = rule_title(policy, direction, index)
            yield self.rules.setdefault(title, len(self.rules)), policy.namespace, rule

    def _find_fronts(self) -> dict[int, list[_Front]]:
        """The Service ports that have backends, by the identity of the first."""
        fronts: dict[int, list[_Front]] = defaultdict(list)
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
                    fronts[targets[0][0]].append(_Front(identity, protocol, port.port, targets))
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
