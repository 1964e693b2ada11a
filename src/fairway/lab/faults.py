"""Faults that are put into a running lab and taken out again: loss, a narrow link, a slow replica, no DNS, a full
table of connections.

Each is real: nftables drops packets, a token bucket (tc tbf) makes them wait and then drops them, and the table is
filled up to the limit that the kernel has.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fairway.lab import runtime
from fairway.lab.lab import Lab
from fairway.lab.shop import pods

_UPLINK = "eth0"
_DNS = 53


@contextmanager
def loss(lab: Lab, node: str, percent: int) -> Iterator[None]:
    """So many of a hundred packets over a node's link are lost, both ways; what stays on the node is not."""
    share = f"numgen random mod 100 < {percent} drop"
    rules = f'iifname "{_UPLINK}" {share}; oifname "{_UPLINK}" {share};'
    with _dropping(lab, [_netns(lab, node)], rules):
        yield


@contextmanager
def no_dns(lab: Lab) -> Iterator[None]:
    """No question to a resolver arrives anywhere."""
    rules = f"udp dport {_DNS} drop; tcp dport {_DNS} drop;"
    with _dropping(lab, [node.netns for node in lab.nodes], rules):
        yield


@contextmanager
def slow(lab: Lab, pod: str, rate: str = "10kbit") -> Iterator[None]:
    """What goes to a pod (`namespace/name`) waits, at so many bits a second, and hardly any of it is dropped."""
    found = next(one for one in pods() if one.title == pod)
    place = found.attachment(lab.config.name)
    with _shaped(place.node, place.interface, rate, "3s"):
        yield


@contextmanager
def narrow(lab: Lab, node: str, rate: str) -> Iterator[None]:
    """A node's link takes so many bits a second; packets wait a tenth of a second at most, then are dropped."""
    with _shaped(_netns(lab, node), _UPLINK, rate, "100ms"):
        yield


@contextmanager
def full_table(lab: Lab, node: str) -> Iterator[None]:
    """A node's table of connections is full: those that are in it go on, newcomers are dropped."""
    netns, program = _netns(lab, node), [sys.executable, "-m", "fairway.lab.conntrack"]
    try:
        _run(netns, [*program, "fill"])
        yield
    finally:
        _run(netns, [*program, "empty"])


def _netns(lab: Lab, node: str) -> str:
    return next(one.netns for one in lab.nodes if one.name == node)


@contextmanager
def _dropping(lab: Lab, places: Sequence[str], rules: str) -> Iterator[None]:
    table = f"inet fault_{lab.config.name.replace('-', '_')}"
    chain = f"table {table} {{ chain way {{ type filter hook forward priority -10; {rules} }}; }}"
    try:
        for netns in places:
            _nft(netns, chain)
        yield
    finally:
        for netns in places:
            _nft(netns, f"table {table}; delete table {table}")


@contextmanager
def _shaped(netns: str, interface: str, rate: str, wait: str) -> Iterator[None]:
    bucket = ["root", "tbf", "rate", rate, "burst", "4kb", "latency", wait]
    _run(netns, ["tc", "qdisc", "add", "dev", interface, *bucket])
    try:
        yield
    finally:
        _run(netns, ["tc", "qdisc", "del", "dev", interface, "root"])


def _nft(netns: str, rules: str) -> None:
    subprocess.run(runtime.in_netns(netns, ["nft", "-f", "-"]), input=rules, text=True, check=True)


def _run(netns: str, argv: Sequence[str]) -> None:
    subprocess.run(runtime.in_netns(netns, argv), check=True)
