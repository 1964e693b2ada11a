"""Checks of rules against recorded flows: those that nobody used, and those far wider than what used them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from fairway.policy.ends import listed
from fairway.policy.explain import port_title
from fairway.policy.findings import Check, Finding, Severity
from fairway.policy.model import Action, Peer, Rule
from fairway.policy.peers import is_cluster_dns
from fairway.policy.replay import users
from fairway.policy.scene import Scene
from fairway.wire.edge import Edge
from fairway.wire.words import Direction

WIDE: Final = 16
"""A range of more ports than this is wide if fewer than half of them were used."""


def _use(scene: Scene) -> Iterator[Finding]:
    """What recorded traffic says about each rule."""
    if scene.edges is None:
        return
    used: dict[str, list[Edge]] = defaultdict(list)
    for title, edge in users(scene.edges, scene.policies, scene.cluster):
        used[title].append(edge)
    for placed in scene.rules:
        rule, where = placed.rule, placed.where
        seen = used.get(placed.title)
        if placed.action is Action.DENY:
            continue  # a guard that nobody ran into is no mistake
        if not seen:
            do = "remove it, or say why it must stay; traffic may be rarer than the recording is long"
            yield Finding(Severity.NOTE, "unused", where, "no recorded flow used it", do)
            continue
        if placed.action is Action.PASS:
            continue
        ports = sorted({port_title(edge.port, edge.protocol) for edge in seen})
        if _wide_ports(rule, len(ports)):
            what = f"allows {_width(rule)} ports; the flows that used it went to {listed(ports)}"
            yield Finding(Severity.NOTE, "too-wide", where, what, f"name the ports: {listed(ports)}")
        if _wide_peers(rule) and not all(map(is_cluster_dns, scene.subjects(placed.policy))):
            ends = sorted({(e.client if placed.direction is Direction.INGRESS else e.server).group for e in seen})
            what = f"allows {_whom(rule)}; the flows that used it were of {listed(ends)}"
            yield Finding(Severity.NOTE, "too-wide", where, what, f"name the peers: {listed(ends)}")


def _wide_ports(rule: Rule, used: int) -> bool:
    if rule.ports is None or any(element.port is None for element in rule.ports):
        return True
    widths = [e.end - e.port + 1 for e in rule.ports if isinstance(e.port, int) and e.end is not None]
    return any(width > WIDE and used * 2 < width for width in widths)


def _width(rule: Rule) -> str:
    if rule.ports is None:
        return "all"
    if any(element.port is None for element in rule.ports):
        return f"all {listed(sorted({e.protocol for e in rule.ports if e.port is None}))}"
    return str(sum(e.end - e.port + 1 for e in rule.ports if isinstance(e.port, int) and e.end is not None))


def _wide_peers(rule: Rule) -> bool:
    return rule.peers is None or any(_everyone(peer) for peer in rule.peers)


def _everyone(peer: Peer) -> bool:
    """The whole of the world, or all pods of the cluster."""
    if peer.block is not None:
        return peer.block.network.prefixlen == 0
    everywhere = peer.namespaces is not None and not peer.namespaces.expressions
    return everywhere and (peer.pods is None or not peer.pods.expressions)


def _whom(rule: Rule) -> str:
    if rule.peers is None:
        return "everyone"
    return "every address" if any(peer.block and _everyone(peer) for peer in rule.peers) else "every pod"


CHECKS: Final[tuple[Check, ...]] = (_use,)
