"""The cluster's nodes over HTTP: what each is to be held to, and whether anybody reports from it."""

from collections import Counter

import msgspec
from litestar import get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency

from fairway.hub.agents import Agent
from fairway.hub.api.access import only
from fairway.hub.auth import Role
from fairway.hub.service import Hub
from fairway.wire.words import Mode


class NodeState(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the cluster. `mode` is of the policies in force there: off, audit or enforce; `wanted` the revision
    of its rules. `agent` null: none has reported. `in_cluster` false: it reports, and the cluster has no such node.
    """

    name: str
    zone: str
    pods: int
    mode: str
    wanted: int | None
    agent: Agent | None
    in_cluster: bool = True


class Nodes(msgspec.Struct, frozen=True, kw_only=True):
    """By name."""

    nodes: list[NodeState]


@get("/api/v1/nodes", guards=[only(Role.VIEWER)], tags=["agents"], summary="Each node, its agent and its rules")
async def nodes(hub: NamedDependency[Hub]) -> Nodes:
    """Of the cluster as it is, and of whoever else reports."""
    return await sync_to_thread(lambda: _nodes(hub))


def _nodes(hub: Hub) -> Nodes:
    cluster = hub.require_ready()
    active = hub.wanted.read().active
    pods = Counter(pod.node for pod in cluster.pods if not pod.finished)
    agents = hub.agents.running(hub.receiver.programs).agents
    zones = {node.name: node.zone for node in cluster.nodes}
    told = []
    for name in sorted(zones.keys() | agents.keys()):
        feed = hub.feed(name)
        told.append(
            NodeState(
                name=name,
                zone=zones.get(name, ""),
                pods=pods[name],
                mode=(active.mode_on(name) if active else Mode.OFF).name.lower(),
                wanted=int(feed.tag.strip('"')) if feed else None,
                agent=agents.get(name),
                in_cluster=name in zones,
            )
        )
    return Nodes(nodes=told)
