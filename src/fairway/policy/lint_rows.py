"""Checks of policies together, on their rows: what adds nothing, what the other side denies, who is left out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fairway.policy.ends import family_of, listed
from fairway.policy.findings import Check, Finding, Severity
from fairway.policy.grants import Grant, rows_of
from fairway.policy.identities import Identities
from fairway.policy.intervals import Span, Spans, subtract
from fairway.policy.model import Action
from fairway.policy.peers import DNS_PORT, is_cluster_dns, is_dns
from fairway.policy.reach import NOTHING, both, only, opens
from fairway.policy.rows import RowMaker
from fairway.policy.scene import Placed, Policy, Scene, numbers, place, selecting
from fairway.policy.vocabulary import Vocabulary
from fairway.wire.endpoint import Endpoint, NamedPort
from fairway.wire.rules import ANY
from fairway.wire.words import ANY_PROTOCOL, Direction, Posture, Slot

Allowance = dict[tuple[int, int], Spans]
"""Allowed spans by (identity or ANY, protocol number)."""
_Group = dict[Placed, Allowance]
"""What each rule allows to pods that the same policies isolate in a direction."""


def _no_effect(scene: Scene) -> Iterator[Finding]:
    """Rules of NetworkPolicies all of whose rows others have as well; of two equal ones the later is told."""
    home: dict[Placed, list[_Group]] = defaultdict(list)
    for group in _groups(scene):
        for placed in group:
            home[placed].append(group)
    for placed in reversed(scene.rules):
        if not any(group[placed] for group in home[placed]):
            continue
        others = {other for group in home[placed] for other in group if other is not placed}
        if all(_covered(group[placed], [a for p, a in group.items() if p is not placed]) for group in home[placed]):
            names = sorted({other.where for other in others if _touches(home[placed], placed, other)})
            what = f"allows nothing in this cluster that {listed(names)} would not allow without it"
            do = "remove it, unless it is there for pods to come"
            yield Finding(Severity.NOTE, "no-effect", placed.where, what, do)
            for group in home[placed]:
                group[placed] = {}


def _groups(scene: Scene) -> list[_Group]:
    vocabulary = Vocabulary()
    for policy in scene.policies.policies:
        vocabulary.learn(policy)
    maker = RowMaker(Identities(scene.cluster, vocabulary), vocabulary)
    made: dict[tuple[Direction, tuple[str, ...], tuple[NamedPort, ...]], _Group] = {}
    for end in scene.pods:
        for direction in Direction:
            isolating = scene.isolating(direction, end)
            own = end.ports if direction is Direction.INGRESS else ()
            group = (direction, tuple(p.title for p in isolating), own)
            if isolating and group not in made:
                made[group] = {
                    placed: _allowance(maker.grant([(1, placed.home, placed.rule)], direction, own))
                    for policy in isolating
                    for placed in scene.of[id(policy), direction]
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


def _touches(groups: Iterable[_Group], one: Placed, other: Placed) -> bool:
    """The other rule has some of the rows."""
    return any(
        subtract(spans, group.get(other, {}).get(wide, ())) != spans
        for group in groups
        for row, spans in group[one].items()
        for wide in _wider(*row)
    )


def _half_open(scene: Scene) -> Iterator[Finding]:
    """Rules whose every connection the other side denies."""
    for placed in scene.rules:
        if placed.action is not Action.ACCEPT or not selecting(placed.rule):
            continue
        pairs = [
            (own, peer)
            for own in _sorts(scene, scene.subjects(placed.policy))
            for peer in _sorts(scene, scene.peers(placed))
            if own.address != peer.address and family_of(own.address) == family_of(peer.address)
        ]
        if pairs and not any(_other_side(scene, placed, own, peer) for own, peer in pairs):
            other = "ingress" if placed.direction is Direction.EGRESS else "egress"
            groups = listed(sorted({peer.group for _, peer in pairs}))
            what = f"allows what the {other} of {groups} denies; no connection comes of it"
            do = f"give {groups} the {other} rule, too, or remove this one"
            yield Finding(Severity.WARNING, "half-open", placed.where, what, do)


def _sorts(scene: Scene, ends: Iterable[Endpoint]) -> list[Endpoint]:
    """Two of each sort that the rows can tell apart, so that one of them always has another to talk to."""
    kept: dict[object, list[Endpoint]] = defaultdict(list)
    for end in ends:
        numbered = scene.compiled.holders[end.address].numbers
        alike = kept[scene.compiled.identities.of(end.address), numbered, end.ports, family_of(end.address)]
        if len(alike) < 2:
            alike.append(end)
    return [end for alike in kept.values() for end in alike]


def _other_side(scene: Scene, placed: Placed, own: Endpoint, peer: Endpoint) -> bool:
    """The peer's side leaves one of the rule's ports open to the subject."""
    egress = placed.direction is Direction.EGRESS
    other = Direction.INGRESS if egress else Direction.EGRESS
    number = scene.compiled.holders[peer.address].numbers[Slot.ACTIVE][other]
    left = scene.reach(number, own.address)
    if placed.rule.ports is None:
        return any(left)
    server = peer if egress else own
    return any(
        both(left, only(span.start, element.protocol, span.stop - 1)) != NOTHING
        for element in placed.rule.ports
        for span in numbers(element, server.ports)
    )


def _dns(scene: Scene) -> Iterator[Finding]:
    """Workloads that may call someone and may not ask for names, over UDP or over TCP."""
    servers, asks = _dns_servers(scene), _askers(scene)
    said: set[tuple[str, str]] = set()
    for end in scene.pods if servers else ():
        by = _egress_policies(scene, end)
        if not by or is_cluster_dns(end):
            continue
        number = scene.compiled.holders[end.address].numbers[Slot.ACTIVE][Direction.EGRESS]
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
                yield Finding(_dns_severity(asks, end.group, protocol), "dns-forgotten", place(by[0]), what, do)


def _egress_policies(scene: Scene, end: Endpoint) -> list[Policy]:
    """The policies that decide what a pod may call; none if they let it call nobody, which needs no names."""
    isolating = scene.isolating(Direction.EGRESS, end)
    judging = scene.judging(Direction.EGRESS, end)
    accepting = any(
        placed.action is Action.ACCEPT for policy in judging for placed in scene.of[id(policy), Direction.EGRESS]
    )
    if isolating:
        return [*isolating, *judging] if accepting or any(policy.egress for policy in isolating) else []
    return [*judging]


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
    """Workloads that no NetworkPolicy isolates in a direction: cut off under default-deny, open otherwise, but for
    what cluster-wide policies decide."""
    if not scene.every and scene.policies.posture is Posture.ALLOW:
        do = "generate some from recorded flows: `fairway policy generate`"
        yield Finding(Severity.NOTE, "unselected", "the whole set", "it is empty: every connection is allowed", do)
    governed = {policy.namespace for policy in scene.policies.policies}
    bare: dict[tuple[str, Direction], bool] = {}
    for end in scene.pods:
        for direction in Direction:
            if not scene.isolating(direction, end):
                judged = bool(scene.judging(direction, end))
                bare[end.group, direction] = bare.get((end.group, direction), False) or judged
    for (group, direction), judged in bare.items():
        side = direction.name.lower()
        do = f"write a policy with {side} rules for it"
        but = f"; only cluster-wide policies decide about its {side}"
        if scene.policies.posture is Posture.DENY:
            rest = f"{but}, and what they do not accept is dropped" if judged else f": all its {side} is dropped"
            what = f"no policy selects it for {side} and the posture is deny{rest}"
            severity = Severity.NOTE if judged else Severity.WARNING
            yield Finding(severity, "unselected", group, what, do)
        elif group.partition("/")[0] in governed:
            rest = f"{but}, and what they leave is open" if judged else f": all its {side} is open"
            what = f"no policy of its namespace isolates it for {side}{rest}"
            yield Finding(Severity.NOTE, "unselected", group, what, do)


CHECKS: Final[tuple[Check, ...]] = (_no_effect, _half_open, _dns, _unselected)
