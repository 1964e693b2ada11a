"""Pods that nobody names: veths with host routes."""

import os

import pytest

from fairway.agent.discover import NodeItself, discover, v4_hosts, v6_hosts
from fairway.agent.netlink import Netlink
from fairway.wire.address import text
from fairway.wire.rules import NodePod
from support.net import net

V4 = """Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
pod0	8201000A	00000000	0005	0	0	0	FFFFFFFF	0	0	0
short
"""
NONE = "00000000000000000000000000000000 00 00000000000000000000000000000000"
V6 = f"""20010db8000000010000000000000100 80 {NONE} 00000400 00000001 00000000 00000001     pod0
20010db8000000010000000000000010 80 {NONE} 00000000 00000004 00000000 80200001       lo
fe800000000000000000000000000001 80 {NONE} 00000400 00000001 00000000 00000001     pod0
fd000000000000000000000000000000 40 {NONE} 00000100 00000001 00000000 00000001     eth0
"""


def test_host_routes_out_of_the_kernels_tables() -> None:
    assert [(name, text(address)) for name, address in v4_hosts(V4.splitlines())] == [("pod0", "10.0.1.130")]
    found = [(name, text(address)) for name, address in v6_hosts(V6.splitlines())]
    assert found == [("pod0", "2001:db8:0:1::100")]


def test_the_pods_of_a_real_node() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: to make network namespaces")
    with net(2) as made:
        found: list[tuple[NodePod, ...]] = []

        def look() -> None:
            netlink = Netlink()
            found.append(tuple(discover(netlink).values()))
            itself = NodeItself("node", netlink)
            feed = itself.poll()
            assert feed
            assert (feed.node, feed.pods, feed.table.rows) == ("node", found[0], ())
            assert itself.poll() is None
            netlink.close()

        made.node.inside(look)
        assert found[0]
        assert [(pod.name, pod.addresses) for pod in found[0]] == [
            (f"pod{i}", (host.v4, host.v6)) for i, host in enumerate(made.pods)
        ]
