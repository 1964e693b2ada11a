"""The shop's cluster and what is generated from a few edges of it, for tests."""

from typing import Any

from fairway.policy.generate import Generated, Options, generate
from fairway.policy.model import Cluster, NetworkPolicy, Peer, Ports
from fairway.wire.edge import Edge
from support.objects import edge
from support.shop import shop

UI, UI2, ORDERS, DB, DNS, SCRAPER = (
    "10.0.1.131",
    "10.0.2.131",
    "10.0.1.141",
    "10.0.1.160",
    "10.0.1.150",
    "10.0.2.170",
)
SHOP = shop()


def made(*edges: Edge, where: Cluster = SHOP, **options: Any) -> Generated:
    return generate(edges, where, Options(**options))


def of(generated: Generated, title: str) -> NetworkPolicy:
    return next(p.policy for p in generated.policies if p.policy.title == title)


def titles(generated: Generated) -> list[str]:
    return [p.policy.title for p in generated.policies]


def reasons(generated: Generated) -> list[str]:
    return [left.reason for left in generated.left_out]


def egress_ports(generated: Generated, title: str = "ui/ui") -> set[Ports]:
    return {ports for rule in of(generated, title).egress or () for ports in rule.ports or ()}


def peers(generated: Generated, title: str, direction: str) -> list[Peer]:
    return [peer for rule in getattr(of(generated, title), direction) for peer in rule.peers or ()]


def networks(generated: Generated, title: str, direction: str = "egress") -> list[str]:
    return [str(peer.block.network) for peer in peers(generated, title, direction) if peer.block]


def to_world(address: str, client: str = UI, port: int = 443, **more: Any) -> Edge:
    return edge(SHOP, client, address, port, **more)
