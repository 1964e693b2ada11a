"""Checks of single rules: selectors that match nothing, ports that nobody serves, families left out."""

from collections.abc import Iterable, Iterator
from typing import Final

from fairway.policy.decide import isolates, peer_matches
from fairway.policy.ends import family_of, listed
from fairway.policy.findings import Check, Finding, Severity
from fairway.policy.model import Expression, NetworkPolicy, Operator, Peer, Ports, Rule, Selector
from fairway.policy.scene import Scene, numbers, place
from fairway.policy.select import selects
from fairway.wire.endpoint import Endpoint
from fairway.wire.words import Direction


def _selectors(scene: Scene) -> Iterator[Finding]:
    """Policies that select nobody."""
    for policy in scene.policies.policies:
        if impossible(policy.subject):
            yield Finding(
                Severity.ERROR,
                "never-selects",
                place(policy),
                f"its podSelector contradicts itself at `{impossible(policy.subject)}`; it can select no pod",
                "mend the selector; until then nothing is isolated by it",
            )
        elif not any(isolates(policy, direction, end) for direction in Direction for end in scene.known):
            yield Finding(
                Severity.WARNING,
                "policy-selects-nothing",
                place(policy),
                f"selects no pod of namespace {policy.namespace}",
                "compare its labels with `kubectl get pods --show-labels`, or remove it",
            )


def _peers(scene: Scene) -> Iterator[Finding]:
    """Selecting peers that match nobody."""
    namespaces = scene.cluster.namespaces
    for policy, direction, index, rule in scene.rules():
        for number, peer in enumerate(rule.peers or ()):
            if peer.block is not None:
                continue
            where = (
                f"{place(policy, direction, index)} {'from' if direction is Direction.INGRESS else 'to'}[{number}]"
            )
            clash = next((c for s in (peer.pods, peer.namespaces) if s and (c := impossible(s))), "")
            if clash:
                what = f"the selector contradicts itself at `{clash}`; it can match no pod"
                yield Finding(Severity.ERROR, "never-selects", where, what, "mend the selector")
            elif not any(peer_matches(peer, policy.namespace, namespaces, end) for end in scene.known):
                what = f"matches no pod{_whose(scene, policy, peer)}"
                yield Finding(
                    Severity.WARNING, "peer-selects-nothing", where, what, "mend its labels, or remove the element"
                )


def _whose(scene: Scene, policy: NetworkPolicy, peer: Peer) -> str:
    if peer.namespaces is None:
        return f" of namespace {policy.namespace}"
    matched = [name for name, labels in scene.cluster.namespaces.items() if selects(peer.namespaces, labels)]
    return f" of {listed(sorted(matched))}" if matched else ": no namespace has its labels"


def impossible(selector: Selector) -> str:
    """The key at which the selector's requirements exclude each other, or empty."""
    by_key: dict[str, list[Expression]] = {}
    for expression in selector.expressions:
        by_key.setdefault(expression.key, []).append(expression)
    return next((key for key, wanted in by_key.items() if not _possible(wanted)), "")


def _possible(wanted: list[Expression]) -> bool:
    """Some value of the key, or its absence, meets all requirements."""
    operators = {expression.operator for expression in wanted}
    present = Operator.EXISTS in operators or Operator.IN in operators
    if not present:
        return True
    if Operator.DOES_NOT_EXIST in operators:
        return False
    allowed = [e.values for e in wanted if e.operator is Operator.IN]
    forbidden = frozenset[str]().union(*(e.values for e in wanted if e.operator is Operator.NOT_IN))
    return not allowed or bool(frozenset.intersection(*allowed) - forbidden)


def _ports(scene: Scene) -> Iterator[Finding]:
    """Ports that are a Service's, and names that nobody serves."""
    for policy, direction, index, rule in scene.rules():
        where = place(policy, direction, index)
        for element in dict.fromkeys(rule.ports or ()):
            if isinstance(element.port, str):
                yield from _named(scene, policy, direction, rule, element, where)
            elif element.port is not None and element.end is None:
                yield from _service_port(scene, policy, direction, rule, element, where)


def _named(
    scene: Scene, policy: NetworkPolicy, direction: Direction, rule: Rule, element: Ports, where: str
) -> Iterator[Finding]:
    if direction is Direction.EGRESS and rule.peers and all(peer.block for peer in rule.peers):
        what = f"names the port `{element.port}` for ipBlocks; addresses outside have no port names"
        yield Finding(Severity.ERROR, "name-outside", where, what, "write the port's number")
        return
    servers = scene.servers(policy, direction, rule)
    if servers and not any(numbers(element, end.ports) for end in servers):
        what = f"no pod of {_groups(servers)} has a {element.protocol} port named `{element.port}`"
        do = "write the name as the pods' containers do, with their protocol, or the number"
        yield Finding(Severity.WARNING, "name-unserved", where, what, do)


def _service_port(
    scene: Scene, policy: NetworkPolicy, direction: Direction, rule: Rule, element: Ports, where: str
) -> Iterator[Finding]:
    servers = scene.servers(policy, direction, rule) if rule.peers or direction is Direction.INGRESS else []
    served = any(p.number == element.port and p.protocol == element.protocol for end in servers for p in end.ports)
    if served:
        return
    addresses = {end.address for end in servers}
    for service in scene.cluster.services:
        for port in service.ports:
            if (port.port, port.protocol) != (element.port, element.protocol):
                continue
            own = sorted({number for address, number in port.backends if address in addresses})
            if own and element.port not in own:
                what = (
                    f"{element.protocol} {element.port} is the port of Service {service.title}; "
                    f"its pods take {listed(map(str, own))}, and policies see the pods' ports"
                )
                do = f"write {listed(map(str, own))} in place of {element.port}"
                yield Finding(Severity.ERROR, "service-port", where, what, do)


def _groups(ends: Iterable[Endpoint]) -> str:
    return listed(sorted({end.group for end in ends}))


def _families(scene: Scene) -> Iterator[Finding]:
    """Networks of one family only, for pods that have both."""
    for policy, direction, index, rule in scene.rules():
        named = {peer.block.network.version for peer in rule.peers or () if peer.block}
        own = {family_of(end.address) for end in scene.subjects(policy)}
        missing = own - named
        if not named or not missing:
            continue
        everyone = any(peer.block and peer.block.network.prefixlen == 0 for peer in rule.peers or ())
        family, root = (6, "::/0") if 6 in missing else (4, "0.0.0.0/0")
        yield Finding(
            Severity.WARNING if everyone else Severity.NOTE,
            "ipv6-forgotten" if family == 6 else "ipv4-forgotten",
            place(policy, direction, index),
            f"names IPv{10 - family} networks only; the pods it selects have IPv{family} addresses, too",
            f"add the IPv{family} networks{f' (`{root}` is the whole of it)' if everyone else ''}, "
            "or leave it if the other side has none",
        )


CHECKS: Final[tuple[Check, ...]] = (_selectors, _peers, _ports, _families)
