"""Addresses have one holder; Services lead to their backends."""

import pytest

from fairway.policy.directory import Directory
from fairway.wire.endpoint import Kind
from support.objects import cluster, node, pod, service

DIRECTORY = Directory(
    cluster(
        node("n1", "10.0.0.10", zone="1a"),
        pod("a/done", "10.0.0.1", phase="Succeeded"),
        pod(
            "a/ui", "10.0.0.1", "fd00::1", labels={"b": "2", "a": "1"}, owner="StatefulSet/ui", ports={"http": 8080}
        ),
        pod("a/gone", "10.0.0.3", phase="Failed"),
        pod("a/host", "10.0.0.10", host_network=True),
        service("a/web", "10.96.0.1", "fd00:96::1", selector={"a": "1"}),
        service("a/out", "10.96.0.2", selector={"a": "1"}, ports=[{"port": 443, "targetPort": 6443}]),
    )
)


@pytest.mark.parametrize(
    ("address", "kind", "title"),
    [
        ("10.0.0.1", Kind.POD, "a/ui"),
        ("fd00:0:0::1", Kind.POD, "a/ui"),
        ("::ffff:10.0.0.1", Kind.POD, "a/ui"),
        ("10.0.0.10", Kind.NODE, "n1"),
        ("10.96.0.1", Kind.SERVICE, "web"),
    ],
)
def test_np34_np37_np40_who_is_at(address: str, kind: Kind, title: str) -> None:
    end = DIRECTORY.at(address)
    assert end is not None
    assert (end.kind, end.title) == (kind, title)


@pytest.mark.parametrize("address", ["10.0.0.3", "192.0.2.1"])
def test_np36_nobody_is_at(address: str) -> None:
    assert DIRECTORY.at(address) is None


def test_a_pod_is_named_whole() -> None:
    end = DIRECTORY.at("10.0.0.1")
    assert end is not None
    assert (end.workload, end.node, end.zone) == ("StatefulSet/ui", "n1", "1a")
    assert end.labels == (("a", "1"), ("b", "2"))
    assert [port.number for port in end.ports] == [8080]


def test_backends_are_of_the_addresses_own_family() -> None:
    for address, backend in (("10.96.0.1", "10.0.0.1"), ("fd00:96::1", "fd00::1")):
        assert [(e.address, port) for e, port in DIRECTORY.backends(address, 80, "TCP")] == [(backend, 8080)]
    assert DIRECTORY.backends("10.96.0.1", 80, "UDP") == ()
    assert DIRECTORY.backends("10.96.0.1", 81, "TCP") == ()
    assert DIRECTORY.backends("10.0.0.1", 80, "TCP") == ()


@pytest.mark.parametrize(
    ("dialled", "family", "backends"),
    [
        ("a/web:80", 4, ["10.0.0.1"]),
        ("a/web:80", 6, ["fd00::1"]),
        ("a/web:81", 4, []),
        ("a/none:80", 4, []),
        ("a/web", 4, []),
        ("", 4, []),
    ],
)
def test_who_may_answer_where_a_service_was_dialled(dialled: str, family: int, backends: list[str]) -> None:
    assert [end.address for end, _ in DIRECTORY.dialled(dialled, family, "TCP")] == backends


def test_services_and_pods_by_name_and_address() -> None:
    found = DIRECTORY.service_at("fd00:96:0::1")
    assert found is not None
    assert found.title == "a/web"
    assert DIRECTORY.service_at("10.0.0.1") is None
    done = DIRECTORY.pod("a", "done")
    assert done is not None
    assert done.finished
    assert DIRECTORY.pod("b", "ui") is None
