"""What a random case puts to the test, so that a generator that no longer makes something is found out."""

from collections.abc import Iterator
from ipaddress import ip_address

from fairway.policy.decide import from_own_node, rules_of, tiered_rules_of
from fairway.policy.directory import Directory
from fairway.policy.model import Action, Cluster, Operator, Pod, PolicySet, Rule, Tier
from fairway.wire.endpoint import Kind
from fairway.wire.words import Direction, Posture
from support.random_clusters import Probe

PLAIN = {
    *("both families", "no address", "host network", "finished", "address of a finished pod", "several namespaces"),
    *("a name on two ports", "a name that differs", "mixed Service", "Service without backends", "own address"),
    *("Service of itself", "backends of both families", "backend outside", "own node", "other node", "host pod"),
    *("ICMP", "UDP", "SCTP", "IPv6", "block", "except", "block on pods", "named port"),
    *("range of ports", "all ports", "own namespace", "namespaces", "pods of namespaces", "no peers", "no ports"),
    *("no rules", "not isolated", "two policies", "posture allow", "posture deny"),
    *(str(operator) for operator in Operator),
}
TIERED = {
    *(f"{tier} {action}" for tier in Tier for action in Action),
    *("equal priorities", "nodes", "domain name", "domain with *", "unresolved name", "networks", "fails closed"),
    *("names in a namespaced policy", "named port in a tier", "tiers above policies", "several kinds"),
}


def features(cluster: Cluster, policies: PolicySet, probes: list[Probe]) -> set[str]:
    """Every feature of PLAIN and TIERED that the case has."""
    return {
        *_of_pods(cluster),
        *_of_services(cluster, Directory(cluster)),
        *_of_rules(policies),
        *_of_tiers(policies),
        *(feature for probe in probes for feature in _of_probe(cluster, probe)),
    }


def _of_pods(cluster: Cluster) -> Iterator[str]:
    finished = {a for pod in cluster.pods if pod.finished for a in pod.addresses}
    if len({pod.namespace for pod in cluster.pods}) > 1:
        yield "several namespaces"
    for pod in cluster.pods:
        yield "host network" if pod.host_network else "finished" if pod.finished else "running"
        if not pod.finished and not pod.host_network:
            yield from _of_pod(pod, finished)
    numbers: dict[tuple[str, str], set[int]] = {}
    for pod in cluster.pods:
        for port in pod.ports:
            numbers.setdefault((port.name, port.protocol), set()).add(port.number)
    if any(len(found) > 1 for found in numbers.values()):
        yield "a name that differs"


def _of_pod(pod: Pod, finished: set[str]) -> Iterator[str]:
    if len({":" in address for address in pod.addresses}) == 2:
        yield "both families"
    if not pod.addresses:
        yield "no address"
    if finished & set(pod.addresses):
        yield "address of a finished pod"
    names = [(port.name, port.protocol) for port in pod.ports]
    if len(names) > len(set(names)):
        yield "a name on two ports"


def _of_services(cluster: Cluster, directory: Directory) -> Iterator[str]:
    for service in cluster.services:
        for port in service.ports:
            ends = [directory.at(address) for address, _ in port.backends]
            pods = {(end.namespace, end.labels) for end in ends if end and end.kind is Kind.POD}
            if len(pods) > 1:
                yield "mixed Service"
            if not ends:
                yield "Service without backends"
            if None in ends:
                yield "backend outside"
            if len({ip_address(address).version for address, _ in port.backends}) == 2:
                yield "backends of both families"


def _of_probe(cluster: Cluster, probe: Probe) -> Iterator[str]:
    client, server, port, protocol = probe
    yield from (protocol.removesuffix("v6"), "IPv6" if ":" in client.address else "IPv4")
    if client.address == server.address:
        yield "own address"
    if from_own_node(client, server):
        yield "own node"
    elif client.kind is Kind.NODE and server.kind is Kind.POD:
        yield "other node"
    if server.kind is Kind.NODE and any(pod.host_network for pod in cluster.pods if pod.node == server.name):
        yield "host pod"
    if server.kind is Kind.SERVICE:
        backends = Directory(cluster).backends(server.address, port, protocol)
        if any(end.address == client.address for end, _ in backends):
            yield "Service of itself"


def _of_rules(policies: PolicySet) -> Iterator[str]:
    yield f"posture {'deny' if policies.posture is Posture.DENY else 'allow'}"
    yield "two policies" if len(policies.policies) > 1 else "fewer policies"
    for policy in policies.policies:
        yield from (str(expression.operator) for expression in policy.subject.expressions)
        if policy.kind != "NetworkPolicy" and any(p.domains for r in policy.egress or () for p in r.peers or ()):
            yield "names in a namespaced policy"
        for direction in Direction:
            rules = rules_of(policy, direction)
            yield "not isolated" if rules is None else "no rules" if not rules else "rules"
            for rule in rules or ():
                yield from _of_rule(rule)


def _of_rule(rule: Rule) -> Iterator[str]:
    if rule.peers is None:
        yield "no peers"
    if rule.ports is None:
        yield "no ports"
    for peer in rule.peers or ():
        if peer.block is not None:
            yield "except" if peer.block.excepts else "block"
            yield "block on pods" if ip_address("10.0.0.130") in peer.block.network else "block elsewhere"
        elif not peer.domains and peer.nodes is None:
            yield (
                ("namespaces" if peer.pods is None else "pods of namespaces")
                if peer.namespaces
                else "own namespace"
            )
    for element in rule.ports or ():
        if element.port is None:
            yield "all ports"
        else:
            yield "named port" if isinstance(element.port, str) else "range of ports" if element.end else "a port"


def _of_tiers(policies: PolicySet) -> Iterator[str]:
    if policies.tiered and policies.policies:
        yield "tiers above policies"
    if len({policy.kind for policy in policies.tiered}) > 1:
        yield "several kinds"
    for tier in Tier:
        order = [policy.priority for policy in policies.of_tier(tier)]
        if len(order) > len(set(order)):
            yield "equal priorities"
    for policy in policies.tiered:
        for wrapped in (rule for direction in Direction for rule in tiered_rules_of(policy, direction)):
            yield f"{policy.tier} {wrapped.action}"
            if wrapped.rule == Rule():
                yield "fails closed"
            if any(isinstance(element.port, str) for element in wrapped.rule.ports or ()):
                yield "named port in a tier"
            for peer in wrapped.rule.peers or ():
                yield from _of_outside(peer.domains, nodes=peer.nodes is not None, block=peer.block is not None)


def _of_outside(domains: tuple[str, ...], *, nodes: bool, block: bool) -> Iterator[str]:
    if nodes:
        yield "nodes"
    if block:
        yield "networks"
    for name in domains:
        yield "domain with *" if name.startswith("*") else "domain name"
        if name.startswith("gone."):
            yield "unresolved name"
