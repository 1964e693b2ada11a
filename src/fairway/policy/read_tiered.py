"""Cluster-wide policies from their manifests: three API groups, one model, each group's own limits and refusals.

Sources: network-policy-api's `apis/v1alpha1` and `apis/v1alpha2`, AWS' `networking.k8s.aws/v1alpha1`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fairway.policy.fields import Field, shown
from fairway.policy.model import Action, IPBlock, Peer, Ports, Rule, Tier, TieredPolicy, TieredRule
from fairway.policy.read_policy import read_domains, read_port_name, read_selector

_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_EVERYWHERE: Final = ("namespaces", "pods")
_ALLOW: Final = {"Allow": Action.ACCEPT, "Deny": Action.DENY}
_ACCEPT: Final = {"Accept": Action.ACCEPT, "Deny": Action.DENY, "Pass": Action.PASS}
FAILS_CLOSED: Final = "unknown peer, fails closed"
_MAX_PRIORITY: Final = 1000
_MAX_NAME: Final = 100
_MAX_ADDRESSES: Final = 25


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one API group writes cluster-wide policies. `most` counts rules, peers and ports.

    `tier` None: the policy says it. `outside` are the peers of egress rules alone; `naming` are the actions that
    may name domains.
    """

    title: str
    actions: Mapping[str, Action]
    most: int
    ports: str
    outside: tuple[str, ...]
    naming: tuple[Action, ...] = ()
    tier: Tier | None = None


DIALECTS: Final[Mapping[tuple[str, str], Dialect]] = {
    ("AdminNetworkPolicy", "policy.networking.k8s.io"): Dialect(
        "AdminNetworkPolicy",
        {**_ALLOW, "Pass": Action.PASS},
        100,
        "ports",
        ("nodes", "networks", "domainNames"),
        (Action.ACCEPT,),
        Tier.ADMIN,
    ),
    ("BaselineAdminNetworkPolicy", "policy.networking.k8s.io"): Dialect(
        "BaselineAdminNetworkPolicy", _ALLOW, 100, "ports", ("nodes", "networks"), (), Tier.BASELINE
    ),
    ("ClusterNetworkPolicy", "policy.networking.k8s.io"): Dialect(
        "ClusterNetworkPolicy", _ACCEPT, 25, "protocols", ("nodes", "networks", "domainNames"), (Action.ACCEPT,)
    ),
    ("ClusterNetworkPolicy", "networking.k8s.aws"): Dialect(
        "ClusterNetworkPolicy.networking.k8s.aws",
        _ACCEPT,
        100,
        "ports",
        ("networks", "domainNames"),
        (Action.ACCEPT, Action.PASS),
    ),
}
"""By kind and API group."""


def read_tiered(root: Field, name: str, source: str, dialect: Dialect) -> TieredPolicy:
    """The policy under `root`; whatever is wrong with it is in the field's problems."""
    spec = root.get("spec")
    if not spec.present:
        spec.problem("is missing; write `subject` and rules under it")
    baseline_only = dialect.tier is Tier.BASELINE
    own = (("tier",) if dialect.tier is None else ()) + (() if baseline_only else ("priority",))
    spec.only("subject", "ingress", "egress", *own)
    if baseline_only and name != "default":
        root.get("metadata", "name").problem(f"{shown(name)} is not `default`; the cluster has only this one")
    return TieredPolicy(
        kind=dialect.title,
        name=name,
        tier=dialect.tier or _tier(spec.get("tier")),
        priority=_MAX_PRIORITY + 1 if baseline_only else _priority(spec.get("priority")),
        subject=_subject(spec.get("subject")),
        ingress=tuple(_rule(f, "from", dialect) for f in _several(spec.get("ingress"), dialect.most)),
        egress=tuple(_rule(f, "to", dialect) for f in _several(spec.get("egress"), dialect.most)),
        source=source,
    )


def _several(field: Field, most: int, *, least: int = 0) -> Iterator[Field]:
    """The elements of a list of a limited length."""
    elements = list(field.each())
    if len(elements) > most:
        field.problem(f"has {len(elements)} elements, the API allows {most}; split the policy")
    if len(elements) < least:
        field.problem("is missing or empty; write at least one element")
    yield from elements


def _tier(field: Field) -> Tier:
    text = field.required()
    if text and text not in tuple(Tier):
        field.problem(f"{shown(text)} is not a tier; write `Admin` or `Baseline`")
    return Tier.BASELINE if text == Tier.BASELINE else Tier.ADMIN


def _priority(field: Field) -> int:
    if not field.present:
        field.problem(f"is missing; write a number from 0 to {_MAX_PRIORITY}, the lowest is asked first")
    return field.integer(0, _MAX_PRIORITY) or 0


def _subject(field: Field) -> Peer:
    field.only(*_EVERYWHERE)
    chosen = [key for key in _EVERYWHERE if field.get(key).present]
    if len(chosen) != 1:
        field.problem("must have exactly one of `namespaces` and `pods`; `namespaces: {}` selects every pod")
        return Peer(pods=None, namespaces=read_selector(field.get("namespaces")))
    return _pods(field, chosen[0])


def _pods(field: Field, key: str) -> Peer:
    """`namespaces` or `pods` of a subject or peer."""
    chosen = field.get(key)
    if key == "namespaces":
        return Peer(namespaces=read_selector(chosen))
    chosen.only("namespaceSelector", "podSelector")
    return Peer(read_selector(chosen.get("podSelector")), read_selector(chosen.get("namespaceSelector")))


def _rule(field: Field, peers_key: str, dialect: Dialect) -> TieredRule:
    field.only("name", "action", peers_key, dialect.ports)
    name = field.get("name").text()
    if len(name) > _MAX_NAME:
        field.get("name").problem(f"has {len(name)} characters, the API allows {_MAX_NAME}; shorten it")
    action = _action(field.get("action"), dialect)
    outside = dialect.outside if peers_key == "to" else ()
    peers: list[Peer] = []
    known = True
    for element in _several(field.get(peers_key), dialect.most, least=1):
        found = _peer(element, outside)
        known = known and found is not None
        peers += found or ()
    ports = _ports(field.get(dialect.ports), dialect)
    if any(peer.domains for peer in peers) and action not in dialect.naming:
        field.problem(f"has `domainNames`, which action {action} cannot have; use networks, or accept other names")
    if any(p.pods is p.namespaces is None for p in peers) and any(isinstance(p.port, str) for p in ports or ()):
        field.problem(
            "has a port's name, which only pods have; give networks, nodes and domainNames a rule of their own"
        )
    if not known:
        # The API's own words: an Accept rule with a peer of an unknown kind matches nothing, others deny all.
        name = f"{name}, {FAILS_CLOSED}" if name else FAILS_CLOSED
        if action is Action.ACCEPT:
            return TieredRule(action, Rule(peers=()), name)
        return TieredRule(Action.DENY, Rule(), name)
    return TieredRule(action, Rule(tuple(peers), ports), name)


def _action(field: Field, dialect: Dialect) -> Action:
    text = field.required()
    if text and text not in dialect.actions:
        field.problem(f"{shown(text)} is not an action; one of {', '.join(dialect.actions)}")
    return dialect.actions.get(text, Action.DENY)


def _peer(field: Field, outside: tuple[str, ...]) -> tuple[Peer, ...] | None:
    """What one peer stands for; None if it is of no kind that is known."""
    kinds = ("namespaces", "pods", "nodes", "networks", "domainNames")
    chosen = [key for key in kinds if field.get(key).present]
    if not chosen:
        return None
    field.only(*_EVERYWHERE, *outside)
    if len(chosen) > 1:
        field.problem(f"has both `{chosen[0]}` and `{chosen[1]}`; make them two elements of the list")
    key = chosen[0]
    value = field.get(key)
    if key == "nodes":
        return (Peer(nodes=read_selector(value)),)
    if key == "domainNames":
        list(_several(value, _MAX_ADDRESSES))
        return (Peer(domains=read_domains(value)),)
    if key == "networks":
        networks = [element.network() for element in _several(value, _MAX_ADDRESSES, least=1)]
        return tuple(Peer(block=IPBlock(network)) for network in networks if network)
    return (_pods(field, key),)


def _ports(field: Field, dialect: Dialect) -> tuple[Ports, ...] | None:
    """The ports of a rule; None, if it has none, for every protocol and port."""
    if not field.present:
        return None
    read = _protocol if dialect.ports == "protocols" else _port
    return tuple(p for element in _several(field, dialect.most, least=1) for p in read(element))


def _only_one(field: Field, *keys: str) -> str:
    """The one key that is there; empty, and told, if there are none or several."""
    field.only(*keys)
    chosen = [key for key in keys if field.get(key).present]
    if len(chosen) == 1:
        return chosen[0]
    field.problem(f"must have exactly one of {', '.join(keys)}")
    return ""


def _port(field: Field) -> tuple[Ports, ...]:
    """An element of `ports`."""
    key = _only_one(field, "portNumber", "portRange", "namedPort")
    value = field.get(key) if key else field
    if key == "namedPort":
        return _named(value)
    if not key:
        return ()
    value.only("protocol", *(("port",) if key == "portNumber" else ("start", "end")))
    protocol = value.get("protocol").text("TCP")
    if protocol not in _PROTOCOLS:
        value.get("protocol").problem(f"{shown(protocol)} is not a protocol of policies; write TCP, UDP or SCTP")
        return ()
    return _number(value.get("port"), protocol) if key == "portNumber" else _range(value, protocol)


def _protocol(field: Field) -> tuple[Ports, ...]:
    """An element of `protocols`; `tcp: {}` is every port of TCP."""
    key = _only_one(field, "tcp", "udp", "sctp", "destinationNamedPort")
    if not key:
        return ()
    value = field.get(key)
    if key == "destinationNamedPort":
        return _named(value)
    value.only("destinationPort")
    port = value.get("destinationPort")
    if not port.present:
        return (Ports(key.upper()),)
    chosen = _only_one(port, "number", "range")
    if chosen == "range":
        port.get("range").only("start", "end")
        return _range(port.get("range"), key.upper())
    return _number(port.get("number"), key.upper()) if chosen else ()


def _named(field: Field) -> tuple[Ports, ...]:
    """A container port's name stands for its protocol, too."""
    name = read_port_name(field)
    return tuple(Ports(protocol, name) for protocol in _PROTOCOLS)


def _number(field: Field, protocol: str) -> tuple[Ports, ...]:
    if not field.present:
        field.problem("is missing; write a port's number")
    number = field.integer(1, 65535)
    return (Ports(protocol, number),) if number else ()


def _range(field: Field, protocol: str) -> tuple[Ports, ...]:
    for key in ("start", "end"):
        if not field.get(key).present:
            field.get(key).problem("is missing; write a port's number")
    start, end = (field.get(key).integer(1, 65535) for key in ("start", "end"))
    if start is None or end is None:
        return ()
    if start >= end:
        field.get("end").problem(f"{end} is not above start {start}; write a single port as a number")
    return (Ports(protocol, start, end),)
