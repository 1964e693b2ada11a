"""A driver's own counters, asked of the real kernel; which of them are a cloud's allowances."""

import os

import pytest

from fairway.agent import ethtool
from fairway.agent.ethtool import allowances, statistics
from support.net import net


def test_nothing_from_who_counts_nothing() -> None:
    assert statistics("lo") == {}
    assert statistics("no-such-interface-with-a-long-name") == {}


def test_counters_of_a_real_driver() -> None:
    """A veth's driver tells the index of its other end."""
    if os.geteuid() != 0:
        pytest.skip("needs root: to make network namespaces")
    with net(1) as made:
        found: list[dict[str, int]] = []
        made.node.inside(lambda: found.append(statistics("pod0")))
        other_end = made.pods[0].run("ip", "-o", "link", "show", "eth0").stdout.partition(":")[0]
    assert found[0]["peer_ifindex"] == int(other_end)


def test_only_allowances_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = {
        "eth0": {"tx_bytes": 5, "bw_in_allowance_exceeded": 7, "conntrack_allowance_available": 100},
        "eth1": {"tx_bytes": 9},
    }
    monkeypatch.setattr(ethtool, "statistics", lambda name: cards.get(name, {}))
    assert allowances(["eth0", "eth1", "eth2"]) == {
        "eth0": {"bw_in_allowance_exceeded": 7, "conntrack_allowance_available": 100}
    }
