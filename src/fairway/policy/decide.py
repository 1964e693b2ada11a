"""decide: is this connection allowed? Plain, slow, and in the order of the specifications: the Admin tier, the
NetworkPolicies, the Baseline tier, the posture; each direction on its own.

The compiled rows of `policy.compile` answer the same question at speed; tests compare the two, and the kernel.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from fairway.policy.directory import Directory
from fairway.policy.fields import parse_address
from fairway.policy.model import (
    Action,
    IPBlock,
    NetworkPolicy,
    Peer,
    PolicySet,
    Ports,
    Rule,
    Tier,
    TieredPolicy,
    TieredRule,
)
from fairway.policy.select import NAME_LABEL, selects
from fairway.wire.address import Address
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction, Posture, Reason, Verdict

OWN_ADDRESS: Final = "own address"
"""In place of a rule: a pod always reaches itself, at its own address and on the loopback."""
OWN_NODE: Final = "own node"
"""In place of a rule: a pod's own node always reaches it (the kubelet's probes)."""

Namespaces = Mapping[str, Mapping[str, str]]
"""Labels by namespace."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One side of a connection. UNJUDGED: the side is no pod.

    `isolating` are the titles of the policies that isolate the pod in this direction; `rules` name every rule
    that allows the connection (`orders/orders-db ingress[0]`). In a tier the first rule that matches decides:
    then `tier` is set, `isolating` is that rule's policy, and `rules` or `denied_by` the rule. `passed` are the
    rules that handed the connection on before.
    """

    verdict: Verdict
    reason: Reason = Reason.NONE
    isolating: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    tier: Tier | None = None
    denied_by: str = ""
    passed: tuple[tuple[Tier, str], ...] = ()

    @property
    def rule(self) -> str:
        """The first rule that allows the connection, or empty."""
        return self.rules[0] if self.rules else ""

    @property
    def matched(self) -> tuple[str, ...]:
        """Every rule that had a say."""
        return (*(title for _, title in self.passed), *self.rules, *((self.denied_by,) if self.denied_by else ()))


@dataclass(frozen=True, slots=True)
class Decision:
    """Both sides of a connection."""

    egress: Judgement
    ingress: Judgement

    @property
    def allowed(self) -> bool:
        return Verdict.DENY not in (self.egress.verdict, self.ingress.verdict)


@dataclass(frozen=True, slots=True)
class BackendDecision:
    """A connection that a Service hands to one backend, at the backend's own port."""

    server: Endpoint
    port: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class ServiceDecision:
    """A connection to a Service address. `egress` is the client's side: open only if every backend is. The
    backends' own ingress is judged one by one, by whichever gets the connection."""

    egress: Judgement
    backends: tuple[BackendDecision, ...] = ()

    @property
    def allowed(self) -> bool:
        """The client may open it."""
        return self.egress.verdict is not Verdict.DENY

    @property
    def denied(self) -> tuple[tuple[Endpoint, int], ...]:
        """The backends that are out of the client's reach."""
        out = (found for found in self.backends if found.decision.egress.verdict is Verdict.DENY)
        return tuple((found.server, found.port) for found in out)

    @property
    def refusing(self) -> tuple[BackendDecision, ...]:
        """The backends that do not let the client in."""
        return tuple(found for found in self.backends if found.decision.ingress.verdict is Verdict.DENY)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection to be judged: `port` is the server's own; 0 for protocols without ports."""

    client: Endpoint
    server: Endpoint
    port: int
    protocol: str


def decide(
    policies: PolicySet, namespaces: Namespaces, client: Endpoint, server: Endpoint, port: int, protocol: str
) -> Decision:
    """Whether `client` may open a connection to `server` at its own `port`.

    A Service address is judged by `decide_service`. `protocol` is TCP, UDP, SCTP, or one without ports
    (port 0), which only rules without ports allow.
    """
    attempt = Attempt(client, server, port, protocol)
    egress, ingress = (
        _exempt(direction, attempt) or judge(policies, namespaces, direction, attempt)
        for direction in (Direction.EGRESS, Direction.INGRESS)
    )
    return Decision(egress, ingress)


def decide_service(
    policies: PolicySet, directory: Directory, client: Endpoint, address: str, port: int, protocol: str
) -> ServiceDecision:
    """Whether `client` may connect to a Service address: only if it may connect to every backend.

    ipBlocks never match a Service address. Where no backend stands behind the port, only a rule for all
    destinations allows it. Egress to a backend that is the client itself is judged like any other.
    """
    namespaces = directory.cluster.namespaces

    def judged(server: Endpoint, number: int) -> BackendDecision:
        attempt = Attempt(client, server, number, protocol)
        egress, ingress = (
            judge(policies, namespaces, way, attempt) for way in (Direction.EGRESS, Direction.INGRESS)
        )
        return BackendDecision(server, number, Decision(egress, _exempt(Direction.INGRESS, attempt) or ingress))

    backends = tuple(judged(*backend) for backend in directory.backends(address, port, protocol))
    if not backends:
        here = Endpoint(kind=Kind.SERVICE, address=address)
        return ServiceDecision(judged(here, port).decision.egress)
    return ServiceDecision(max((found.decision.egress for found in backends), key=lambda j: j.verdict), backends)


def _exempt(direction: Direction, attempt: Attempt) -> Judgement | None:
    """What no policy can deny."""
    client, server = attempt.client, attempt.server
    subject = server if direction is Direction.INGRESS else client
    if subject.kind is not Kind.POD:
        return None
    if to_itself(client, server):
        return Judgement(Verdict.ALLOW, rules=(OWN_ADDRESS,))
    if direction is Direction.INGRESS and from_own_node(client, server):
        return Judgement(Verdict.ALLOW, rules=(OWN_NODE,))
    return None


def to_itself(client: Endpoint, server: Endpoint) -> bool:
    """The connection never leaves the client: to its own address, or to the loopback's."""
    return client.address == server.address or is_loopback(server.address)


def is_loopback(address: str) -> bool:
    """An address, in canonical text, that every pod has for itself."""
    return address.startswith("127.") or address == "::1"


def from_own_node(client: Endpoint, server: Endpoint) -> bool:
    """A pod's own node calls it: the kubelet, or a hostNetwork pod beside it."""
    same = client.node == server.node != ""
    return same and client.kind is Kind.NODE and server.kind is Kind.POD


def judge(policies: PolicySet, namespaces: Namespaces, direction: Direction, attempt: Attempt) -> Judgement:
    """One side, by policies alone."""
    if _sides(direction, attempt)[0].kind is not Kind.POD:
        return Judgement(Verdict.UNJUDGED)
    passed: tuple[tuple[Tier, str], ...] = ()
    for tier in (Tier.ADMIN, None, Tier.BASELINE):
        if tier is None:
            found = _by_policies(policies, namespaces, direction, attempt)
        else:
            found = _by_tier(policies.of_tier(tier), namespaces, direction, attempt)
        if found is not None and found.passed:
            passed += found.passed
        elif found is not None:
            return replace(found, passed=passed)
    if policies.posture is Posture.DENY:
        return Judgement(Verdict.DENY, Reason.POSTURE, passed=passed)
    return Judgement(Verdict.ALLOW, passed=passed)


def _by_policies(
    policies: PolicySet, namespaces: Namespaces, direction: Direction, attempt: Attempt
) -> Judgement | None:
    """What the NetworkPolicies say: final where one isolates the pod, else nothing."""
    subject, peer = _sides(direction, attempt)
    isolating = [policy for policy in policies.policies if isolates(policy, direction, subject)]
    if not isolating:
        return None
    titles = tuple(policy.title for policy in isolating)
    rules = tuple(
        rule_title(policy, direction, index)
        for policy in isolating
        for index, rule in enumerate(rules_of(policy, direction) or ())
        if _peers_match(rule, policy.namespace, namespaces, peer) and ports_match(rule, attempt)
    )
    if rules:
        return Judgement(Verdict.ALLOW, isolating=titles, rules=rules)
    return Judgement(Verdict.DENY, Reason.NO_RULE, isolating=titles)


def _by_tier(
    tiered: Iterable[TieredPolicy], namespaces: Namespaces, direction: Direction, attempt: Attempt
) -> Judgement | None:
    """What the first rule that matches says, if one does; `passed` is set if it hands the connection on."""
    subject, peer = _sides(direction, attempt)
    for policy in tiered:
        if not peer_matches(policy.subject, "", namespaces, subject):
            continue
        for index, tiered_rule in enumerate(tiered_rules_of(policy, direction)):
            rule = tiered_rule.rule
            if not _peers_match(rule, "", namespaces, peer) or not ports_match(rule, attempt):
                continue
            title, by = tiered_title(policy, direction, index), (policy.title,)
            match tiered_rule.action:
                case Action.PASS:
                    return Judgement(Verdict.UNJUDGED, passed=((policy.tier, title),))
                case Action.ACCEPT:
                    return Judgement(Verdict.ALLOW, isolating=by, rules=(title,), tier=policy.tier)
                case Action.DENY:
                    return Judgement(Verdict.DENY, Reason.NO_RULE, by, tier=policy.tier, denied_by=title)
    return None


def _sides(direction: Direction, attempt: Attempt) -> tuple[Endpoint, Endpoint]:
    """The end that is judged and its peer."""
    ends = attempt.client, attempt.server
    return ends if direction is Direction.EGRESS else (ends[1], ends[0])


def rules_of(policy: NetworkPolicy, direction: Direction) -> tuple[Rule, ...] | None:
    """The policy's rules in one direction; None if it does not isolate there."""
    return policy.ingress if direction is Direction.INGRESS else policy.egress


def rule_title(policy: NetworkPolicy, direction: Direction, index: int) -> str:
    """`orders/orders-db ingress[0]`."""
    return f"{policy.title} {direction.name.lower()}[{index}]"


def tiered_rules_of(policy: TieredPolicy, direction: Direction) -> tuple[TieredRule, ...]:
    """The cluster-wide policy's rules in one direction, in the order they are asked."""
    return policy.ingress if direction is Direction.INGRESS else policy.egress


def tiered_title(policy: TieredPolicy, direction: Direction, index: int) -> str:
    """`AdminNetworkPolicy guard egress[0] (no metadata service)`."""
    name = tiered_rules_of(policy, direction)[index].name
    title = f"{policy.title} {direction.name.lower()}[{index}]"
    return f"{title} ({name})" if name else title


def rule_titles(policies: PolicySet) -> Iterator[str]:
    """Every rule that is in force, in the order of the policies."""
    for policy in policies.policies:
        for direction in Direction:
            for index, _ in enumerate(rules_of(policy, direction) or ()):
                yield rule_title(policy, direction, index)
    for tiered in policies.tiered:
        for direction in Direction:
            for index, _ in enumerate(tiered_rules_of(tiered, direction)):
                yield tiered_title(tiered, direction, index)


def isolates(policy: NetworkPolicy, direction: Direction, pod: Endpoint) -> bool:
    """The policy selects the pod and has a say in this direction."""
    return (
        rules_of(policy, direction) is not None
        and policy.namespace == pod.namespace
        and selects(policy.subject, dict(pod.labels))
    )


def namespace_labels(namespaces: Namespaces, name: str) -> Mapping[str, str]:
    """A namespace's labels; one that is gone still had its name."""
    return namespaces.get(name) or {NAME_LABEL: name}


def _peers_match(rule: Rule, home: str, namespaces: Namespaces, peer: Endpoint) -> bool:
    return rule.peers is None or any(peer_matches(element, home, namespaces, peer) for element in rule.peers)


def peer_matches(element: Peer, home: str, namespaces: Namespaces, peer: Endpoint) -> bool:
    """One element of `from` or `to` in a policy of namespace `home`; ValueError for one that is not settled."""
    if element.nodes is not None or element.domains:
        raise ValueError("nodes and domain names stand for addresses of a moment: settle the policies first")
    if element.block is not None:
        # A Service address is nobody's: by the time anyone answers it has become a backend's.
        return peer.kind is not Kind.SERVICE and in_block(element.block, parsed(peer.address))
    if peer.kind is not Kind.POD:
        return False
    if element.namespaces is None:
        if peer.namespace != home:
            return False
    elif not selects(element.namespaces, namespace_labels(namespaces, peer.namespace)):
        return False
    return element.pods is None or selects(element.pods, dict(peer.labels))


def in_block(block: IPBlock, address: Address) -> bool:
    """The address is in the network and in none of the networks carved out of it."""
    return address in block.network and not any(address in hole for hole in block.excepts)


def ports_match(rule: Rule, attempt: Attempt) -> bool:
    """One element of the rule's `ports` matches, or there are none."""
    return rule.ports is None or any(_port_matches(element, attempt) for element in rule.ports)


def _port_matches(element: Ports, attempt: Attempt) -> bool:
    if element.protocol != attempt.protocol:
        return False
    match element.port:
        case None:
            return True
        case int(low):
            return low <= attempt.port <= (element.end or low)
        case name:  # of a port of the server, whichever side is judged
            return attempt.server.kind is Kind.POD and any(
                (port.name, port.protocol, port.number) == (name, attempt.protocol, attempt.port)
                for port in attempt.server.ports
            )


parsed = lru_cache(maxsize=65536)(parse_address)
"""`parse_address`, remembered."""
