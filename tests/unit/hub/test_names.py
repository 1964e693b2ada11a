"""Who held an address when: owners come and go, addresses are used again."""

from ipaddress import ip_network

import pytest

from fairway.cloud.ranges import Ranges
from fairway.hub.names import GRACE_US, KEEP_US, Names, category
from fairway.kit.documents import read_documents
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster
from fairway.wire.address import packed
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.rules import NodePod
from support.reports import DB, NODE_A, ORDERS_SERVICE, SECOND, T0, UI, UI2, write_cluster

REUSED = "10.0.1.200"
MINUTE = 60 * SECOND


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cluster]:
    folder = tmp_path_factory.mktemp("clusters")
    return {
        name: read_cluster(read_documents([write_cluster(folder / name, **extra)])).cluster
        for name, extra in {"first": {"one": REUSED}, "none": {}, "second": {"two": REUSED}}.items()
    }


@pytest.fixture
def names(clusters: dict[str, Cluster]) -> Names:
    """`one` holds the address until T0 + 10 min, nobody for a minute, then `two`."""
    ranges = Ranges({"S3": (ip_network("198.18.0.0/24"), ip_network("10.0.2.0/24"))})
    names = Names(ranges)
    names.observe(clusters["first"], T0)
    names.observe(clusters["none"], T0 + 10 * MINUTE)
    names.observe(clusters["second"], T0 + 11 * MINUTE)
    return names


@pytest.mark.parametrize(
    ("first", "last", "owner"),
    [
        pytest.param(-60 * MINUTE, -60 * MINUTE, "one", id="before-the-start"),
        pytest.param(0, 0, "one", id="at-a-moment"),
        pytest.param(9 * MINUTE, 12 * MINUTE, "two", id="alike-the-later"),
        pytest.param(5 * MINUTE, 12 * MINUTE, "one", id="longer"),
        pytest.param(10 * MINUTE + SECOND, 10 * MINUTE + SECOND, "one", id="just-after-its-end"),
        pytest.param(11 * MINUTE - SECOND, 11 * MINUTE - SECOND, "two", id="just-before-it-was-noticed"),
        pytest.param(20 * MINUTE, 20 * MINUTE, "two", id="now"),
    ],
)
def test_a_reused_address_is_named_by_its_owner_then(names: Names, first: int, last: int, owner: str) -> None:
    assert names.only(packed(REUSED), T0 + first, T0 + last) is None
    assert names.name(packed(REUSED), T0 + first, T0 + last).name == owner


def test_long_after_its_only_owner_an_address_is_nobodys(clusters: dict[str, Cluster]) -> None:
    names = Names()
    names.observe(clusters["first"], T0)
    names.observe(clusters["none"], T0 + MINUTE)
    end = T0 + MINUTE
    kinds = [names.name(packed(REUSED), at, at).kind for at in (end + GRACE_US, end + GRACE_US + 1)]
    assert kinds == [Kind.POD, Kind.UNKNOWN]


def test_owners_long_gone_are_forgotten(clusters: dict[str, Cluster]) -> None:
    names = Names()
    names.observe(clusters["first"], T0)
    names.observe(clusters["none"], T0 + MINUTE)
    names.observe(clusters["none"], T0 + 2 * MINUTE + KEEP_US)
    assert names.name(packed(REUSED), T0, T0).kind is Kind.UNKNOWN


def test_an_agent_knows_its_pod_better_than_the_address(names: Names) -> None:
    late = T0 + 20 * MINUTE
    one = names.pod(NodePod("u", "dev", "one", (REUSED,)), packed(REUSED), "node-a", late, late)
    stranger = names.pod(NodePod("u", "dev", "three", (REUSED,)), packed(REUSED), "node-a", late, late)
    assert (one.name, one.zone, one.ports[0].name) == ("one", "1a", "http")
    assert (stranger.title, stranger.workload, stranger.node) == ("dev/three", "Pod/three", "node-a")


@pytest.mark.parametrize(
    ("address", "kind", "name"),
    [
        (UI, Kind.POD, "ui-1"),
        (NODE_A, Kind.NODE, "node-a"),
        (ORDERS_SERVICE, Kind.SERVICE, "orders"),
        ("198.18.0.9", Kind.CLOUD, "S3"),
        (UI2, Kind.POD, "ui-2"),  # published as S3, yet the cluster knows better
        ("10.0.1.77", Kind.UNKNOWN, ""),
        ("10.0.100.10", Kind.EXTERNAL, ""),
        ("10.96.0.99", Kind.EXTERNAL, ""),
        ("192.0.2.20", Kind.EXTERNAL, ""),
        ("2001:db8::9", Kind.EXTERNAL, ""),
        ("169.254.169.254", Kind.EXTERNAL, ""),
        ("fe80::1", Kind.UNKNOWN, ""),
        ("224.0.0.1", Kind.UNKNOWN, ""),
        ("::", Kind.UNKNOWN, ""),
    ],
)
def test_kinds(names: Names, address: str, kind: Kind, name: str) -> None:
    found = names.only(packed(address), T0, T0)
    assert found == names.name(packed(address), T0, T0)
    assert found is not None
    assert (found.kind, found.name, found.address) == (kind, name, address)


def test_backends_of_a_service(names: Names) -> None:
    assert names.backends(ORDERS_SERVICE, 80, "TCP") == (("10.0.2.130", 8080),)
    assert names.backends(ORDERS_SERVICE, 81, "TCP") == ()
    assert names.backends(DB, 80, "TCP") == ()


def end(kind: Kind, zone: str = "") -> Endpoint:
    return Endpoint(kind=kind, address="10.0.0.1", zone=zone)


@pytest.mark.parametrize(
    ("client", "server", "word"),
    [
        (end(Kind.POD, "1a"), end(Kind.POD, "1a"), "intra-zone"),
        (end(Kind.POD, "1a"), end(Kind.POD, "1b"), "inter-zone"),
        (end(Kind.POD, "1a"), end(Kind.POD), "unknown"),
        (end(Kind.POD, "1a"), end(Kind.SERVICE), "unknown"),
        (end(Kind.NODE, "1a"), end(Kind.POD, "1a"), "node"),
        (end(Kind.POD, "1a"), end(Kind.CLOUD), "cloud service"),
        (end(Kind.EXTERNAL), end(Kind.POD, "1a"), "external"),
        (end(Kind.POD, "1a"), end(Kind.UNKNOWN), "unknown"),
    ],
)
def test_category(client: Endpoint, server: Endpoint, word: str) -> None:
    assert category(client, server) == word
