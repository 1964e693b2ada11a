"""Ends: the addresses of a cluster and of the world outside, in classes that two policy sets cannot tell apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from fairway.policy.compile import Compiled
from fairway.policy.directory import Directory, node_endpoint, pod_endpoint
from fairway.policy.model import Cluster
from fairway.policy.vocabulary import network_order
from fairway.wire.address import Network
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.rules import OPEN, WORLD

Numbers = tuple[tuple[int, int], tuple[int, int]]
"""Policy numbers by slot, each (ingress, egress)."""
_OPEN: Numbers = ((OPEN, OPEN), (OPEN, OPEN))


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """Addresses of one group and family that get the same answers. `members` has one Endpoint per address;
    of a network outside, one example. Compared and hashed by identity."""

    kind: Kind
    group: str
    family: int
    identity: int
    members: tuple[Endpoint, ...]
    numbers: Numbers = _OPEN


def find_ends(cluster: Cluster, compiled: Compiled) -> list[End]:
    """Every end that may open or take a connection: pods, nodes, Services, networks outside."""
    return [
        *_pods(compiled),
        *_nodes(cluster, compiled),
        *_services(cluster, compiled),
        *_outside(cluster, compiled),
    ]


def _pods(compiled: Compiled) -> Iterator[End]:
    classes: dict[tuple[str, int, int, Numbers], list[Endpoint]] = defaultdict(list)
    for address, subject in sorted(compiled.holders.items()):
        end = pod_endpoint(subject.pod, address)
        key = (end.group, family_of(address), compiled.identities.of(address), subject.numbers)
        classes[key].append(end)
    for (group, family, identity, numbers), members in sorted(classes.items()):
        yield End(Kind.POD, group, family, identity, tuple(members), numbers)


def _nodes(cluster: Cluster, compiled: Compiled) -> Iterator[End]:
    classes: dict[tuple[int, int], list[Endpoint]] = defaultdict(list)
    for node in cluster.nodes:
        for address in node.addresses:
            classes[family_of(address), compiled.identities.of(address)].append(node_endpoint(node, address))
    for (family, identity), members in sorted(classes.items()):
        names = sorted({end.name for end in members})
        title = "every node" if len(names) == len(cluster.nodes) else f"node {listed(names)}"
        yield End(Kind.NODE, title, family, identity, tuple(members))


def _services(cluster: Cluster, compiled: Compiled) -> Iterator[End]:
    directory = Directory(cluster)
    for address, identity in compiled.identities.services.items():
        end = directory.at(address)
        if end is not None:
            title = f"Service {end.namespace}/{end.name}"
            yield End(Kind.SERVICE, title, family_of(address), identity, (end,))


def _outside(cluster: Cluster, compiled: Compiled) -> Iterator[End]:
    """The listed networks by identity, each less the longer ones in it, and what no list mentions."""
    taken = {*compiled.identities.exact, *(a for node in cluster.nodes for a in node.addresses)}
    for family, root in ((4, ip_network("0.0.0.0/0")), (6, ip_network("::/0"))):
        listing = {root: WORLD, **{n: i for n, i in compiled.identities.networks.items() if n.version == family}}
        networks = sorted(listing, key=network_order)
        found: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for index, network in enumerate(networks):
            nested = [n for n in networks[index + 1 :] if n.network_address in network]
            address = _free(network, nested, taken)
            if address:
                others = [str(n) for n in nested if listing[n] != listing[network]]
                less = f" less {listed(others)}" if others else ""
                found[listing[network]].append((f"{network}{less}", address))
        for identity, places in sorted(found.items()):
            end = Endpoint(kind=Kind.EXTERNAL, address=places[0][1])
            yield End(Kind.EXTERNAL, f"outside {listed([t for t, _ in places])}", family, identity, (end,))


def _free(network: Network, nested: list[Network], taken: set[str]) -> str:
    """The lowest address of the network that is in no nested one and that nobody holds; empty if none is."""
    value, last = int(network.network_address), int(network.broadcast_address)
    holes = sorted((int(n.network_address), int(n.broadcast_address)) for n in nested)
    kind = type(network.network_address)
    while value <= last:
        hole = max((high for low, high in holes if low <= value <= high), default=None)
        if hole is not None:
            value = hole + 1
        elif str(kind(value)) in taken:
            value += 1
        else:
            return str(kind(value))
    return ""


def family_of(address: str) -> int:
    """4 or 6."""
    return ip_address(address).version


def listed(names: Iterable[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    every = list(names)
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")
