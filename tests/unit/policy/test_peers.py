"""Peers and ports as rules write them."""

from ipaddress import ip_network

import pytest

from fairway.policy.labels import LabelChooser
from fairway.policy.model import IPBlock, Peer, Ports
from fairway.policy.peers import PeerWriter, Rank, folded, is_dns
from fairway.wire.endpoint import Endpoint, Kind, NamedPort
from support.objects import at
from support.shop import cloud, shop

SHOP = shop()
CHOOSER = LabelChooser([(("monitoring", "StatefulSet/prometheus"), (("app", "prometheus"),))])
S3 = (ip_network("198.18.0.0/25"), ip_network("198.18.0.128/25"), ip_network("2001:db8:a000::/48"))
WRITER = PeerWriter(SHOP, CHOOSER, {"S3": S3})


def blocks(*cidrs: str) -> tuple[Peer, ...]:
    return tuple(Peer(block=IPBlock(ip_network(cidr))) for cidr in cidrs)


@pytest.mark.parametrize(
    ("end", "rank", "peers"),
    [
        (at(SHOP, "203.0.113.9"), Rank.EXTERNAL, blocks("203.0.113.9/32")),
        (at(SHOP, "2001:db8:f::9"), Rank.EXTERNAL, blocks("2001:db8:f::9/128")),
        (cloud(), Rank.CLOUD, blocks("198.18.0.0/24", "2001:db8:a000::/48")),
        (cloud("192.0.2.1"), Rank.EXTERNAL, blocks("192.0.2.1/32")),
        (at(SHOP, "10.0.1.10"), Rank.NODES,
         blocks("10.0.1.10/32", "10.0.2.10/32", "2001:db8:1::10/128", "2001:db8:2::10/128")),
        (Endpoint(kind=Kind.NODE, address="10.0.9.10"), Rank.EXTERNAL, blocks("10.0.9.10/32")),
    ],
)  # fmt: skip
def test_f03_f06_f10_addresses(end: Endpoint, rank: Rank, peers: tuple[Peer, ...]) -> None:
    remote = WRITER.remote(end, "ui")
    assert remote is not None
    assert (remote.rank, remote.peers) == (rank, peers)


def test_pods_are_selected_with_their_namespace_unless_it_is_the_own() -> None:
    own, foreign = (WRITER.remote(at(SHOP, "10.0.2.170"), home) for home in ("monitoring", "ui"))
    assert own is not None
    assert foreign is not None
    assert (own.peers[0].namespaces, foreign.peers[0].pods) == (None, own.peers[0].pods)
    assert foreign.peers[0].namespaces is not None
    assert WRITER.remote(at(SHOP, "10.0.1.131"), "ui") is None


@pytest.mark.parametrize(
    ("ports", "port", "protocol", "expected"),
    [
        ((), 53, "UDP", True),
        ((), 53, "TCP", True),
        ((), 53, "SCTP", False),
        ((), 5353, "UDP", False),
        ((NamedPort("dns", "UDP", 5353),), 5353, "UDP", True),
        ((NamedPort("dns", "UDP", 5353),), 5353, "TCP", False),
        ((NamedPort("dns-tcp", "TCP", 5353),), 5353, "TCP", True),
    ],
)
def test_f02_what_is_dns(ports: tuple[NamedPort, ...], port: int, protocol: str, expected: bool) -> None:
    server = Endpoint(kind=Kind.POD, address="10.0.0.1", ports=ports)
    assert is_dns(server, port, protocol) is expected


def test_f11_folding() -> None:
    few = [Ports("TCP", port) for port in range(40000, 40007)]
    assert folded(few) == tuple(few)
    many = [*few, Ports("TCP", 50000), Ports("TCP", 80), Ports("TCP", "http"), Ports("UDP", 40000)]
    assert folded(many) == (
        Ports("TCP", 80),
        Ports("TCP", 32768, 65535),
        Ports("TCP", "http"),
        Ports("UDP", 40000),
    )
