"""Who is at an end: what the record says, completed by the cluster; or what the cluster and ranges say."""

from ipaddress import ip_address, ip_network

import pytest

from fairway.cloud.ranges import Ranges
from fairway.hub.importers.ends import Ends, Told, Words, controller, stand_in
from fairway.wire.endpoint import Endpoint, Kind
from support.objects import cluster, node, pod, service

CLUSTER = cluster(
    node("n1", "10.0.1.10", zone="z1"),
    pod("a/web-7d9fbc4d5-abcde", "10.0.1.131", labels={"app": "web", "pod-template-hash": "7d9fbc4d5"},
        ports={"http": 8080}, owner="ReplicaSet/web-7d9fbc4d5"),
    pod("a/agent", "10.0.1.10", host_network=True),
    service("a/web", "10.96.0.1"),
)  # fmt: skip
RANGES = Ranges({"S3": (ip_network("198.18.0.0/24"),)})


def named(told: Told) -> Endpoint:
    ends = Ends(CLUSTER, RANGES)
    return ends.endpoints[ends.told(told)]


@pytest.mark.parametrize(
    ("address", "kind", "title"),
    [
        ("10.0.1.131", Kind.POD, "a/web-7d9fbc4d5-abcde"),
        ("10.0.1.10", Kind.NODE, "n1"),
        ("10.96.0.1", Kind.SERVICE, "web"),
        ("10.0.1.77", Kind.UNKNOWN, "10.0.1.77"),
        ("198.18.0.1", Kind.CLOUD, "S3"),
        ("203.0.113.5", Kind.EXTERNAL, "203.0.113.5"),
    ],
)
def test_by_address(address: str, kind: Kind, title: str) -> None:
    ends = Ends(CLUSTER, RANGES)
    end = ends.endpoints[ends.at(address)]
    assert (end.kind, end.title) == (kind, title)
    assert ends.at(address) == ends.at(address)


def test_a_pod_by_name_is_completed_and_keeps_its_own_labels() -> None:
    end = named(Told(Kind.POD, "", "a", "web-7d9fbc4d5-abcde", labels=(("app", "then"),)))
    assert (end.address, end.workload, end.node, end.zone) == ("10.0.1.131", "Deployment/web", "n1", "z1")
    assert end.labels == (("app", "then"),)
    assert [port.number for port in end.ports] == [8080]


@pytest.mark.parametrize(
    "told",
    [
        Told(Kind.POD, "", "a", "web-7d9fbc4d5-*"),
        Told(Kind.POD, "", "a", "web-*"),
        Told(Kind.POD, "", "a", "", labels=(("app", "web"),)),
    ],
)
def test_pods_together_are_one_of_the_cluster(told: Told) -> None:
    end = named(told)
    assert (end.address, end.workload) == ("10.0.1.131", "Deployment/web")


def test_a_pod_that_is_gone_is_its_workloads_but_not_where_another_is() -> None:
    end = named(Told(Kind.POD, "10.0.9.9", "a", "web-7d9fbc4d5-gone1", "Deployment/web"))
    assert (end.title, end.address, end.workload, end.node) == (
        "a/web-7d9fbc4d5-gone1",
        "10.0.9.9",
        "Deployment/web",
        "",
    )
    assert [port.number for port in end.ports] == [8080]


def test_a_host_network_pod_is_its_node() -> None:
    assert named(Told(Kind.POD, "10.0.1.10", "a", "agent")).kind is Kind.NODE


def test_a_pod_of_another_cluster_is_what_its_record_says() -> None:
    end = named(Told(Kind.POD, "10.7.7.7", "b", "db-0", "StatefulSet/db", (("app", "db"),), "n9", "z9"))
    assert (end.title, end.workload, end.node, end.zone) == ("b/db-0", "StatefulSet/db", "n9", "z9")


@pytest.mark.parametrize(
    ("name", "labels", "workload"),
    [
        ("web-7d9fbc4d5-abcde", (("pod-template-hash", "7d9fbc4d5"),), "Deployment/web"),
        ("web-7d9fbc4d5-*", (), "Deployment/web"),
        ("redis-master-*", (), "StatefulSet/redis-master"),  # no hash: those have no vowels
        ("db-0", (), "Pod/db-0"),
        ("", (("app", "web"),), "Pod/web"),
    ],
)
def test_whose_a_pod_is_without_a_cluster(name: str, labels: tuple[tuple[str, str], ...], workload: str) -> None:
    assert controller(Told(Kind.POD, namespace="a", name=name, labels=labels))[0] == workload


def test_a_stand_in_is_nobodys_and_always_the_same() -> None:
    told = Told(Kind.POD, namespace="a", name="web-*")
    assert stand_in(told) == stand_in(told._replace(labels=(("a", "b"),)))
    assert stand_in(told) != stand_in(told._replace(namespace="b"))
    assert ip_address(stand_in(told)).is_reserved


@pytest.mark.parametrize("told", [Told(), Told(Kind.NODE), Told(address="x"), Told(Kind.POD, "", "a", "x" * 600)])
def test_nothing_to_name(told: Told) -> None:
    with pytest.raises(ValueError, match=r".+"):
        named(told)


def test_many_at_once() -> None:
    ends = Ends()
    assert ends.many(["10.0.0.1", "x", "10.0.0.2", "10.0.0.1", "-"]).tolist() == [0, -1, 1, 0, -1]
    ends.forget()
    assert (ends.endpoints, ends.generation) == ([], 1)


def test_words_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.hub.importers.ends.MAX_WORDS", 3)
    words = Words()
    assert [words.number(word) for word in ("", "a", "b", "c", "a")] == [0, 1, 2, 0, 1]
    assert words.all() == ["", "a", "b"]
