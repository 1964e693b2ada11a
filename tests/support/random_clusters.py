"""Small random clusters with policies and probes, dense in the cases that evaluators get wrong."""

import random
from dataclasses import replace
from ipaddress import ip_network
from typing import NamedTuple

from fairway.policy.directory import Directory
from fairway.policy.model import (
    Action,
    Cluster,
    Expression,
    IPBlock,
    NetworkPolicy,
    Node,
    Operator,
    Peer,
    Pod,
    PolicySet,
    Ports,
    Rule,
    Selector,
    Service,
    ServicePort,
    Tier,
    TieredPolicy,
    TieredRule,
)
from fairway.policy.select import NAME_LABEL
from fairway.policy.settle import plain_names
from fairway.wire.address import Network
from fairway.wire.endpoint import Endpoint, Kind, NamedPort
from fairway.wire.words import Posture

PORTS = (53, 80, 81, 8080, 8090, 65535)
NAMES = ("http", "dns")
PROTOCOLS = ("TCP", "UDP", "SCTP")
WORLD = ("10.0.0.9", "10.0.1.200", "192.0.2.7", "203.0.113.9", "2001:db8::9", "2001:db8:1::200", "fd00::1")
NETWORKS = (
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.0.0/24",
    "10.0.1.0/25",
    "10.0.0.128/25",
    "10.0.1.130/32",
    "192.0.2.0/24",
    "::/0",
    "2001:db8::/32",
    "2001:db8:0::/48",
    "2001:db8:1::/64",
    "2001:db8:1::100/128",
    "2000::/3",
)
CLUSTER_WIDE = ("ClusterNetworkPolicy", "ClusterNetworkPolicy.networking.k8s.aws")
TIER_KINDS = {
    Tier.ADMIN: ("AdminNetworkPolicy", *CLUSTER_WIDE),
    Tier.BASELINE: ("BaselineAdminNetworkPolicy", *CLUSTER_WIDE),
}
DOMAINS = ("example.com", "*.example.com", "api.example.com", "gone.example.com")
RESOLVED = plain_names(
    {
        "example.com": ["192.0.2.7"],
        "api.example.com": ["203.0.113.9", "2001:db8::9"],
        "a.b.example.com": ["10.0.0.128", "10.0.0.10", "10.96.0.1"],
    }
)


class Probe(NamedTuple):
    """One connection to judge; `server` may be a Service address (Kind.SERVICE) and `port` then its port."""

    client: Endpoint
    server: Endpoint
    port: int
    protocol: str


def random_case(
    rng: random.Random, probes: int = 60, *, tiers: bool = False
) -> tuple[Cluster, PolicySet, list[Probe]]:
    """A cluster of up to 3 nodes and 9 pods, up to 6 policies, and connections between all kinds of ends.

    With `tiers` up to 5 cluster-wide policies, too; RESOLVED are their domain names.
    """
    cluster = random_cluster(rng)
    policies, chosen = random_policies(rng, cluster), [random_probe(rng, cluster) for _ in range(probes)]
    return cluster, random_tiers(rng, policies) if tiers else policies, chosen


def random_tiers(rng: random.Random, policies: PolicySet) -> PolicySet:
    """The policies with cluster-wide ones beside them."""
    tiered = tuple(_tiered(rng, i) for i in range(rng.randint(0, 5)))
    namespaced = policies.policies if rng.random() < 0.7 else ()
    if rng.random() < 0.3:
        namespaced += (_application(rng),)
    return PolicySet(namespaced, policies.posture, tiered)


def random_cluster(rng: random.Random) -> Cluster:
    namespaces = {
        name: {NAME_LABEL: name, **_labels(rng, ("team", "tier"))} for name in ("a", "b", "c")[: rng.randint(1, 3)]
    }
    nodes = tuple(_node(i) for i in range(rng.randint(1, 3)))
    pods = tuple(_pod(rng, i, sorted(namespaces), nodes) for i in range(rng.randint(1, 9)))
    pods = tuple(_reused(rng, pod, pods) for pod in pods)
    services = tuple(_service(rng, i, sorted(namespaces), pods) for i in range(rng.randint(0, 3)))
    return Cluster(namespaces=namespaces, nodes=nodes, pods=pods, services=services)


def random_policies(rng: random.Random, cluster: Cluster) -> PolicySet:
    names = sorted(cluster.namespaces)
    policies = tuple(_policy(rng, i, rng.choice(names)) for i in range(rng.randint(0, 6)))
    return PolicySet(policies, rng.choice(list(Posture)))


def random_probe(rng: random.Random, cluster: Cluster) -> Probe:
    directory = Directory(cluster)
    pods = [a for pod in cluster.pods for a in pod.addresses]
    nodes = [a for node in cluster.nodes for a in node.addresses]
    services = [a for service in cluster.services for a in service.addresses]
    client = rng.choice(pods if pods and rng.random() < 0.8 else [*nodes, *WORLD])
    version = ":" in client
    servers = [a for a in [*pods, *pods, *nodes, *WORLD, *services] if (":" in a) == version]
    server = rng.choice(servers)
    ends = [directory.at(a) or Endpoint(kind=Kind.EXTERNAL, address=a) for a in (client, server)]
    if rng.random() < 0.1:
        return Probe(ends[0], ends[1], 0, "ICMPv6" if version else "ICMP")
    return Probe(ends[0], ends[1], rng.choice(PORTS), rng.choice(PROTOCOLS))


def _labels(rng: random.Random, keys: tuple[str, ...]) -> dict[str, str]:
    return {key: rng.choice("xyz") for key in keys if rng.random() < 0.7}


def _node(index: int) -> Node:
    addresses = f"10.0.{index}.10", f"2001:db8:{index:x}::10"
    external = ("203.0.113.9",) if index == 1 else ()
    return Node(f"n{index}", addresses, f"z{index}", (("pool", "xy"[index % 2]),), external)


def _pod(rng: random.Random, index: int, namespaces: list[str], nodes: tuple[Node, ...]) -> Pod:
    number = rng.randrange(len(nodes))
    node, host_network = nodes[number], rng.random() < 0.1
    own = (f"10.0.{number}.{128 + index}", f"2001:db8:{number:x}::{0x100 + index:x}")
    families = rng.choice((own, own, own[:1], own[1:], ()))
    ports = {
        NamedPort(rng.choice(NAMES), rng.choice(PROTOCOLS), rng.choice(PORTS)) for _ in range(rng.randint(0, 3))
    }
    return Pod(
        uid=f"u{index}",
        namespace=rng.choice(namespaces),
        name=f"p{index}",
        labels=tuple(sorted(_labels(rng, ("app", "tier", "track")).items())),
        addresses=node.addresses if host_network else families,
        ports=tuple(sorted(ports)),
        node=node.name,
        host_network=host_network,
        finished=rng.random() < 0.1,
    )


def _reused(rng: random.Random, pod: Pod, others: tuple[Pod, ...]) -> Pod:
    """A finished pod whose address may have gone to another one, before it in the list or after it."""
    return replace(pod, addresses=rng.choice(others).addresses) if pod.finished and rng.random() < 0.5 else pod


def _service(rng: random.Random, index: int, namespaces: list[str], pods: tuple[Pod, ...]) -> Service:
    addresses = [a for pod in pods if not pod.finished for a in pod.addresses]
    ports = []
    for number in rng.sample(PORTS, rng.randint(1, 2)):
        chosen = rng.sample(addresses, min(len(addresses), rng.randint(0, 3)))
        if rng.random() < 0.1:
            chosen.append(rng.choice(WORLD))
        backends = tuple((a, rng.choice((number, rng.choice(PORTS)))) for a in chosen)
        ports.append(ServicePort(f"p{number}", rng.choice(PROTOCOLS), number, backends))
    own = (f"10.96.0.{index + 1}", f"fd00:96::{index + 1:x}")
    return Service(rng.choice(namespaces), f"s{index}", own, tuple(ports))


def _policy(rng: random.Random, index: int, namespace: str) -> NetworkPolicy:
    sides = [tuple(_rule(rng) for _ in range(rng.randint(0, 3))) if rng.random() < 0.7 else None for _ in range(2)]
    return NetworkPolicy(namespace, f"np{index}", _selector(rng, ("app", "tier", "track")), sides[0], sides[1])


def _application(rng: random.Random) -> NetworkPolicy:
    """An ApplicationNetworkPolicy: domain names among the peers of its egress."""
    policy = _policy(rng, 9, rng.choice("abc"))
    named = Rule((Peer(domains=tuple(rng.sample(DOMAINS, 2))),), _rule(rng).ports)
    return replace(policy, kind="ApplicationNetworkPolicy", egress=(*(policy.egress or ()), named))


def _tiered(rng: random.Random, index: int) -> TieredPolicy:
    tier = rng.choice(list(Tier))
    ingress, egress = (
        tuple(_tiered_rule(rng, outside=outside) for _ in range(rng.randint(0, 3))) for outside in (False, True)
    )
    return TieredPolicy(
        kind=rng.choice(TIER_KINDS[tier]),
        name=f"cnp{index}",
        tier=tier,
        priority=rng.choice((0, 5, 5, 1000)),
        subject=_tiered_pods(rng),
        ingress=ingress,
        egress=egress,
    )


def _tiered_rule(rng: random.Random, *, outside: bool) -> TieredRule:
    action = rng.choice(list(Action))
    if rng.random() < 0.05:
        return TieredRule(Action.DENY, Rule())
    peers = tuple(_tiered_peer(rng, outside=outside) for _ in range(rng.randint(0, 3)))
    return TieredRule(action, replace(_rule(rng), peers=peers))


def _tiered_peer(rng: random.Random, *, outside: bool) -> Peer:
    kind = rng.random() if outside else 0.0
    if kind < 0.5:
        return _tiered_pods(rng)
    if kind < 0.6:
        return Peer(nodes=_selector(rng, ("pool",)))
    if kind < 0.7:
        return Peer(domains=tuple(rng.sample(DOMAINS, rng.randint(1, 2))))
    return Peer(block=IPBlock(ip_network(rng.choice(NETWORKS))))


def _tiered_pods(rng: random.Random) -> Peer:
    pods = _selector(rng, ("app", "tier", "track")) if rng.random() < 0.6 else None
    return Peer(pods, _selector(rng, ("team", "tier", NAME_LABEL)))


def _rule(rng: random.Random) -> Rule:
    peers = tuple(_peer(rng) for _ in range(rng.randint(1, 3))) if rng.random() < 0.8 else None
    ports = tuple(_ports(rng) for _ in range(rng.randint(1, 3))) if rng.random() < 0.8 else None
    return Rule(peers, ports)


def _peer(rng: random.Random) -> Peer:
    if rng.random() < 0.4:
        return Peer(block=_block(rng))
    pods = _selector(rng, ("app", "tier", "track")) if rng.random() < 0.8 else None
    namespaces = _selector(rng, ("team", "tier", NAME_LABEL)) if pods is None or rng.random() < 0.5 else None
    return Peer(pods, namespaces)


def _block(rng: random.Random) -> IPBlock:
    network = ip_network(rng.choice(NETWORKS))
    inside: list[Network] = [
        other
        for other in map(ip_network, NETWORKS)
        if other.version == network.version and other != network and network.supernet_of(other)  # type: ignore[arg-type]
    ]
    return IPBlock(network, tuple(rng.sample(inside, min(len(inside), rng.choice((0, 0, 1, 2))))))


def _ports(rng: random.Random) -> Ports:
    protocol, kind = rng.choice(PROTOCOLS), rng.random()
    if kind < 0.15:
        return Ports(protocol)
    if kind < 0.45:
        return Ports(protocol, rng.choice(NAMES))
    low = rng.choice(PORTS)
    return Ports(protocol, low, rng.choice((None, None, min(65535, low + rng.choice((0, 1, 10, 8000))))))


def _selector(rng: random.Random, keys: tuple[str, ...]) -> Selector:
    return Selector(tuple(_expression(rng, rng.choice(keys)) for _ in range(rng.choice((0, 1, 1, 2)))))


def _expression(rng: random.Random, key: str) -> Expression:
    operator = rng.choice(list(Operator))
    if operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST):
        return Expression(key, operator)
    values = "abc" if key == NAME_LABEL else "xyz"
    return Expression(key, operator, frozenset(rng.sample(values, rng.randint(1, 2))))
