"""Checks of policies together, on their rows: what adds nothing, what the other side denies, who is left out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fairway.policy.decide import isolates, rules_of
from fairway.policy.ends import family_of, listed
from fairway.policy.findings import Check, Finding, Severity
from fairway.policy.grants import Grant, rows_of
from fairway.policy.identities import Identities
from fairway.policy.intervals import Span, Spans, subtract
from fairway.policy.model import NetworkPolicy, Rule
from fairway.policy.peers import DNS_PORT, is_cluster_dns, is_dns
from fairway.policy.reach import NOTHING, both, only, opens
from fairway.policy.rows import RowMaker
from fairway.policy.scene import Scene, numbers, place, selecting
from fairway.policy.vocabulary import Vocabulary
from fairway.wire.endpoint import Endpoint, NamedPort
from fairway.wire.rules import ANY
from fairway.wire.words import ANY_PROTOCOL, Direction, Posture, Slot

Allowance = dict[tuple[int, int], Spans]
"""Allowed spans by (identity or ANY, protocol number)."""
_Key = tuple[NetworkPolicy, Direction, int]
"""A rule: its policy, direction and place."""
_Group = dict[_Key, Allowance]
"""What each rule allows to pods that the same policies isolate in a direction."""


def _no_effect(scene: Scene) -> Iterator[Finding]:
    """Rules all of whose rows other rules have as well; of two equal ones the later is told."""
    groups = _groups(scene)
    home: dict[_Key, list[_Group]] = defaultdict(list)
    for group in groups:
        for key in group:
            home[key].append(group)
    for policy, direction, index, _ in reversed(list(scene.rules())):
        key = (policy, direction, index)
        if not any(group[key] for group in home[key]):
            continue
        others = {other for group in home[key] for other in group if other != key}
        if all(_covered(group[key], [a for k, a in group.items() if k != key]) for group in home[key]):
            names = sorted({place(*other) for other in others if _touches(home[key], key, other)})
            what = f"allows nothing in this cluster that {listed(names)} would not allow without it"
            do = "remove it, unless it is there for pods to come"
            yield Finding(Severity.NOTE, "no-effect", place(policy, direction, index), what, do)
            for group in home[key]:
                group[key] = {}


def _groups(scene: Scene) -> list[_Group]:
    vocabulary = Vocabulary()
    for policy in scene.policies.policies:
        vocabulary.learn(policy)
    maker = RowMaker(Identities(scene.cluster, vocabulary), vocabulary)
    made: dict[tuple[Direction, tuple[str, ...], tuple[NamedPort, ...]], _Group] = {}
    for end in scene.pods:
        for direction in Direction:
            isolating = [p for p in scene.policies.policies if isolates(p, direction, end)]
            own = end.ports if direction is Direction.INGRESS else ()
            group = (direction, tuple(p.title for p in isolating), own)
            if isolating and group not in made:
                made[group] = {
                    (policy, direction, index): _allowance(
                        maker.grant([(1, policy.namespace, rule)], direction, own)
                    )
                    for policy in isolating
                    for index, rule in enumerate(rules_of(policy, direction) or ())
                }
    return list(made.values())


def _allowance(grant: Grant) -> Allowance:
    """The rows of a rule that denies nobody anything."""
    rows, found = rows_of(grant), defaultdict[tuple[int, int], list[Span]](list)
    for identity, parts in ((ANY, rows.common), *rows.own.items()):
        for protocol, low, high, rule in parts:
            found[identity, protocol].append(Span(low, high, rule))
    return {key: tuple(spans) for key, spans in found.items()}


def _covered(allowance: Allowance, others: Sequence[Allowance]) -> bool:
    """Every span is in one of the others'."""
    for key, spans in allowance.items():
        for other in others:
            for wide in _wider(*key):
                spans = subtract(spans, other.get(wide, ()))
        if spans:
            return False
    return True


def _wider(identity: int, protocol: int) -> set[tuple[int, int]]:
    return {(i, p) for i in (identity, ANY) for p in (protocol, ANY_PROTOCOL)}


def _touches(groups: Iterable[_Group], key: _Key, other: _Key) -> bool:
    """The other rule has some of the rows."""
    return any(
        subtract(spans, group.get(other, {}).get(wide, ())) != spans
        for group in groups
        for row, spans in group[key].items()
        for wide in _wider(*row)
    )


def _half_open(scene: Scene) -> Iterator[Finding]:
    """Rules whose every connection the other side denies."""
    for policy, direction, index, rule in scene.rules():
        if not selecting(rule):
            continue
        pairs = [
            (own, peer)
            for own in _sorts(scene, scene.subjects(policy))
            for peer in _sorts(scene, scene.peers(policy, rule))
            if own.address != peer.address and family_of(own.address) == family_of(peer.address)
        ]
        if pairs and not any(_other_side(scene, direction, rule, own, peer) for own, peer in pairs):
            other = "ingress" if direction is Direction.EGRESS else "egress"
            groups = listed(sorted({peer.group for _, peer in pairs}))
            what = f"allows what the {other} of {groups} denies; no connection comes of it"
            do = f"give {groups} the {other} rule, too, or remove this one"
            yield Finding(Severity.WARNING, "half-open", place(policy, direction, index), what, do)


def _sorts(scene: Scene, ends: Iterable[Endpoint]) -> list[Endpoint]:
    """Two of each sort that the rows can tell apart, so that one of them always has another to talk to."""
    kept: dict[object, list[Endpoint]] = defaultdict(list)
    for end in ends:
        numbered = scene.compiled.holders[end.address].numbers
        alike = kept[scene.compiled.identities.of(end.address), numbered, end.ports, family_of(end.address)]
        if len(alike) < 2:
            alike.append(end)
    return [end for alike in kept.values() for end in alike]


def _other_side(scene: Scene, direction: Direction, rule: Rule, own: Endpoint, peer: Endpoint) -> bool:
    """The peer's side leaves one of the rule's ports open to the subject."""
    other = Direction.INGRESS if direction is Direction.EGRESS else Direction.EGRESS
    number = scene.compiled.holders[peer.address].numbers[Slot.ACTIVE][other]
    left = scene.reach(number, own.address)
    if rule.ports is None:
        return any(left)
    server = peer if direction is Direction.EGRESS else own
    return any(
        both(left, only(span.start, element.protocol, span.stop - 1)) != NOTHING
        for element in rule.ports
        for span in numbers(element, server.ports)
    )


def _dns(scene: Scene) -> Iterator[Finding]:
    """Workloads that may call someone and may not ask for names, over UDP or over TCP."""
    servers, asks = _dns_servers(scene), _askers(scene)
    said: set[tuple[str, str]] = set()
    for end in scene.pods if servers else ():
        number = scene.compiled.holders[end.address].numbers[Slot.ACTIVE][Direction.EGRESS]
        own = [policy for policy in scene.policies.policies if isolates(policy, Direction.EGRESS, end)]
        if not any(policy.egress for policy in own) or is_cluster_dns(end):
            continue
        for protocol in ("UDP", "TCP"):
            near = {(a, n) for a, n, p in servers if p == protocol and family_of(a) == family_of(end.address)}
            if not near or any(opens(scene.reach(number, address), port, protocol) for address, port in near):
                continue
            if (end.group, protocol) not in said:
                said.add((end.group, protocol))
                asked = asks is None or end.group in asks
                why = "every name it looks up fails" if protocol == "UDP" else "long answers fail"
                what = f"{end.group} may not ask the cluster's DNS over {protocol}; " + (
                    why if asked else "it was not seen to ask"
                )
                do = f"allow egress to the kube-dns pods at {protocol} {listed(sorted({str(n) for _, n in near}))}"
                yield Finding(_dns_severity(asks, end.group, protocol), "dns-forgotten", place(own[0]), what, do)


def _askers(scene: Scene) -> set[str] | None:
    """The workloads that were seen to ask for names; None without recorded traffic."""
    if scene.edges is None:
        return None
    return {edge.client.group for edge in scene.edges if is_dns(edge.server, edge.port, edge.protocol)}


def _dns_severity(asks: set[str] | None, group: str, protocol: str) -> Severity:
    if asks is None:
        return Severity.WARNING
    if group not in asks:
        return Severity.NOTE
    return Severity.ERROR if protocol == "UDP" else Severity.WARNING


def _dns_servers(scene: Scene) -> set[tuple[str, int, str]]:
    """(address, port, protocol) of the cluster's DNS pods and of whatever stands behind the Service kube-dns."""
    found = {
        (end.address, port.number, port.protocol)
        for end in scene.pods
        if is_cluster_dns(end)
        for port in end.ports
        if is_dns(end, port.number, port.protocol)
    }
    for service in scene.cluster.services:
        if (service.namespace, service.name) == ("kube-system", "kube-dns"):
            found |= {
                (a, n, port.protocol) for port in service.ports if port.port == DNS_PORT for a, n in port.backends
            }
    return found


def _unselected(scene: Scene) -> Iterator[Finding]:
    """Workloads that no policy isolates in a direction: cut off under default-deny, open otherwise."""
    deny = scene.policies.posture is Posture.DENY
    governed = {policy.namespace for policy in scene.policies.policies}
    bare: dict[tuple[str, Direction], None] = {}
    for end in scene.pods:
        for direction in Direction:
            if not any(isolates(p, direction, end) for p in scene.policies.policies):
                bare[end.group, direction] = None
    for group, direction in bare:
        side = direction.name.lower()
        if deny:
            what = f"no policy selects it for {side} and the posture is deny: all its {side} is dropped"
            yield Finding(Severity.WARNING, "unselected", group, what, f"write a policy with {side} rules for it")
        elif group.partition("/")[0] in governed and not scene.policies.tiered:
            what = f"no policy of its namespace isolates it for {side}: all its {side} is open"
            yield Finding(Severity.NOTE, "unselected", group, what, f"write a policy with {side} rules for it")


CHECKS: Final[tuple[Check, ...]] = (_no_effect, _half_open, _dns, _unselected)
