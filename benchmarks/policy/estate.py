"""Large clusters to measure on: drawn from a seed, shaped like real ones.

Namespaces hold about twenty workloads of some replicas; most workloads have a Service and a policy of their own,
which lets in the workloads that call it and out to those that it calls, DNS included. Some policies name networks,
a port's name, or a port of everybody; each namespace lets itself in; a few cluster-wide policies stand above all.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, ip_network
from typing import Final

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
from fairway.wire.address import Network
from fairway.wire.endpoint import NamedPort

PER_NAMESPACE: Final = 20
PODS_PER_NODE: Final = 30
_PORTS: Final = (8080, 8080, 8080, 8443, 9090, 5432, 6379, 9092)
_POD_BASE: Final = int(IPv4Address("10.0.0.0"))
_SERVICE_BASE: Final = int(IPv4Address("172.20.0.1"))
_NODE_BASE: Final = int(IPv4Address("10.128.0.1"))
_EVERYONE: Final = Peer(namespaces=Selector())


@dataclass(frozen=True)
class Workload:
    """A drawn workload: its pods' numbers in the cluster and the port it serves."""

    namespace: str
    name: str
    port: NamedPort
    pods: range

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        return (("app.kubernetes.io/name", self.name), ("pod-template-hash", f"{hash_of(self.name):08x}"))


@dataclass(frozen=True)
class Estate:
    """A cluster with its policies; `calls` are (client, server) by workload number, which the policies allow."""

    cluster: Cluster
    policies: PolicySet
    workloads: tuple[Workload, ...]
    calls: tuple[tuple[int, int], ...]

    @cached_property
    def sizes(self) -> dict[str, int]:
        return {
            "pods": len(self.cluster.pods),
            "services": len(self.cluster.services),
            "nodes": len(self.cluster.nodes),
            "policies": self.policies.size,
        }


def hash_of(text: str) -> int:
    """A number that is the same in every run."""
    return random.Random(text).getrandbits(32)


def draw(pods: int, policies: int, seed: int = 1, calls_each: int = 4, replicas: int = 5) -> Estate:
    """About `pods` pods and `policies` policies; each workload calls up to `calls_each` others."""
    chance = random.Random(seed)
    workloads = _workloads(max(2, pods // replicas), replicas, chance)
    spaces = sorted({workload.namespace for workload in workloads})
    calls = _calls(workloads, calls_each, chance)
    tiered = _tiered()
    written = _policies(workloads, calls, policies - len(tiered), chance)
    nodes = max(1, pods // PODS_PER_NODE)
    cluster = Cluster(
        namespaces={name: {NAME_LABEL: name, "team": f"team-{i % 25}"} for i, name in enumerate(spaces)},
        nodes=tuple(Node(f"node-{i}", (str(IPv4Address(_NODE_BASE + i)),), f"zone-{i % 3}") for i in range(nodes)),
        pods=tuple(_pod(number, one, nodes) for one in workloads for number in one.pods),
        services=tuple(_service(i, one) for i, one in enumerate(workloads) if i % 10 < 8),
    )
    return Estate(cluster, PolicySet(tuple(written), tiered=tiered), workloads, calls)


def address_of(pod: int) -> str:
    """Of pod number so and so; pods of one workload are spread over the network as they are over nodes."""
    return str(IPv4Address(_POD_BASE + (pod * 7919) % (1 << 20)))


def _workloads(count: int, replicas: int, chance: random.Random) -> tuple[Workload, ...]:
    found, start = [Workload("kube-system", "coredns", NamedPort("dns", "UDP", 53), range(replicas))], replicas
    found.append(
        Workload("monitoring", "prometheus", NamedPort("web", "TCP", 9090), range(start, start + replicas))
    )
    for index in range(2, count):
        start += replicas
        number = chance.choice(_PORTS)
        port = NamedPort("http" if number in (8080, 8443) else "main", "TCP", number)
        found.append(Workload(f"ns-{index // PER_NAMESPACE}", f"app-{index}", port, range(start, start + replicas)))
    return tuple(found)


def _calls(workloads: tuple[Workload, ...], each: int, chance: random.Random) -> tuple[tuple[int, int], ...]:
    """Mostly within the namespace, some to anywhere; everybody asks the DNS, and is scraped."""
    near: dict[str, list[int]] = defaultdict(list)
    for index, workload in enumerate(workloads):
        near[workload.namespace].append(index)
    found = set()
    for index, workload in enumerate(workloads):
        for _ in range(chance.randint(1, each)):
            other = (
                chance.choice(near[workload.namespace])
                if chance.random() < 0.7
                else chance.randrange(len(workloads))
            )
            if other != index:
                found.add((index, other))
        found |= {(index, 0), (1, index)}
    return tuple(sorted((a, b) for a, b in found if a != b))


def _pod(number: int, workload: Workload, nodes: int) -> Pod:
    name = f"{workload.name}-{hash_of(workload.name):08x}-{number:05x}"
    return Pod(
        uid=f"uid-{number:06d}",
        namespace=workload.namespace,
        name=name,
        labels=workload.labels,
        addresses=(address_of(number),),
        ports=(workload.port, NamedPort("metrics", "TCP", 9100)),
        node=f"node-{(number * 31) % nodes}",
        workload=f"Deployment/{workload.name}",
    )


def _service(index: int, workload: Workload) -> Service:
    port = {8080: 80, 8443: 443}.get(workload.port.number, workload.port.number)
    backends = tuple((address_of(pod), workload.port.number) for pod in workload.pods)
    address = str(IPv4Address(_SERVICE_BASE + index))
    ports = (ServicePort(workload.port.name, workload.port.protocol, port, backends),)
    return Service(workload.namespace, workload.name, (address,), ports)


def _matching(**labels: str) -> Selector:
    keys = {"name": "app.kubernetes.io/name", "place": NAME_LABEL}
    return Selector(
        tuple(Expression(keys.get(k, k), Operator.IN, frozenset({v})) for k, v in sorted(labels.items()))
    )


def _peer(end: Workload, home: str) -> Peer:
    return Peer(_matching(name=end.name), None if end.namespace == home else _matching(place=end.namespace))


def _policies(
    workloads: tuple[Workload, ...], calls: tuple[tuple[int, int], ...], count: int, chance: random.Random
) -> list[NetworkPolicy]:
    clients: dict[int, list[int]] = defaultdict(list)
    servers: dict[int, list[int]] = defaultdict(list)
    for client, server in calls:
        servers[client].append(server)
        clients[server].append(client)
    found = []
    for index, workload in enumerate(workloads[:count]):
        own = _ports(workload, chance)
        near = tuple(_peer(workloads[i], workload.namespace) for i in clients[index] if i != 1)
        ingress = [Rule(near if index else (_EVERYONE,), own)] if near else []
        called = servers[index] if index != 1 else ()
        egress = [Rule((_peer(workloads[i], workload.namespace),), _ports(workloads[i], chance)) for i in called]
        if index == 1:
            egress.append(Rule((_EVERYONE,), (Ports("TCP", 9100), Ports("TCP", 9090))))
        dice = chance.random()
        if dice < 0.1:
            egress.append(Rule((Peer(block=_block(chance)),), (Ports("TCP", 443),)))
        elif dice < 0.13:
            egress.append(Rule(None, (Ports("TCP", 443),)))
        elif dice < 0.16:
            ingress.append(Rule((Peer(pods=Selector()),), None))
        found.append(
            NetworkPolicy(
                workload.namespace, workload.name, _matching(name=workload.name), tuple(ingress), tuple(egress)
            )
        )
    spaces = sorted({workload.namespace for workload in workloads})
    for index in range(count - len(found)):
        peer = Peer(namespaces=_matching(team=f"team-{index % 25}"))
        rule = Rule((peer,), (Ports("TCP", 9100), Ports("TCP", 15000 + index)))
        found.append(NetworkPolicy(spaces[index % len(spaces)], f"team-{index}", Selector(), (rule,)))
    return found


def _ports(server: Workload, chance: random.Random) -> tuple[Ports, ...]:
    port = server.port
    if port.protocol == "UDP":
        return (Ports("UDP", 53), Ports("TCP", 53))
    return (Ports("TCP", port.name if chance.random() < 0.2 else port.number),)


def _block(chance: random.Random) -> IPBlock:
    if chance.random() < 0.3:
        holes: tuple[Network, ...] = (ip_network("10.0.0.0/8"), ip_network("172.16.0.0/12"))
        return IPBlock(ip_network("0.0.0.0/0"), holes)
    return IPBlock(
        ip_network(f"52.{chance.randrange(64)}.{chance.randrange(4) * 64}.0/{chance.choice((18, 20, 24))}")
    )


def _tiered() -> tuple[TieredPolicy, ...]:
    """Monitoring may scrape _EVERYONE, nobody may ask the cloud's metadata, and what has no policy takes 8443 from
    its own kind of team only."""
    scrape = Rule((Peer(namespaces=_matching(place="monitoring")),), (Ports("TCP", 9100), Ports("TCP", 9090)))
    metadata = Rule((Peer(block=IPBlock(ip_network("169.254.169.254/32"))),))
    closed = Rule((Peer(namespaces=_matching(team="team-7")),), (Ports("TCP", 8443),))
    kind = "ClusterNetworkPolicy"
    return (
        TieredPolicy(kind, "scrape", Tier.ADMIN, 10, _EVERYONE, ingress=(TieredRule(Action.ACCEPT, scrape),)),
        TieredPolicy(kind, "metadata", Tier.ADMIN, 20, _EVERYONE, egress=(TieredRule(Action.DENY, metadata),)),
        TieredPolicy(kind, "apart", Tier.BASELINE, 10, _EVERYONE, ingress=(TieredRule(Action.DENY, closed),)),
    )
