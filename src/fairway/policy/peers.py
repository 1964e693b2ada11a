"""Peers: how a rule writes the other end of a connection, and which ports it names."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Final

from fairway.policy.decide import parsed
from fairway.policy.evidence import Evidence
from fairway.policy.labels import LabelChooser, Labels, workload_of
from fairway.policy.model import Cluster, Expression, IPBlock, Operator, Peer, Ports, Selector
from fairway.policy.select import NAME_LABEL
from fairway.wire.address import Address, Network
from fairway.wire.endpoint import Endpoint, Kind

DNS_PORT: Final = 53
DNS_NAMES: Final = ("dns", "dns-tcp")
_CLUSTER_DNS: Final = ("kube-system", (("k8s-app", "kube-dns"),))
_GROUP_LENGTH: Final = 64
"""Of IPv6; that of IPv4 is a person's choice."""
_DYNAMIC: Final = 32768
_MANY_PORTS: Final = 8


class Rank(IntEnum):
    """The order of rules: near peers first."""

    PODS = 0
    DNS = 1
    NODES = 2
    CLOUD = 3
    EXTERNAL = 4
    ANYWHERE = 5


@dataclass(slots=True)
class Remote:
    """One peer of a workload as its rule will write it, with the ports seen and the evidence. No peers: anyone; no
    ports: all."""

    rank: Rank
    title: str
    peers: tuple[Peer, ...]
    ports: set[Ports] = field(default_factory=set)
    evidence: Evidence = field(default_factory=Evidence)
    asks_dns: bool = False


def label_selector(labels: Labels) -> Selector:
    """matchLabels."""
    return Selector(tuple(Expression(key, Operator.IN, frozenset({value})) for key, value in sorted(labels)))


def pods_peer(namespace: str, labels: Labels, home: str) -> Peer:
    """Pods with these labels, seen from a policy of namespace `home`."""
    place = None if namespace == home else label_selector(((NAME_LABEL, namespace),))
    return Peer(pods=label_selector(labels), namespaces=place)


def is_dns(server: Endpoint, port: int, protocol: str) -> bool:
    """The port is one where names are resolved; some clusters' DNS pods listen elsewhere than on 53."""
    named = any(p.name in DNS_NAMES and (p.number, p.protocol) == (port, protocol) for p in server.ports)
    return protocol in ("UDP", "TCP") and (port == DNS_PORT or named)


def is_cluster_dns(end: Endpoint) -> bool:
    """The end is one of the cluster's own DNS pods."""
    namespace, labels = _CLUSTER_DNS
    return end.kind is Kind.POD and end.namespace == namespace and set(labels) <= set(end.labels)


class PeerWriter:
    """Writes endpoints as peers, for one cluster and one set of published networks."""

    def __init__(
        self,
        cluster: Cluster,
        chooser: LabelChooser,
        published: Mapping[str, Sequence[Network]],
        *,
        whole_namespaces: bool = False,
    ) -> None:
        self._chooser = chooser
        self._whole = whole_namespaces
        self._published = published
        self._nodes = {parsed(address) for node in cluster.nodes for address in node.addresses}
        self._node_peers = _blocks(self._nodes)
        self._inside = {parsed(a) for pod in cluster.pods for a in pod.addresses} | self._nodes

    def remote(self, end: Endpoint, home: str) -> Remote | None:
        """The peer for `end` in a policy of namespace `home`; None if no label of its pods lasts."""
        if is_cluster_dns(end):
            peer = pods_peer(*_CLUSTER_DNS, home)
            return Remote(Rank.DNS, f"cluster DNS ({end.group})", (peer,))
        if end.kind is Kind.POD and self._whole:
            place = label_selector(((NAME_LABEL, end.namespace),))
            peer = Peer(pods=Selector()) if end.namespace == home else Peer(namespaces=place)
            return Remote(Rank.PODS, f"namespace {end.namespace}", (peer,))
        if end.kind is Kind.POD:
            choice = self._chooser.choice(workload_of(end))
            if choice is None:
                return None
            return Remote(Rank.PODS, end.group, (pods_peer(end.namespace, choice.labels, home),))
        if parsed(end.address) in self._nodes:
            return Remote(Rank.NODES, "the cluster's nodes", self._node_peers)
        networks = self._published.get(end.name, ()) if end.kind is Kind.CLOUD else ()
        if any(parsed(end.address) in network for network in networks):
            return Remote(Rank.CLOUD, f"{end.name}, its published networks", _network_peers(networks))
        return Remote(Rank.EXTERNAL, end.address, _blocks([parsed(end.address)]))

    def grouped(self, remotes: Iterable[Remote], merge_at: int, length: int = 24) -> list[Remote]:
        """Addresses with the same ports as one network of `length` (IPv6: 64), where at least `merge_at` of it
        were seen and no pod or node is in it. 0: never."""
        kept: list[Remote] = []
        near: dict[tuple[Network, frozenset[Ports]], list[Remote]] = defaultdict(list)
        for remote in remotes:
            if remote.rank is not Rank.EXTERNAL:
                kept.append(remote)
                continue
            address = parsed(remote.title)
            network: Network = ip_network(
                (address, length if address.version == 4 else _GROUP_LENGTH), strict=False
            )
            near[network, frozenset(remote.ports)].append(remote)
        for (network, ports), members in near.items():
            if not merge_at or len(members) < merge_at or any(address in network for address in self._inside):
                kept += members
                continue
            title = f"{network} ({len(members)} addresses of it)"
            whole = Remote(Rank.EXTERNAL, title, (Peer(block=IPBlock(network)),), set(ports))
            for member in members:
                whole.evidence.merge(member.evidence)
                whole.asks_dns |= member.asks_dns
            kept.append(whole)
        return kept


def _blocks(addresses: Iterable[Address]) -> tuple[Peer, ...]:
    return _network_peers([ip_network(address) for address in addresses])


def _network_peers(networks: Iterable[Network]) -> tuple[Peer, ...]:
    """The networks without overlaps, as blocks: IPv4 first."""
    listed = list(networks)
    apart: list[Network] = list(collapse_addresses([n for n in listed if isinstance(n, IPv4Network)]))
    apart += collapse_addresses([n for n in listed if isinstance(n, IPv6Network)])
    return tuple(Peer(block=IPBlock(network)) for network in apart)


def folded(ports: Iterable[Ports]) -> tuple[Ports, ...]:
    """The ports in order; many numbers of the dynamic range (FTP, RPC) become the whole range."""
    kept: set[Ports] = set(ports)
    for protocol in ("TCP", "UDP", "SCTP"):
        dynamic = {p for p in kept if p.protocol == protocol and isinstance(p.port, int) and p.port >= _DYNAMIC}
        if len(dynamic) >= _MANY_PORTS:
            kept = (kept - dynamic) | {Ports(protocol, _DYNAMIC, 65535)}
    return tuple(sorted(kept, key=lambda p: (p.protocol, isinstance(p.port, str), str(p.port).zfill(5))))
