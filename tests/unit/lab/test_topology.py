from ipaddress import ip_address, ip_interface, ip_network

import pytest

from fairway.lab import topology

OUTSIDE = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15")]
LAB = [*OUTSIDE, ip_network("10.0.0.0/16"), ip_network("2001:db8::/32")]


def test_three_nodes_in_three_zones() -> None:
    nodes = topology.nodes("x")
    assert [(n.name, n.zone, n.netns) for n in nodes] == [
        ("node-a", "lab-1a", "fairway-x-node-a"),
        ("node-b", "lab-1b", "fairway-x-node-b"),
        ("node-c", "lab-1c", "fairway-x-node-c"),
    ]
    assert nodes[1].addresses == ("10.0.2.10", "2001:db8:0:2::10")


def test_no_address_belongs_to_anybody_else() -> None:
    for segment in topology.segments():
        for text in (*segment.gateways, *segment.hosts, *segment.behind):
            address = ip_interface(text).ip
            assert any(address in network for network in LAB), text


def test_every_host_shares_a_network_with_a_gateway() -> None:
    for segment in topology.segments():
        networks = {ip_interface(gateway).network for gateway in segment.gateways}
        assert {ip_interface(host).network for host in segment.hosts} == networks


def test_pod_addresses_lie_in_what_the_router_sends_to_the_node() -> None:
    behind = {s.where: [ip_network(n) for n in s.behind] for s in topology.segments()}
    for node in topology.ZONES:
        for index in (0, topology.PODS_PER_NODE - 1):
            for address in topology.pod_addresses(node, index):
                assert any(ip_address(address) in network for network in behind[node])
    assert topology.pod_addresses("node-c", 0) == ("10.0.3.128", "2001:db8:0:3::100")


@pytest.mark.parametrize("index", [-1, topology.PODS_PER_NODE])
def test_a_full_node_takes_no_pod(index: int) -> None:
    with pytest.raises(ValueError, match="room for 127"):
        topology.pod_addresses("node-a", index)


def test_interface_names_fit_the_kernel_and_macs_are_local_unicast() -> None:
    name = topology.host_interface("some-long-namespace", "some-very-long-pod-name-0123456789")
    assert len(name) <= 15
    assert name == topology.host_interface("some-long-namespace", "some-very-long-pod-name-0123456789")
    assert name != topology.host_interface("some-long-namespace", "another")
    first = int(topology.hardware_address(name).split(":")[0], 16)
    assert first & 3 == 2


def test_published_ranges_hold_the_services_and_nothing_else() -> None:
    published = topology.published_ranges()
    ranges = [
        (ip_network(entry.get("ip_prefix") or entry["ipv6_prefix"]), entry["service"])
        for key in ("prefixes", "ipv6_prefixes")
        for entry in published[key]  # type: ignore[attr-defined]
    ]

    def of(address: str) -> set[str]:
        return {service for network, service in ranges if ip_address(address) in network}

    assert all(of(address) == {"AMAZON", "S3"} for address in topology.S3)
    assert all(of(address) == {"AMAZON", "DYNAMODB"} for address in topology.DYNAMODB)
    assert not any(of(address) for address in (*topology.PAYMENTS, *topology.ERP, *topology.USERS))
