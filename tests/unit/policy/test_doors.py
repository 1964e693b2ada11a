"""Protocols and ports as bits."""

import pytest

from fairway.policy.doors import Doors
from fairway.policy.model import NetworkPolicy, Pod, PolicySet, Ports, Rule, Selector
from fairway.wire.endpoint import NamedPort

ELEMENTS = (
    Ports("TCP", 80),
    Ports("TCP", 81, 90),
    Ports("UDP", 1, 65535),
    Ports("SCTP", 65535),
    Ports("TCP", "web"),
    Ports("UDP"),
)
POLICIES = PolicySet((NetworkPolicy("x", "p", Selector(), ingress=(Rule(ports=ELEMENTS),)),))
SERVING = Pod("u", "x", "a", ports=(NamedPort("web", "TCP", 8080),))
PORTS = (0, 1, 79, 80, 81, 85, 90, 91, 8079, 8080, 8081, 65534, 65535)


@pytest.mark.parametrize("element", [e for e in ELEMENTS if e.port != "web"])
def test_an_element_has_the_doors_of_its_ports_and_no_others(element: Ports) -> None:
    doors = Doors(POLICIES, [SERVING])
    low, high = (0, 65535) if element.port is None else (int(element.port), element.end or int(element.port))
    for protocol in ("TCP", "UDP", "SCTP", "ICMP"):
        for port in PORTS:
            inside = protocol == element.protocol and low <= port <= high
            assert bool(doors.of(element) & doors.at(protocol, port)) == inside, (protocol, port)


def test_the_digits_are_in_the_order_of_doors() -> None:
    doors = Doors(POLICIES, [SERVING])
    web = doors.digits(doors.at("TCP", 8080) | doors.at("ICMPv6", 0))
    for protocol in ("TCP", "UDP", "SCTP", "ICMP"):
        for port in PORTS:
            there = (protocol, port) == ("TCP", 8080) or (protocol == "ICMP" and port == 0)
            assert web[doors.first(protocol) + doors.before[port]] == str(int(there)), (protocol, port)


def test_more_doors_than_a_byte_counts() -> None:
    many = tuple(Ports("TCP", port) for port in range(2, 1000, 2))
    doors = Doors(PolicySet((NetworkPolicy("x", "p", Selector(), ingress=(Rule(ports=many),)),)), [])
    assert doors.of(many[-1]) & doors.at("TCP", 998)
    assert len({doors.before[port] for port in range(1001)}) == 999


def test_no_rules_one_door_each() -> None:
    assert Doors(PolicySet(), []).every == 0b1111
