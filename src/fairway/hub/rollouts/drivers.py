"""Drivers: who makes so what a rollout wants of its units, and says what is so.

Here: the kernel's modes, node by node. Those that need a Kubernetes API come with the surroundings
(`kube.by_objects`, `kube.by_nodeclass`); beside them the hub judges live traffic by the policies all the same.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from fairway.hub.auth import Principal, Role
from fairway.hub.intent import Intent, PolicyChoice
from fairway.hub.surroundings import Orders
from fairway.hub.wishes import Choice, Wish, kept_as
from fairway.kit.errors import UsageError
from fairway.policy.directory import pod_endpoint
from fairway.policy.model import Cluster
from fairway.rollout.order import Order
from fairway.rollout.plan import Wanted
from fairway.rollout.seen import Unit

if TYPE_CHECKING:
    from fairway.hub.service import Hub

SILENT: Final = timedelta(seconds=45)
"""An agent that said nothing for so long is in trouble: intervals of 10 s leave it four."""
SELF: Final = Principal(name="rollout", role=Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a driver looks at. `obeying`: by node, whether its agent does what is wanted; `orders` are those of the
    cluster's own objects, where it has such."""

    cluster: Cluster
    obeying: Mapping[str, bool]
    orders: Orders | None
    now: datetime


class Driver(Protocol):
    """One way to enforce. A call that raises FairwayError or OSError is made again."""

    def check(self, order: Order, scene: Scene) -> None:
        """UsageError for an order that it cannot carry out here."""
        ...

    def make_so(self, order: Order, asked: Wanted, scene: Scene) -> bool:
        """Do the next thing that is to be done, however often it is asked; whether nothing is left to do."""
        ...

    def units(self, order: Order, asked: Wanted, scene: Scene) -> tuple[Unit, ...]:
        """Every unit that there is, and whether it does what is asked by now."""
        ...

    def unenforced(self, order: Order, scene: Scene) -> tuple[str, ...]:
        """What would be accepted and enforced by nobody, one line each."""
        ...

    def unit_of(self, row: Mapping[str, Any]) -> str:
        """Whose a denial is: a row of `database.trials.denials_since`, which its `reporter`'s policies denied."""
        ...

    def close(self) -> None:
        """Ask nobody any more."""
        ...


class Modes:
    """Fairway's kernel modes: units are nodes, and a flip of one is a row in its tables."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    def check(self, order: Order, scene: Scene) -> None:
        known = {node.name for node in scene.cluster.nodes}
        if named := sorted({*(order.nodes or ()), *order.limits.canary} - known):
            raise UsageError(f"`{named[0]}` is not a node of this cluster; its nodes: {', '.join(sorted(known))}")

    def make_so(self, order: Order, asked: Wanted, scene: Scene) -> bool:
        # A node that is gone has nothing to enforce, and must not keep others from being switched.
        there = {node.name for node in scene.cluster.nodes}
        nodes = tuple(node for node in asked.enforcing if node in there)
        intend(self._hub, order, nodes, asked, scene.cluster)
        return True

    def units(self, order: Order, asked: Wanted, scene: Scene) -> tuple[Unit, ...]:
        agents, replicas = self._hub.agents.agents, replicas_by(scene.cluster, "node")
        found = []
        for node in scene.cluster.nodes:
            agent = agents.get(node.name)
            quiet = scene.now - datetime.fromtimestamp(agent.last_seen_us / 1e6, UTC) if agent else None
            trouble = ""
            if quiet is None:
                trouble = "no agent reports"
            elif quiet > SILENT:
                trouble = f"its agent is silent for {quiet.total_seconds():.0f} s"
            obeys = agent is not None and scene.obeying.get(node.name, False)
            found.append(
                Unit(name=node.name, zone=node.zone, replicas=replicas[node.name], trouble=trouble, obeys=obeys)
            )
        return tuple(found)

    def unenforced(self, order: Order, scene: Scene) -> tuple[str, ...]:
        return ()

    def unit_of(self, row: Mapping[str, Any]) -> str:
        return str(row["node"])

    def close(self) -> None:
        return


class Beside:
    """A driver of the surroundings. The hub judges by the policies, too, and leaves enforcing to it."""

    def __init__(self, hub: "Hub", driver: Driver) -> None:
        self._hub = hub
        self._driver = driver
        self.check, self.units = driver.check, driver.units
        self.unenforced, self.unit_of, self.close = driver.unenforced, driver.unit_of, driver.close

    def make_so(self, order: Order, asked: Wanted, scene: Scene) -> bool:
        intend(self._hub, order, (), asked, scene.cluster)
        return self._driver.make_so(order, asked, scene)


def intend(hub: "Hub", order: Order, nodes: tuple[str, ...], asked: Wanted, cluster: Cluster) -> None:
    """Write what is wanted of the agents as the hub's intent, unless it says so already."""
    chosen, kept = Choice(policies=order.policies, posture=order.posture), on_trial(hub, order)
    active = msgspec.structs.replace(chosen, nodes=nodes) if nodes else None
    staged = chosen if asked.on_trial else None
    told = Intent(
        active=msgspec.structs.replace(kept, nodes=nodes) if nodes else None,
        staged=kept if asked.on_trial else None,
    )
    if hub.wanted.read() == told:
        return
    enforcing = ", ".join(asked.enforcing) or "nowhere"
    wish = Wish(active=active, staged=staged, why=f"rollout {order.name} enforces {enforcing}")
    hub.wanted.change(wish, cluster, SELF, lambda _: True)
    hub.wake()


def undisturbed(hub: "Hub", order: Order, asked: Wanted, cluster: Cluster) -> bool:
    """Does the hub's intent say what a rollout wants of it? Once it is done a person may have said otherwise."""
    kept, intent = on_trial(hub, order), hub.wanted.read()
    active, there = intent.active, {node.name for node in cluster.nodes}
    nodes = () if active is None else active.nodes
    told = there if nodes is None else there.intersection(nodes)
    enforcing = there.intersection(asked.enforcing if order.driver == "modes" else ())
    return intent.staged == kept and told == enforcing and (active is None or active.policies == kept.policies)


def on_trial(hub: "Hub", order: Order) -> PolicyChoice:
    """How an order's policies stand in the hub's intent while they are on trial."""
    return kept_as(Choice(policies=order.policies, posture=order.posture), hub.config.state)


def replicas_by(cluster: Cluster, of: str) -> Mapping[str, Mapping[str, int]]:
    """By a pod's attribute (`node`, `namespace`): how many pods it has of each workload."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for pod in cluster.pods:
        if not pod.finished and not pod.host_network:
            found[getattr(pod, of)][pod_endpoint(pod, "").group] += 1
    return found
