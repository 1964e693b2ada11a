"""NetworkPolicy (networking.k8s.io/v1) from its manifest, with the API server's defaults and refusals."""

import re
from typing import Final

from fairway.policy.fields import Field, shown
from fairway.policy.model import Expression, IPBlock, NetworkPolicy, Operator, Peer, Ports, Rule, Selector

_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_TYPES: Final = ("Ingress", "Egress")
_LABEL: Final = r"[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,255}}$)(\*\.)?({_LABEL}\.)+{_LABEL}\.?")
_PORT_NAME: Final = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")


def read_policy(root: Field, namespace: str, name: str, source: str, kind: str = "NetworkPolicy") -> NetworkPolicy:
    """The policy under `root`; whatever is wrong with it is in the field's problems.

    An ApplicationNetworkPolicy differs in one thing: its egress peers may be domain names.
    """
    spec = root.get("spec")
    if not spec.present:
        spec.problem("is missing; write `podSelector` and `policyTypes` under it")
    spec.only("podSelector", "policyTypes", "ingress", "egress")
    ingress = tuple(_rule(rule, "from") for rule in spec.get("ingress").each())
    named = kind == "ApplicationNetworkPolicy"
    egress = tuple(_rule(rule, "to", named=named) for rule in spec.get("egress").each())
    types = _types(spec.get("policyTypes"), has_egress=bool(egress))
    return NetworkPolicy(
        namespace=namespace,
        name=name,
        subject=read_selector(spec.get("podSelector")),
        ingress=ingress if "Ingress" in types else None,
        egress=egress if "Egress" in types else None,
        source=source,
        kind=kind,
    )


def _types(field: Field, *, has_egress: bool) -> tuple[str, ...]:
    """policyTypes; without any, Ingress, and Egress if there are egress rules (SetDefaults_NetworkPolicy)."""
    types = []
    for element in field.each():
        if element.value in _TYPES:
            types.append(str(element.value))
        else:
            element.problem(f"{shown(element.value)} is not a policy type; write `Ingress` or `Egress`")
    return tuple(types) or (_TYPES if has_egress else _TYPES[:1])


def _rule(field: Field, peers_key: str, *, named: bool = False) -> Rule:
    field.only(peers_key, "ports")
    if not isinstance(field.value, dict):
        field.problem(f"{shown(field.value)} is not a rule; write `{{}}` to allow everything")
        return Rule(peers=())
    peers = tuple(_peer(peer, named=named) for peer in field.get(peers_key).each())
    ports = tuple(_ports(port) for port in field.get("ports").each())
    return Rule(peers=peers or None, ports=ports or None)


def _peer(field: Field, *, named: bool) -> Peer:
    field.only("podSelector", "namespaceSelector", "ipBlock", *(("domainNames",) if named else ()))
    domains = field.get("domainNames")
    if named and domains.present:
        if len([value for value in field.value.values() if value is not None]) > 1:
            field.problem("has both `domainNames` and another peer; make them two elements of the list")
        return Peer(domains=read_domains(domains))
    pods, namespaces, block = (field.get(key) for key in ("podSelector", "namespaceSelector", "ipBlock"))
    selecting = pods.present or namespaces.present
    if block.present and selecting:
        field.problem("has both `ipBlock` and selectors; make them two elements of the list")
    if not block.present and not selecting:
        field.problem("is empty; write `podSelector`, `namespaceSelector` or `ipBlock`, or remove the element")
    if block.present:
        return Peer(block=_block(block))
    return Peer(
        pods=read_selector(pods) if pods.present else None,
        namespaces=read_selector(namespaces) if namespaces.present else None,
    )


def read_domains(field: Field) -> tuple[str, ...]:
    """A list of domain names in lower case, without a final dot; `*.` may come first."""
    found = list(field.each())
    if not found:
        field.problem("is empty; write a domain name such as `api.example.com` or `*.example.com`")
    for element in found:
        if not _DOMAIN.fullmatch(element.text()):
            element.problem(
                f"{shown(element.value)} is not a domain name; write `api.example.com` or `*.example.com`"
            )
    return tuple(element.text().lower().removesuffix(".") for element in found)


def _block(field: Field) -> IPBlock | None:
    field.only("cidr", "except")
    network = field.get("cidr").network()
    excepts = []
    for element in field.get("except").each():
        hole = element.network()
        if hole is None or network is None:
            continue
        if hole.version != network.version or hole == network or not _inside(hole, network):
            element.problem(f"{shown(element.value)} is not a part of {network}; write a smaller network in it")
        excepts.append(hole)
    return IPBlock(network, tuple(excepts)) if network else None


def _inside(hole: object, network: object) -> bool:
    return hole.subnet_of(network)  # type: ignore[attr-defined,no-any-return]  # one family by now


def _ports(field: Field) -> Ports:
    field.only("protocol", "port", "endPort")
    protocol = field.get("protocol").text("TCP")
    if protocol not in _PROTOCOLS:
        field.get("protocol").problem(f"{shown(protocol)} is not a protocol of policies; write TCP, UDP or SCTP")
    port_field, end_field = field.get("port"), field.get("endPort")
    named = isinstance(port_field.value, str)
    port = read_port_name(port_field) if named else port_field.integer(1, 65535)
    end = end_field.integer(1, 65535)
    if end is not None and not isinstance(port, int):
        end_field.problem(f"{end} has no numeric port to start from; write `port` as a number")
    elif end is not None and isinstance(port, int) and end < port:
        end_field.problem(f"{end} is below port {port}; write the highest port of the range")
    return Ports(protocol, port, end)


def read_port_name(field: Field) -> str:
    """A container port's name."""
    name = field.required()
    if name and not _PORT_NAME.fullmatch(name):
        field.problem(f"{shown(name)} is not a port's name; write a number without quotes or a name")
    return name


def read_selector(field: Field) -> Selector:
    """A label selector; null and `{}` select everything."""
    field.only("matchLabels", "matchExpressions")
    labels = sorted(field.get("matchLabels").strings().items())
    expressions = [Expression(key, Operator.IN, frozenset({value})) for key, value in labels]
    expressions.extend(filter(None, map(_expression, field.get("matchExpressions").each())))
    return Selector(tuple(expressions))


def _expression(field: Field) -> Expression | None:
    field.only("key", "operator", "values")
    key, operator_text = field.get("key").required(), field.get("operator").required()
    values = frozenset(field.get("values").texts())
    if operator_text not in tuple(Operator):
        if operator_text:
            known = ", ".join(Operator)
            field.get("operator").problem(f"{shown(operator_text)} is not an operator; one of {known}")
        return None
    operator = Operator(operator_text)
    needs_values = operator in (Operator.IN, Operator.NOT_IN)
    if needs_values != bool(values):
        problem = "is empty; write the values" if needs_values else "must be absent; remove it"
        field.get("values").problem(f"{problem} for operator {operator}")
    return Expression(key, operator, values)
