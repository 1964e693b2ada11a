"""Topology: which namespaces there are, which addresses they have, which links join them. Pure.

    internet  aws  onprem  lb        outside: users and a payments provider, S3 and DynamoDB, an ERP, the balancer
        \\      |     |     /
              router                 the VPC: its routing tables and its resolver
        /           |       \\
    node-a        node-b     node-c  one zone each; Services by nftables, a /32 and /128 route per pod
     | |            | |        | |
    pods           pods       pods   a veth each; default route by 169.254.1.1 and fe80::1, as the AWS VPC CNI
"""

import hashlib
from dataclasses import dataclass
from typing import Final

CLUSTER_DOMAIN: Final = "cluster.local"
REGION: Final = "us-lab-1"
SERVICES_V4: Final = "10.96.0.0/16"
SERVICES_V6: Final = "fd00:10:96::/112"
CLUSTER_DNS: Final = ("10.96.0.10", "fd00:10:96::10")
VPC_RESOLVER: Final = ("10.0.0.2", "2001:db8::2")
USERS: Final = ("203.0.113.10", "2001:db8:f000::10")
PAYMENTS: Final = ("192.0.2.20", "2001:db8:f001::20")
BALANCER: Final = ("198.51.100.10", "2001:db8:e000::10")
BALANCER_INSIDE: Final = ("10.0.100.10", "10.0.101.10", "2001:db8:0:100::10", "2001:db8:0:101::10")
S3: Final = ("198.18.0.10", "198.18.0.11", "198.18.0.12", "2001:db8:a000::10", "2001:db8:a000::11")
DYNAMODB: Final = ("198.18.1.10", "198.18.1.11", "2001:db8:a001::10", "2001:db8:a001::11")
ERP: Final = ("198.18.128.10",)
ZONES: Final = {"node-a": "lab-1a", "node-b": "lab-1b", "node-c": "lab-1c"}
PODS_PER_NODE: Final = 127


@dataclass(frozen=True, slots=True)
class LabNode:
    """A node: its network namespace's name, its zone, its own addresses (IPv4, IPv6)."""

    name: str
    netns: str
    zone: str
    addresses: tuple[str, str]

    @property
    def number(self) -> int:
        return list(ZONES).index(self.name) + 1


@dataclass(frozen=True, slots=True)
class Segment:
    """One link from the router to another namespace, `eth0` there.

    `gateways` and `hosts` are addresses with prefix lengths on the router's and the other side; the first of
    each family makes the default route. `behind` are networks reached through the other side's first addresses.
    """

    where: str
    gateways: tuple[str, ...]
    hosts: tuple[str, ...]
    behind: tuple[str, ...] = ()


def netns(lab: str, where: str) -> str:
    """The name of one of a lab's network namespaces."""
    return f"fairway-{lab}-{where}"


def nodes(lab: str) -> tuple[LabNode, ...]:
    """The nodes of the lab, one per zone."""
    return tuple(
        LabNode(name, netns(lab, name), zone, (f"10.0.{n}.10", f"2001:db8:0:{n}::10"))
        for n, (name, zone) in enumerate(ZONES.items(), 1)
    )


def pod_addresses(node: str, index: int) -> tuple[str, str]:
    """The IPv4 and IPv6 address of a node's pod number `index`, 0 to PODS_PER_NODE - 1."""
    if not 0 <= index < PODS_PER_NODE:
        raise ValueError(f"pod {index} of {node}: a node has room for {PODS_PER_NODE} pods")
    n = list(ZONES).index(node) + 1
    return f"10.0.{n}.{128 + index}", f"2001:db8:0:{n}::{0x100 + index:x}"


def host_interface(namespace: str, pod: str) -> str:
    """The name of the host side of a pod's veth: `eni` and 11 digits, as the AWS VPC CNI names it."""
    return "eni" + hashlib.sha256(f"{namespace}.{pod}".encode()).hexdigest()[:11]


def hardware_address(interface: str) -> str:
    """A locally administered MAC address for a host interface, always the same."""
    digest = hashlib.sha256(interface.encode()).digest()
    return "0a:" + ":".join(f"{octet:02x}" for octet in digest[:5])


def segments() -> tuple[Segment, ...]:
    """Every link of the router: to the nodes and to what is outside the cluster."""
    inside = tuple(
        Segment(
            name,
            (f"10.0.{n}.1/24", f"2001:db8:0:{n}::1/64"),
            (f"10.0.{n}.10/24", f"2001:db8:0:{n}::10/64"),
            (f"10.0.{n}.128/25", f"2001:db8:0:{n}::100/120"),
        )
        for n, name in enumerate(ZONES, 1)
    )
    return (*inside, *_OUTSIDE)


_OUTSIDE: Final = (
    Segment(
        "internet",
        ("203.0.113.1/24", "192.0.2.1/24", "2001:db8:f000::1/64", "2001:db8:f001::1/64"),
        (f"{USERS[0]}/24", f"{PAYMENTS[0]}/24", f"{USERS[1]}/64", f"{PAYMENTS[1]}/64"),
    ),
    Segment(
        "aws",
        ("198.18.0.1/24", "198.18.1.1/24", "2001:db8:a000::1/48", "2001:db8:a001::1/48"),
        tuple(f"{a}/48" if ":" in a else f"{a}/24" for a in (*S3, *DYNAMODB)),
    ),
    Segment("onprem", ("198.18.128.1/24",), (f"{ERP[0]}/24",)),
    Segment(
        "lb",
        (
            "198.51.100.1/24",
            "10.0.100.1/24",
            "10.0.101.1/24",
            "2001:db8:e000::1/64",
            "2001:db8:0:100::1/64",
            "2001:db8:0:101::1/64",
        ),
        (
            f"{BALANCER[0]}/24",
            f"{BALANCER_INSIDE[0]}/24",
            f"{BALANCER_INSIDE[1]}/24",
            f"{BALANCER[1]}/64",
            f"{BALANCER_INSIDE[2]}/64",
            f"{BALANCER_INSIDE[3]}/64",
        ),
    ),
)


def published_ranges() -> dict[str, object]:
    """The lab's AWS address ranges, in the form of AWS's ip-ranges.json."""

    def entry(key: str, prefix: str, service: str) -> dict[str, str]:
        return {key: prefix, "region": REGION, "service": service, "network_border_group": REGION}

    v4 = (("198.18.0.0/17", "AMAZON"), ("198.18.0.0/24", "S3"), ("198.18.1.0/24", "DYNAMODB"))
    v6 = (("2001:db8:a000::/47", "AMAZON"), ("2001:db8:a000::/48", "S3"), ("2001:db8:a001::/48", "DYNAMODB"))
    return {
        "syncToken": "1790000000",
        "createDate": "2026-09-21-14-13-20",
        "prefixes": [entry("ip_prefix", *row) for row in v4],
        "ipv6_prefixes": [entry("ipv6_prefix", *row) for row in v6],
    }
