"""Which connections change between two policy sets, told by workload; other words for the same are no change."""

from typing import Any

from fairway.policy.diff import Change, diff
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policies
from fairway.wire.words import Posture
from support.objects import cluster, namespace, node, pod, policy, service

PLACE = cluster(
    namespace("shop"),
    node("n1", "10.0.1.10"),
    node("n2", "10.0.2.10"),
    pod("shop/ui-1", "10.0.1.1", "fd00::1", labels={"app": "ui"}, owner="ReplicaSet/ui"),
    pod("shop/ui-2", "10.0.2.1", "fd00::2", labels={"app": "ui", "track": "new"}, owner="ReplicaSet/ui", on="n2"),
    pod("shop/db-0", "10.0.1.2", labels={"app": "db"}, ports={"sql": 5432}, owner="StatefulSet/db"),
    service("shop/db", "10.96.0.1", selector={"app": "db"}, ports=[{"port": 54, "targetPort": "sql"}]),
)
UI = {"podSelector": {"matchLabels": {"app": "ui"}}}
DB = {"matchLabels": {"app": "db"}}


def chosen(*policies: dict[str, Any], posture: Posture = Posture.ALLOW) -> PolicySet:
    return PolicySet(read_policies([("p.yaml", p) for p in policies], PLACE), posture)


def into_db(*rules: dict[str, Any]) -> dict[str, Any]:
    return policy("shop/db", podSelector=DB, policyTypes=["Ingress"], ingress=list(rules))


def told(changes: tuple[Change, ...]) -> list[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    return [(c.clients, c.servers, c.ports) for c in changes]


SQL = {"from": [UI], "ports": [{"port": 5432}]}


def test_a_port_more_and_a_port_less_name_ends_service_and_rule() -> None:
    found = diff(PLACE, chosen(into_db({"from": [UI], "ports": [{"port": 9}]})), chosen(into_db(SQL)))
    assert told(found.allowed) == [(("shop/ui",), ("shop/db",), ("TCP 5432",))]
    assert told(found.denied) == [(("shop/ui",), ("shop/db",), ("TCP 9",))]
    assert (found.allowed[0].through, found.allowed[0].families) == (("shop/db:54",), (4,))
    assert found.allowed[0].before == "ingress: shop/db isolates shop/db; no rule allows TCP 5432 from shop/ui"
    assert found.allowed[0].after.endswith("ingress: shop/db ingress[0] allows TCP 5432 from shop/ui")


def test_other_words_for_the_same_are_no_change() -> None:
    split = [
        policy("shop/a", podSelector=DB, ingress=[{"from": [UI], "ports": [{"port": 5000, "endPort": 5431}]}]),
        policy("shop/b", podSelector=DB, ingress=[{"from": [UI], "ports": [{"port": "sql"}]}]),
        policy("shop/c", podSelector=DB, ingress=[{"from": [UI], "ports": [{"port": 5433, "endPort": 6000}]}]),
    ]
    whole = into_db({"from": [UI, UI], "ports": [{"port": 5000, "endPort": 6000}]})
    assert diff(PLACE, chosen(*split), chosen(whole)).same
    assert diff(PLACE, chosen(*split), chosen(*reversed(split))).same


def test_some_pods_of_a_workload_are_counted() -> None:
    new = {"from": [{"podSelector": {"matchLabels": {"track": "new"}}}], "ports": [{"port": 5432}]}
    found = diff(PLACE, chosen(into_db(SQL)), chosen(into_db(new)))
    assert told(found.denied) == [(("shop/ui (1 of 2 pods)",), ("shop/db",), ("TCP 5432",))]


def test_networks_outside_are_told_by_what_tells_them_apart() -> None:
    block = {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}}
    found = diff(PLACE, chosen(into_db(SQL)), chosen(into_db(SQL, {"from": [block]})))
    assert told(found.allowed) == [
        (("outside 192.0.2.0/24 less 192.0.2.128/25",), ("shop/db",), ("every port and protocol",))
    ]
    assert found.denied == ()


def test_a_posture_is_a_change_of_everything_that_no_policy_selects() -> None:
    found = diff(PLACE, chosen(), chosen(posture=Posture.DENY))
    assert found.allowed == ()
    assert {c.ports for c in found.denied} == {("every port and protocol",), ("TCP 54",)}
    clients = {name for c in found.denied for name in c.clients}
    assert clients >= {"shop/ui", "shop/db", "every node", "outside 0.0.0.0/0", "outside ::/0"}


def test_a_nodes_own_pods_and_a_pod_itself_never_change() -> None:
    alone = cluster(namespace("a"), node("n1", "10.0.1.10"), pod("a/p", "10.0.1.1"))
    found = diff(alone, PolicySet(), PolicySet((), Posture.DENY))
    assert told(found.denied) == [
        (("a/p",), ("every node", "outside 0.0.0.0/0"), ("every port and protocol",)),
        (("outside 0.0.0.0/0",), ("a/p",), ("every port and protocol",)),
    ]


def test_a_service_some_of_whose_backends_stay_closed_has_its_own_line() -> None:
    where = cluster(
        namespace("s"),
        node("n1", "10.0.1.10"),
        pod("s/c", "10.0.1.1"),
        pod("s/x", "10.0.1.2", labels={"app": "x", "v": "1"}, ports={"http": 80}),
        pod("s/y", "10.0.1.3", labels={"app": "x", "v": "2"}, ports={"http": 80}),
        service("s/x", "10.96.0.1", selector={"app": "x"}),
    )
    closed = policy("s/in", podSelector={"matchLabels": {"v": "1"}}, ingress=[])
    old, new = PolicySet(), PolicySet(read_policies([("p.yaml", closed)], where))
    found = diff(where, old, new)
    assert (("s/c", "s/y"), ("Service s/x",), ("TCP 80 (1 of 2 backends, before 2)",)) in told(found.denied)
    assert diff(where, new, old).allowed
