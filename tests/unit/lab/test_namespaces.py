from pathlib import Path

import pytest

from fairway.lab import namespaces, topology
from fairway.lab.namespaces import Attachment

POD = Attachment(
    node="fairway-x-node-a",
    netns="fairway-x-pod-ui-ui-0",
    interface="eni0123456789a",
    addresses=("10.0.1.128", "2001:db8:0:1::100"),
    sources=("10.0.1.10", "2001:db8:0:1::10"),
)


def test_the_nodes_side_routes_each_address_to_the_veth() -> None:
    mac = topology.hardware_address(POD.interface)
    assert namespaces.attach_lines(POD) == [
        f"link add eni0123456789a address {mac} type veth peer name eth0 netns fairway-x-pod-ui-ui-0",
        "link set eni0123456789a up",
        "route add 10.0.1.128/32 dev eni0123456789a src 10.0.1.10",
        "route add 2001:db8:0:1::100/128 dev eni0123456789a src 2001:db8:0:1::10",
    ]


def test_the_pods_side_has_a_gateway_that_is_only_a_neighbour() -> None:
    mac = topology.hardware_address(POD.interface)
    assert namespaces.pod_lines(POD) == [
        "link set lo up",
        "addr add 10.0.1.128/32 dev eth0",
        "addr add 2001:db8:0:1::100/128 dev eth0 nodad",
        "link set eth0 up",
        "route add 169.254.1.1 dev eth0 scope link",
        f"neigh add 169.254.1.1 lladdr {mac} dev eth0 nud permanent",
        "route add default via 169.254.1.1 dev eth0",
        f"neigh add fe80::1 lladdr {mac} dev eth0 nud permanent",
        "route add default via fe80::1 dev eth0",
    ]


def test_the_router_reaches_pods_through_their_node() -> None:
    lines = namespaces.router_lines("x")
    assert "link add node-b type veth peer name eth0 netns fairway-x-node-b" in lines
    assert "route add 10.0.2.128/25 via 10.0.2.10" in lines
    assert "route add 2001:db8:0:2::100/120 via 2001:db8:0:2::10" in lines


def test_an_outside_host_speaks_with_its_first_address() -> None:
    internet = next(s for s in topology.segments() if s.where == "internet")
    lines = namespaces.segment_lines(internet)
    assert "route add default via 203.0.113.1 src 203.0.113.10" in lines
    assert "route add default via 2001:db8:f000::1 src 2001:db8:f000::10" in lines


@pytest.mark.parametrize(
    ("search", "lines"),
    [
        ("", ["nameserver 10.0.0.2"]),
        (
            "ui.svc.cluster.local",
            ["nameserver 10.0.0.2", "search ui.svc.cluster.local", "options ndots:5 timeout:1 attempts:2"],
        ),
    ],
)
def test_resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search: str, lines: list[str]) -> None:
    monkeypatch.setattr(namespaces, "PER_NAMESPACE_ETC", tmp_path)
    namespaces.write_resolver("pod", "10.0.0.2", search)
    assert (tmp_path / "pod" / "resolv.conf").read_text().splitlines() == lines


def test_entering_a_namespace_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        namespaces.inside("fairway-nowhere", lambda: None)
