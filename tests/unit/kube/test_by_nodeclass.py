"""Rollouts by EKS Auto Mode's NodeClasses: Karpenter's side is played, no cloud was at hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import yaml

from fairway.hub.rollouts.drivers import Scene
from fairway.kit.errors import UsageError
from fairway.kube.by_nodeclass import ByNodeClass
from fairway.kube.rolled import policy_of
from fairway.policy.model import Cluster, Pod
from fairway.rollout import state as acts
from fairway.rollout.budgets import Budget
from fairway.rollout.order import Gates, Limits, Order
from fairway.rollout.plan import plan, wanted
from fairway.rollout.seen import Broken, Seen
from fairway.rollout.state import State
from fairway.wire.words import Posture
from support.apiserver import ApiServerReplay, api_server
from support.karpenter import Karpenter

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEB: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"namespace": "shop", "name": "web"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
}
ORDER = Order(
    name="green",
    policies=yaml.safe_dump(WEB),
    driver="nodeclass",
    posture=Posture.DENY,
    soak=timedelta(seconds=30),
    gates=Gates(quiet=timedelta(), score=0),
    limits=Limits(budgets=(Budget(nodes="1"),)),
)
CLUSTER = Cluster(
    namespaces={"shop": {}},
    pods=(Pod(uid="1", namespace="shop", name="web-1", node="node-default-1"),),
    policies=(policy_of(WEB),),
)


@pytest.fixture
def server() -> Iterator[ApiServerReplay]:
    with api_server(for_hub=True) as running:
        yield running


class Playing:
    """The driver and the plan; the clock is the test's."""

    def __init__(self, server: ApiServerReplay) -> None:
        self.server = server
        self.seconds = 1000.0
        self.driver = ByNodeClass(server.access, lambda: self.seconds)
        self.state = acts.start(State(order=ORDER, since=T0), T0)
        self.seen = Seen(unscored="", quiet_since=T0)
        self.waits = ""

    @property
    def scene(self) -> Scene:
        return Scene(CLUSTER, {}, None, T0 + timedelta(seconds=self.seconds))

    def go(self, seconds: float = 5, **more: object) -> "Playing":
        self.seconds += seconds
        self.seen = msgspec.structs.replace(self.seen, **more)
        while True:
            asked = wanted(self.state)
            self.driver.make_so(ORDER, asked, self.scene)
            seen = msgspec.structs.replace(self.seen, units=self.driver.units(ORDER, asked, self.scene))
            found = plan(self.state, seen, self.scene.now)
            self.waits = found.waits
            if found.state == self.state:
                return self
            self.state = found.state


@pytest.fixture
def playing(server: ApiServerReplay) -> Iterator[Playing]:
    made = Playing(server)
    yield made
    made.driver.close()


def test_a_class_is_patched_and_its_nodes_are_followed_as_they_roll(
    server: ApiServerReplay, playing: Playing
) -> None:
    karpenter = Karpenter(server, 3)
    before = dict(karpenter.nodeclass["spec"])
    playing.driver.check(ORDER, playing.scene)
    assert playing.go().waits == "default (0 of 3 nodes replaced) to enforce"
    denying = {"networkPolicy": "DefaultDeny", "networkPolicyEventLogs": "Enabled"}
    assert karpenter.nodeclass["spec"] == {**before, **denying}
    told = []
    while karpenter.step():
        told.append(playing.go().waits)
    assert told == [
        "default (1 of 3 nodes replaced) to enforce",
        "default (2 of 3 nodes replaced) to enforce",
        "the soak of 30 s",
    ]
    assert playing.go(30).state.phase == "done"
    assert playing.driver.unit_of({"node": "node-default-5"}) == "default"
    # Taken back it is what it was, and Karpenter rolls its nodes back.
    playing.state = acts.back(playing.state, "step", T0)
    assert playing.go().waits == "default (0 of 3 nodes replaced) to stop dropping"
    assert karpenter.nodeclass["spec"] == before
    assert "labels" not in karpenter.nodeclass["metadata"]
    while karpenter.step():
        playing.go()
    assert playing.state.phase == "stepped-back"


def test_a_breakage_half_way_leaves_the_nodes_that_had_not_begun(server: ApiServerReplay, playing: Playing) -> None:
    karpenter = Karpenter(server, 3)
    playing.go()
    karpenter.step()
    broken = Broken(client="a", server="b", port="1/TCP", count=1, unit="default", last=T0)
    assert playing.go(denied=(broken,)).state.phase == "stepping-back"
    karpenter.look()
    assert playing.go().waits == "default (2 of 3 nodes replaced) to stop dropping"  # two never began
    assert karpenter.step() == 1
    assert playing.go().state.phase == "stepped-back"


def test_karpenters_own_budgets_hold_and_are_told(server: ApiServerReplay, playing: Playing) -> None:
    karpenter = Karpenter(server, 2, budget="0")
    playing.go()
    assert karpenter.step() == 0
    assert playing.go().waits == (
        "default (0 of 2 nodes replaced; the budgets of NodePool default allow none now) to enforce"
    )


def test_a_field_that_somebody_else_holds_is_left_to_them(server: ApiServerReplay, playing: Playing) -> None:
    karpenter = Karpenter(server, 1)
    value = karpenter.nodeclass
    held = {"manager": "terraform", "fieldsV1": {"f:spec": {"f:networkPolicy": {}}}}
    value["metadata"]["managedFields"] = [held]
    server.put("nodeclasses", {**value, "spec": {**value["spec"], "networkPolicy": "DefaultAllow"}})
    karpenter.step()
    playing.go()
    [unit] = playing.driver.units(ORDER, wanted(playing.state), playing.scene)
    assert 'conflict with "terraform": .spec.networkPolicy' in unit.trouble
    assert karpenter.nodeclass["spec"]["networkPolicy"] == "DefaultAllow"


def test_what_cannot_be_driven_is_refused_with_a_sentence(server: ApiServerReplay, playing: Playing) -> None:
    def refused(order: Order = ORDER, cluster: Cluster = CLUSTER) -> str:
        with pytest.raises(UsageError) as error:
            playing.driver.check(order, Scene(cluster, {}, None, T0))
        return str(error.value)

    assert "the API server has no NodeClass; use driver `objects`" in refused()
    server.missing.discard("ec2nodeclasses")
    assert "strict mode is one setting of its DaemonSet" in refused()
    Karpenter(server, 1)
    assert "give the posture that it has, deny" in refused(msgspec.structs.replace(ORDER, posture=Posture.ALLOW))
    assert "`x` is no NodeClass of this cluster; there are: default" in refused(
        msgspec.structs.replace(ORDER, nodes=("x",))
    )
    assert "NetworkPolicy shop/web is not in force as ordered" in refused(cluster=Cluster())
