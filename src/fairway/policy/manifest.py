"""A NetworkPolicy as its Kubernetes manifest."""

from typing import Any

from fairway.policy.model import NetworkPolicy, Operator, Peer, Ports, Rule, Selector


def manifest_of(policy: NetworkPolicy) -> dict[str, Any]:
    """The object that `policy.read` reads back as an equal policy; policyTypes are always written."""
    spec: dict[str, Any] = {"podSelector": _selector(policy.subject), "policyTypes": []}
    for key, peers_key, rules in (("ingress", "from", policy.ingress), ("egress", "to", policy.egress)):
        if rules is not None:
            spec["policyTypes"].append(key.capitalize())
            spec[key] = [_rule(rule, peers_key) for rule in rules]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": policy.name, "namespace": policy.namespace},
        "spec": spec,
    }


def _rule(rule: Rule, peers_key: str) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if rule.peers is not None:
        written[peers_key] = [_peer(peer) for peer in rule.peers]
    if rule.ports is not None:
        written["ports"] = [_ports(ports) for ports in rule.ports]
    return written


def _peer(peer: Peer) -> dict[str, Any]:
    if peer.block is not None:
        block: dict[str, Any] = {"cidr": str(peer.block.network)}
        if peer.block.excepts:
            block["except"] = [str(hole) for hole in peer.block.excepts]
        return {"ipBlock": block}
    written = {"namespaceSelector": peer.namespaces, "podSelector": peer.pods}
    return {key: _selector(selector) for key, selector in written.items() if selector is not None}


def _ports(ports: Ports) -> dict[str, Any]:
    written: dict[str, Any] = {"protocol": ports.protocol}
    if ports.port is not None:
        written["port"] = ports.port
    if ports.end is not None:
        written["endPort"] = ports.end
    return written


def _selector(selector: Selector) -> dict[str, Any]:
    labels: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    for expression in selector.expressions:
        if expression.operator is Operator.IN and len(expression.values) == 1 and expression.key not in labels:
            labels[expression.key] = next(iter(expression.values))
            continue
        element: dict[str, Any] = {"key": expression.key, "operator": str(expression.operator)}
        if expression.values:
            element["values"] = sorted(expression.values)
        expressions.append(element)
    written: dict[str, Any] = {}
    if labels:
        written["matchLabels"] = labels
    if expressions:
        written["matchExpressions"] = expressions
    return written
