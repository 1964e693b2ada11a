"""Rollouts by NetworkPolicies: what is written, in which order, whose it is; the API server is replayed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
import yaml

from fairway.hub.rollouts.drivers import Scene
from fairway.hub.surroundings import Orders
from fairway.kit.errors import EnvironmentLacksError, UsageError
from fairway.kube.api import Api
from fairway.kube.by_objects import ByObjects
from fairway.kube.deeds import apply_all, wanted
from fairway.kube.detect import Detected
from fairway.kube.rolled import policy_of
from fairway.policy.model import Cluster, NetworkPolicy, Pod, PolicySet, Selector
from fairway.rollout import state as acts
from fairway.rollout.budgets import Budget
from fairway.rollout.order import Gates, Limits, Order
from fairway.rollout.plan import Wanted, plan
from fairway.rollout.plan import wanted as wanted_by
from fairway.rollout.seen import Seen
from fairway.rollout.state import State
from fairway.wire.words import Initiator, Mode, Posture, Verdict
from support.apiserver import ApiServerReplay, api_server
from support.asking import ask
from support.clustered import cluster_of_nodes, hub_on
from support.played import PATH, Agents, phase
from support.reports import UI

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOP = Cluster(
    namespaces={"db": {}, "shop": {}},
    pods=(Pod(uid="1", namespace="shop", name="web-1", node="node-a"),),
)


def policy(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    chosen = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress"], **spec}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, "name": name},
        "spec": chosen,
    }


WEB = policy("shop", "web", ingress=[{"ports": [{"port": 8080}]}])
POLICIES = [policy("shop", "closed"), WEB, policy("db", "db", ingress=[{"from": [{"podSelector": {}}]}])]
ORDER = Order(
    name="blue",
    policies=yaml.safe_dump_all(POLICIES),
    driver="objects",
    posture=Posture.DENY,
    soak=timedelta(seconds=30),
    gates=Gates(quiet=timedelta(), score=0),
    limits=Limits(budgets=(Budget(nodes="1"),), canary=("shop",)),
)


@pytest.fixture
def server() -> Iterator[ApiServerReplay]:
    with api_server(for_hub=True) as running:
        yield running
        for driver in Playing.drivers:
            driver.close()
        Playing.drivers.clear()


class Playing:
    """The driver and the plan, with a clock that only the test moves."""

    drivers: ClassVar[list[ByObjects]] = []

    def __init__(self, server: ApiServerReplay, order: Order = ORDER) -> None:
        self.server, self.order = server, order
        self.seconds = 1000.0
        self.nobody = False
        self.driver = ByObjects(server.access, self.detected, lambda: self.seconds)
        self.drivers.append(self.driver)
        self.state = State(order=order, since=T0)
        self.waits = ""

    def detected(self) -> Detected:
        return Detected(("Flannel",), "none", "", self.nobody, observe_only=False, warnings=())

    def scene(self, orders: Orders | None = None, **obeying: bool) -> Scene:
        return Scene(SHOP, obeying, orders, T0 + timedelta(seconds=self.seconds))

    def go(self, seconds: float = 0) -> "Playing":
        """Until it waits, after so many seconds; told as the runner of the hub tells it."""
        self.seconds += seconds
        while True:
            asked, scene = wanted_by(self.state), self.scene()
            self.driver.make_so(self.order, asked, scene)
            seen = Seen(units=self.driver.units(self.order, asked, scene), unscored="", quiet_since=T0)
            found = plan(self.state, seen, scene.now)
            self.waits = found.waits
            if found.state == self.state:
                return self
            self.state = found.state

    def there(self) -> set[str]:
        return {"/".join(key) for key in self.server.objects.get("networkpolicies", {})}

    def done(self) -> list[str]:
        """Everything that was written since last asked, in order."""
        log = self.server.log.get("networkpolicies", [])
        told = [f"{kind} {value['metadata']['namespace']}/{value['metadata']['name']}" for _, kind, value in log]
        log.clear()
        return told


def test_what_allows_goes_first_and_what_denies_goes_last_and_back_first(server: ApiServerReplay) -> None:
    playing = Playing(server)
    playing.state = acts.start(playing.state, T0)
    assert playing.go().done() == ["ADDED shop/web"]
    assert playing.waits == "shop to enforce"
    assert playing.go(9).done() == []  # the plugin may not obey yet
    assert playing.go(1).done() == ["ADDED shop/closed", "ADDED shop/fairway-default-deny"]
    assert playing.go(10).waits == "the soak of 30 s"
    assert playing.go(30).done() == ["ADDED db/db"]
    playing.go(10)
    assert playing.done() == ["ADDED db/fairway-default-deny"]
    playing.go(10)
    assert playing.go(30).state.phase == "done"
    labels = {
        value["metadata"]["labels"]["fairway.dev/rollout"] for value in server.objects["networkpolicies"].values()
    }
    assert labels == {"blue"}
    # Somebody removes one: it is there again. Taking back takes the last step, what denies before what allows.
    server.delete("networkpolicies", "web", "shop")
    playing.done()
    assert playing.go(10).done() == ["ADDED shop/web"]
    playing.state = acts.back(playing.state, "step", T0)
    assert playing.go().done() == ["DELETED db/fairway-default-deny", "DELETED db/db"]
    assert (playing.state.phase, playing.there()) == (
        "stepped-back",
        {"shop/web", "shop/closed", "shop/fairway-default-deny"},
    )
    playing.state = acts.abort(playing.state, T0)
    playing.go()
    assert playing.there() == set()


def test_what_is_anothers_is_left_alone_and_what_was_ours_comes_back(server: ApiServerReplay) -> None:
    theirs = policy("shop", "theirs")
    server.put("networkpolicies", theirs)
    server.put("networkpolicies", {**WEB, "metadata": {**WEB["metadata"], "labels": {"owner": "argo"}}})
    playing = Playing(server)
    with pytest.raises(UsageError, match="NetworkPolicy shop/web is there and is somebody else's"):
        playing.driver.check(ORDER, playing.scene())
    server.delete("networkpolicies", "web", "shop")
    before = policy("shop", "web", ingress=[{"ports": [{"port": 9999}]}])
    with Api(server.access) as api:
        apply_all(api, [wanted(before, staged=False)])
    playing.driver.check(ORDER, playing.scene())
    enforced = Wanted(enforcing=("shop",), on_trial=True)
    playing.driver.make_so(ORDER, enforced, playing.scene())
    assert server.objects["networkpolicies"]["shop", "web"]["spec"] == WEB["spec"]
    playing.driver.make_so(ORDER, Wanted(enforcing=(), on_trial=True), playing.scene())
    restored = server.objects["networkpolicies"]["shop", "web"]
    assert restored["spec"] == before["spec"]
    assert restored["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "fairway"}
    assert "annotations" not in restored["metadata"]
    assert server.objects["networkpolicies"]["shop", "theirs"]["spec"] == theirs["spec"]


def test_what_somebody_took_over_is_told_and_not_removed(server: ApiServerReplay) -> None:
    playing = Playing(server)
    playing.driver.make_so(ORDER, Wanted(enforcing=("shop",), on_trial=True), playing.scene())
    taken = server.objects["networkpolicies"]["shop", "web"]
    taken["metadata"]["managedFields"] = [{"manager": "kubectl", "fieldsV1": {"f:spec": {"f:ingress": {}}}}]
    server.put("networkpolicies", {**taken, "spec": {"podSelector": {}}})
    back = Wanted(enforcing=(), on_trial=True)
    assert not playing.driver.make_so(ORDER, back, playing.scene())
    [unit] = [one for one in playing.driver.units(ORDER, back, playing.scene()) if one.name == "shop"]
    assert (unit.obeys, unit.trouble) == (
        False,
        "NetworkPolicy shop/web: somebody else holds its spec by now; take it back by hand",
    )
    assert playing.there() == {"shop/web"}


def test_an_api_server_that_is_away_is_asked_again(server: ApiServerReplay) -> None:
    playing, enforced = Playing(server), Wanted(enforcing=("db", "shop"), on_trial=True)
    server.failing = 1
    with pytest.raises(EnvironmentLacksError, match="500"):
        playing.driver.make_so(ORDER, enforced, playing.scene())
    assert not playing.driver.make_so(ORDER, enforced, playing.scene())
    assert playing.there() == {"db/db", "shop/web"}
    # Another hub comes and goes on from what is there.
    again = Playing(server)
    again.driver.make_so(ORDER, enforced, again.scene())
    again.seconds += 10
    again.driver.make_so(ORDER, enforced, again.scene())
    assert len(playing.there()) == 5


def test_where_fairway_enforces_its_agents_say_when(server: ApiServerReplay) -> None:
    order = replace_policies(policy("shop", "web", ingress=[{"ports": [{"port": 8080}]}]))
    playing, enforced = Playing(server, order), Wanted(enforcing=("shop",), on_trial=True)
    orders = Orders(active=PolicySet(), usual=Mode.ENFORCE)
    assert not playing.driver.make_so(order, enforced, playing.scene(orders))
    playing.seconds += 1000  # time does not tell
    obeyed = playing.scene(orders, **{"node-a": True})
    assert not playing.driver.units(order, enforced, obeyed)[0].obeys
    cluster = replace(SHOP, policies=(policy_of(WEB),))
    assert playing.driver.units(order, enforced, replace(obeyed, cluster=cluster))[0].obeys
    assert not playing.driver.units(order, enforced, replace(obeyed, cluster=cluster, obeying={}))[0].obeys
    stale = NetworkPolicy("shop", "web", Selector())
    assert not playing.driver.units(order, enforced, replace(obeyed, cluster=replace(SHOP, policies=(stale,))))[
        0
    ].obeys


def replace_policies(*policies: dict[str, Any]) -> Order:
    return msgspec.structs.replace(ORDER, policies=yaml.safe_dump_all(policies), posture=Posture.ALLOW)


def test_policies_that_nobody_would_enforce_are_told(server: ApiServerReplay) -> None:
    playing = Playing(server)
    assert playing.driver.unenforced(ORDER, playing.scene()) == ()
    playing.nobody = True
    told = playing.driver.unenforced(ORDER, playing.scene())
    assert [line.partition(";")[0] for line in told] == [
        "db: Flannel does not enforce NetworkPolicies",
        "shop: Flannel does not enforce NetworkPolicies",
    ]
    orders = Orders(active=PolicySet(), namespaces={"shop": Mode.ENFORCE, "db": Mode.ENFORCE})
    assert playing.driver.unenforced(ORDER, playing.scene(orders)) == ()


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ([policy("nowhere", "x")], "namespace `nowhere` is not there"),
        ([policy("db", "db")], "canary `shop` is no namespace that the policies are for"),
    ],
)
def test_orders_that_make_no_sense(server: ApiServerReplay, policies: list[dict[str, Any]], said: str) -> None:
    playing = Playing(server)
    with pytest.raises(UsageError, match=said):
        playing.driver.check(replace_policies(*policies), playing.scene())


def test_a_hub_rolls_out_by_objects_and_takes_back_what_would_deny(tmp_path: Path) -> None:
    with cluster_of_nodes(tmp_path) as running, hub_on(running, tmp_path) as (hub, _):
        agents = Agents(hub)
        agents.more = [("node-b", {"remote": UI, "port": 8080})]
        agents.beat()
        agents.arrived()
        given = policy("orders", "orders", podSelector={}, ingress=[{"from": [{"podSelector": {}}]}])
        order = {"name": "shop", "policies": yaml.safe_dump(given), "driver": "objects", "soak": "PT600S"}
        order |= {"settle": "PT0.2S", "gates": {"quiet": "PT0S", "score": 0}}
        assert ask(hub, "POST", f"{PATH}/", json={"order": order}).status_code == 201
        assert ask(hub, "POST", f"{PATH}/shop/start", json={}).status_code == 200
        agents.until(lambda found: found["waits"].startswith("the soak"))
        assert ("orders", "orders") in running.objects["networkpolicies"]
        # Whoever enforces drops it; our agents say that the policies on trial would.
        denied = {"remote": UI, "port": 8080, "connections": 1, "staged": Verdict.DENY, "staged_reason": 1}
        agents.more = [("node-b", {**denied, "initiator": Initiator.REMOTE})]
        found = agents.until(phase("stepped-back"))
        [broken] = found["breakage"]["denied"]
        assert (broken["client"], broken["server"], broken["unit"]) == ("ui/ui-1", "orders/orders-1", "orders")
        assert running.objects["networkpolicies"] == {}
