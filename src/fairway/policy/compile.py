"""compile: policies and a cluster become the rows that the kernel obeys.

The same rows judge recorded flows here and packets in the kernel: what was proven is what is enforced.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from fairway.policy.decide import to_itself
from fairway.policy.flatten import Layer, flattened
from fairway.policy.fronts import Fronts, find_fronts
from fairway.policy.grants import Grant, column_of
from fairway.policy.groups import Catalogue, Grouping, GroupKey, Groups, Numbers
from fairway.policy.identities import Identities
from fairway.policy.intervals import ALL_PORTS, Span, Spans, intersect
from fairway.policy.model import Cluster, Pod, PolicySet, Tier
from fairway.policy.rows import RowMaker
from fairway.policy.settle import Names, settle
from fairway.policy.tables import NOTHING, Beside, Tables
from fairway.policy.vocabulary import Vocabulary
from fairway.wire.endpoint import Endpoint, NamedPort
from fairway.wire.rules import CLOSED, OPEN, UNUSED, RuleTable
from fairway.wire.words import PROTOCOL_NUMBERS, Direction, Mode, Posture, Slot, Verdict

POSTURE_RULE: Final = "posture allow"
"""In place of a rule: cluster-wide policies judge the pod, none of them this connection, and no NetworkPolicy
isolates it."""
Verdicts = tuple[Verdict, Verdict]
"""Of the client's egress and of the server's ingress."""
Sets = tuple[PolicySet | None, PolicySet | None]
"""The policies by slot."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A pod that is judged: its policy numbers by slot, each (ingress, egress)."""

    pod: Pod
    numbers: tuple[Numbers, Numbers]


@dataclass(frozen=True)
class Compiled:
    """The rows for a whole cluster. `grants` are by policy number; `rules[i]` names rule number i."""

    identities: Identities
    subjects: dict[str, Subject]
    """By pod uid."""
    grants: Mapping[int, tuple[Direction, Grant]]
    rules: Sequence[str]
    posture: Posture
    node_addresses: Mapping[str, tuple[str, ...]]

    @cached_property
    def holders(self) -> dict[str, Subject]:
        """The judged pods by address."""
        return {address: subject for subject in self.subjects.values() for address in subject.pod.addresses}

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
        _, grant = self.grants[number]
        return grant.of(self.identities.of(remote))[column_of(PROTOCOL_NUMBERS.get(protocol, 255))]

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
        _, grant = self.grants[number]
        rule = grant.rule(self.identities.of(remote), column_of(PROTOCOL_NUMBERS.get(protocol, 255)), port)
        return Verdict.DENY if rule is None else Verdict.ALLOW

    @cached_property
    def _tables(self) -> Tables:
        pods = ((subject.pod, subject.numbers) for _, subject in sorted(self.subjects.items()))
        return Tables(self.identities, self.grants, self.rules, pods)

    def table(self, node: str, revision: int, mode: Mode, beside: Beside = NOTHING) -> RuleTable:
        """What the agent of `node` is to hold its pods to: as much as these can tell apart, numbered anew, so
        that a change elsewhere leaves it as it is."""
        return self._tables.table(node, revision, mode, self.posture, self.node_addresses.get(node, ()), beside)


def compile_rules(
    cluster: Cluster, active: PolicySet | None, staged: PolicySet | None, names: Names | None = None
) -> Compiled:
    """The rows of two policy sets over one cluster; None leaves a slot unused. The same input, the same rows.

    `names` are what domain names resolve to by now.
    """
    return Compilation(cluster, settled(cluster, (active, staged), names)).run()


def settled(cluster: Cluster, sets: Sets, names: Names | None) -> Sets:
    """Both sets without anything that stands for addresses of a moment."""
    active, staged = (settle(chosen, cluster.nodes, names) if chosen else None for chosen in sets)
    return active, staged


class Compilation:
    """The steps from policies to rows, over the values they share."""

    def __init__(self, cluster: Cluster, sets: Sets) -> None:
        self.cluster = cluster
        self.sets = sets
        self.catalogue = Catalogue(chosen for chosen in sets if chosen)
        self.groups: Groups = {}
        self.groupings = tuple(Grouping(chosen, self.catalogue, cluster, self.groups) for chosen in sets)
        self.vocabulary = Vocabulary()
        for number, policy in enumerate(self.catalogue.policies):
            self.vocabulary.learn(policy, number)
        for number, tiered in enumerate(self.catalogue.tiered):
            self.vocabulary.learn(tiered, number)
        self.identities = Identities(cluster, self.vocabulary)
        self.maker = RowMaker(self.identities, self.vocabulary)
        self.fronts: Fronts = find_fronts(cluster.services, self.identities)
        self.matched: dict[tuple[int, Direction, int, tuple[NamedPort, ...]], Grant] = {}

    def run(self) -> Compiled:
        """Every pod's policy numbers, and every number's grant."""
        running = (pod for pod in self.cluster.pods if not pod.finished and not pod.host_network)
        pods = sorted(running, key=lambda pod: (pod.namespace, pod.name))
        numbered = [[grouping.numbers(pod) for pod in pods] for grouping in self.groupings]
        subjects = {pod.uid: Subject(pod, (numbered[0][i], numbered[1][i])) for i, pod in enumerate(pods)}
        grants = {number: (key.direction, self.whole(key)) for key, number in self.groups.items()}
        active = self.sets[Slot.ACTIVE]
        return Compiled(
            identities=self.identities,
            subjects=subjects,
            grants=grants,
            rules=self.catalogue.titles,
            posture=active.posture if active else Posture.ALLOW,
            node_addresses={node.name: node.addresses for node in self.cluster.nodes},
        )

    def whole(self, key: GroupKey) -> Grant:
        """What the pods of a group may open or take."""
        grant = self.grant(key)
        return self.fronts.opened(grant) if key.direction is Direction.EGRESS else grant

    def grant(self, key: GroupKey, only: Collection[int] | None = None) -> Grant:
        """The same without Services; `only`: with peers of these identities."""
        rules = (rule for i in key.members for rule in self.catalogue.rules_of(i, key.direction))
        grant = self.maker.grant(rules, key.direction, key.own, only)
        if key.tiered:
            layers: dict[Tier, list[Layer]] = {tier: [] for tier in Tier}
            for number in key.tiered:
                layers[self.catalogue.tiered[number].tier] += self._layers(number, key)
            posture = self.catalogue.rule(POSTURE_RULE) if key.posture is Posture.ALLOW else None
            isolated = grant if key.members else None
            grant = flattened(layers[Tier.ADMIN], isolated, layers[Tier.BASELINE], posture, only)
        return grant

    def _layers(self, number: int, key: GroupKey) -> Iterable[Layer]:
        policy = self.catalogue.tiered[number]
        for index, wrapped in enumerate(policy.ingress if key.direction is Direction.INGRESS else policy.egress):
            # By number, not by title: the policies on trial may be other versions of those in force.
            place = number, key.direction, index, key.own
            if place not in self.matched:
                rule = self.catalogue.tiered_rule(number, key.direction, index)
                self.matched[place] = self.maker.grant([rule], key.direction, key.own)
            yield Layer(wrapped.action, self.matched[place])
