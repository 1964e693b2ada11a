"""Checks of single rules: selectors that match nothing, ports that nobody serves, families left out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from fairway.policy.decide import peer_matches
from fairway.policy.ends import family_of, listed
from fairway.policy.findings import Check, Finding, Severity
from fairway.policy.model import Expression, NetworkPolicy, Operator, Peer, Ports, Selector
from fairway.policy.read_tiered import FAILS_CLOSED
from fairway.policy.scene import Placed, Policy, Scene, numbers, place
from fairway.policy.select import selects
from fairway.wire.endpoint import Endpoint
from fairway.wire.words import Direction


def _selectors(scene: Scene) -> Iterator[Finding]:
    """Policies that select nobody."""
    for policy in scene.every:
        clash = next((c for selector in _subject(policy) if (c := impossible(selector))), "")
        if clash:
            yield Finding(
                Severity.ERROR,
                "never-selects",
                place(policy),
                f"the selector of its pods contradicts itself at `{clash}`; it can select none",
                "mend the selector; until then the policy is about nobody",
            )
        elif not any(scene.selects(policy, end) for end in scene.known):
            near = f" of namespace {policy.namespace}" if isinstance(policy, NetworkPolicy) else ""
            yield Finding(
                Severity.WARNING,
                "policy-selects-nothing",
                place(policy),
                f"selects no pod{near}",
                "compare its labels with `kubectl get pods --show-labels`, or remove it",
            )


def _subject(policy: Policy) -> list[Selector]:
    if isinstance(policy, NetworkPolicy):
        return [policy.subject]
    return [selector for selector in (policy.subject.pods, policy.subject.namespaces) if selector]


def _peers(scene: Scene) -> Iterator[Finding]:
    """Selecting peers that match nobody."""
    for placed in scene.rules:
        if FAILS_CLOSED in placed.title:
            what = f"has a peer of a kind that is not known: the API makes it {_closed(placed)}"
            yield Finding(Severity.WARNING, "unknown-peer", placed.where, what, "write the peer in another way")
            continue
        for number, peer in enumerate(placed.written.peers or ()):
            if peer.block is not None or peer.domains:
                continue
            where = f"{placed.where}{_element(placed, number)}"
            clash = next((c for s in (peer.pods, peer.namespaces, peer.nodes) if s and (c := impossible(s))), "")
            if clash:
                what = f"the selector contradicts itself at `{clash}`; it can match nothing"
                yield Finding(Severity.ERROR, "never-selects", where, what, "mend the selector")
            elif not _matches(scene, placed, peer):
                what = "matches no node" if peer.nodes else f"matches no pod{_whose(scene, placed, peer)}"
                yield Finding(
                    Severity.WARNING, "peer-selects-nothing", where, what, "mend its labels, or remove the element"
                )


def _closed(placed: Placed) -> str:
    return "accept nothing" if placed.rule.peers == () else "deny everything"


def _element(placed: Placed, number: int) -> str:
    """` to[2]`; nothing where one element of the manifest may have become several peers."""
    if any(peer.block for peer in placed.written.peers or ()) and not isinstance(placed.policy, NetworkPolicy):
        return ""
    return f" {'from' if placed.direction is Direction.INGRESS else 'to'}[{number}]"


def _matches(scene: Scene, placed: Placed, peer: Peer) -> bool:
    if peer.nodes is not None:
        return any(selects(peer.nodes, dict(node.labels)) for node in scene.cluster.nodes)
    return any(peer_matches(peer, placed.home, scene.cluster.namespaces, end) for end in scene.known)


def _whose(scene: Scene, placed: Placed, peer: Peer) -> str:
    if peer.namespaces is None:
        return f" of namespace {placed.home}"
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
    for placed in scene.rules:
        named: dict[str, list[Ports]] = defaultdict(list)
        for element in dict.fromkeys(placed.rule.ports or ()):
            if isinstance(element.port, str):
                named[_called(placed, element)].append(element)
            elif element.port is not None and element.end is None:
                yield from _service_port(scene, placed, element)
        for called, elements in named.items():
            yield from _named(scene, placed, called, elements)


def _called(placed: Placed, element: Ports) -> str:
    """What the rule asks for: a name of one protocol or, in a cluster-wide policy, of any."""
    protocol = f"{element.protocol} " if isinstance(placed.policy, NetworkPolicy) else ""
    return f"{protocol}port named `{element.port}`"


def _named(scene: Scene, placed: Placed, called: str, elements: list[Ports]) -> Iterator[Finding]:
    peers = placed.rule.peers
    if placed.direction is Direction.EGRESS and peers and all(peer.block for peer in peers):
        what = f"asks for a {called} at ipBlocks; addresses outside have no port names"
        yield Finding(Severity.ERROR, "name-outside", placed.where, what, "write the port's number")
        return
    servers = scene.servers(placed)
    if servers and not any(numbers(element, end.ports) for element in elements for end in servers):
        what = f"no pod of {_groups(servers)} has a {called}"
        do = "write the name as the pods' containers do, with their protocol, or the number"
        yield Finding(Severity.WARNING, "name-unserved", placed.where, what, do)


def _service_port(scene: Scene, placed: Placed, element: Ports) -> Iterator[Finding]:
    servers = scene.servers(placed) if placed.rule.peers or placed.direction is Direction.INGRESS else []
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
                yield Finding(Severity.ERROR, "service-port", placed.where, what, do)


def _groups(ends: Iterable[Endpoint]) -> str:
    return listed(sorted({end.group for end in ends}))


def _families(scene: Scene) -> Iterator[Finding]:
    """Networks of one family only, for pods that have both."""
    for placed in scene.rules:
        peers = placed.written.peers or ()
        named = {peer.block.network.version for peer in peers if peer.block}
        own = {family_of(end.address) for end in scene.subjects(placed.policy)}
        missing = own - named
        if not named or not missing:
            continue
        everyone = any(peer.block and peer.block.network.prefixlen == 0 for peer in peers)
        family, root = (6, "::/0") if 6 in missing else (4, "0.0.0.0/0")
        yield Finding(
            Severity.WARNING if everyone else Severity.NOTE,
            "ipv6-forgotten" if family == 6 else "ipv4-forgotten",
            placed.where,
            f"names IPv{10 - family} networks only; the pods it selects have IPv{family} addresses, too",
            f"add the IPv{family} networks{f' (`{root}` is the whole of it)' if everyone else ''}, "
            "or leave it if the other side has none",
        )


CHECKS: Final[tuple[Check, ...]] = (_selectors, _peers, _ports, _families)
