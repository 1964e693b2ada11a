"""Who held an address when: owners come and go, addresses are used again."""

import random
from ipaddress import ip_network
from pathlib import Path

import numpy as np
import pytest

from fairway.cloud.ranges import Ranges
from fairway.hub.history import History
from fairway.hub.names import KEEP_US, Names, category
from fairway.hub.outside import OUTLIVES_US
from fairway.hub.owners import GRACE_US
from fairway.kit.documents import read_documents
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster
from fairway.wire.address import packed
from fairway.wire.batch import Answer, Header
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
    alone = names.only(packed(REUSED), T0 + first, T0 + last)
    assert alone is None or alone.name == owner
    assert names.only(packed(REUSED), T0, T0 + 20 * MINUTE) is None
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
    named = names.name(packed(REUSED), late, late)
    one = names.pod(NodePod("u", "dev", "one", (REUSED,)), named, packed(REUSED), "node-a")
    stranger = names.pod(NodePod("u", "dev", "three", (REUSED,)), named, packed(REUSED), "node-a")
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


def relabelled(folder: Path, version: str) -> Cluster:
    """The cluster whose pods' label `app` is another."""
    write_cluster(folder)
    content = (folder / "all.json").read_text().replace('"app": "ui"', f'"app": "{version}"')
    (folder / "all.json").write_text(content)
    return read_cluster(read_documents([folder])).cluster


def test_a_pod_keeps_the_labels_it_had_then(tmp_path: Path) -> None:
    names = Names()
    for minute, version in enumerate(("blue", "green", "red")):
        names.observe(relabelled(tmp_path / version, version), T0 + minute * MINUTE)
    seen = [dict(names.name(packed(UI), at, at).labels)["app"] for at in moments(30, 90, 150)]
    assert seen == ["blue", "green", "red"]
    alone = names.only(packed(UI), T0 + 70 * SECOND, T0 + 80 * SECOND)
    assert alone is not None
    assert alone is names.name(packed(UI), T0 + 75 * SECOND, T0 + 75 * SECOND)


def moments(*seconds: int) -> list[int]:
    return [T0 + second * SECOND for second in seconds]


def test_reuse_within_seconds_and_late_flows_in_any_order(clusters: dict[str, Cluster]) -> None:
    """`one` ends, two seconds later `two` has its address; flows of a quarter of an hour come in any order."""
    names = Names()
    names.observe(clusters["first"], T0)
    for at, name in ((600, "none"), (602, "second"), (604, "first"), (1500, "none")):
        names.observe(clusters[name], T0 + at * SECOND)
    told = {590: "one", 600: "one", 601: "two", 603: "two", 605: "one", 1499: "one"}
    order = list(told)
    random.Random(3).shuffle(order)
    assert {at: names.name(packed(REUSED), T0 + at * SECOND, T0 + at * SECOND).name for at in order} == told
    firsts = np.array(moments(*order))
    assert [end.name for end in names.each(packed(REUSED), firsts, firsts)] == [told[at] for at in order]


def test_a_restart_forgets_nobody(clusters: dict[str, Cluster], tmp_path: Path) -> None:
    def reopened() -> Names:
        return Names(history=History(tmp_path / "names.jsonl"))

    def owners(names: Names) -> list[str]:
        return [names.name(packed(REUSED), at, at).name for at in moments(0, 599, 601, 659, 661, 900)]

    names = reopened()
    names.observe(clusters["first"], T0)
    names.flush()
    names = reopened()
    names.observe(clusters["none"], T0 + 10 * MINUTE)
    names.flush()
    names.observe(clusters["second"], T0 + 11 * MINUTE)
    before = owners(names)
    assert before == ["one", "one", "one", "two", "two", "two"]
    names.flush()
    for _ in range(3):  # the second time it is written anew
        names = reopened()
        assert owners(names) == before
        names.observe(clusters["second"], T0 + 20 * MINUTE)
        resolved(names, "192.0.2.20", "api.example.com", T0)
        names.flush()
    assert owners(reopened()) == before
    assert reopened().name(packed("192.0.2.20"), T0, T0).name == "api.example.com"
    assert reopened().name(packed("10.0.1.77"), T0, T0).kind is Kind.UNKNOWN


def test_who_came_while_nobody_looked_had_a_free_address_all_the_while(
    clusters: dict[str, Cluster], tmp_path: Path
) -> None:
    names = Names(history=History(tmp_path / "names.jsonl"))
    names.observe(clusters["none"], T0)
    names.flush()
    names = Names(history=History(tmp_path / "names.jsonl"))
    names.observe(clusters["second"], T0 + 60 * MINUTE)
    assert names.name(packed(REUSED), T0 + 5 * MINUTE, T0 + 5 * MINUTE).name == "two"
    assert names.name(packed(REUSED), T0 - 5 * MINUTE, T0 - 5 * MINUTE).kind is Kind.UNKNOWN


def test_a_line_cut_short_is_left_out(clusters: dict[str, Cluster], tmp_path: Path) -> None:
    path = tmp_path / "names.jsonl"
    names = Names(history=History(path))
    names.observe(clusters["first"], T0)
    names.flush()
    whole = path.read_bytes()
    names.observe(clusters["none"], T0 + MINUTE)
    names.flush()
    rest = path.read_bytes()[len(whole) :]
    for cut in (1, 20, rest.index(b"\n")):
        path.write_bytes(whole + rest[:cut])
        assert Names(history=History(path)).name(packed(REUSED), T0, T0).name == "one"


def resolved(names: Names, address: str, name: str, at_us: int) -> None:
    """An agent tells, later, of an answer that holds for a minute."""
    answers = (Answer(address, name, at_us, 60),)
    end_us = T0 + 999 * MINUTE
    names.resolved(Header(node="node-a", boot="b", sequence=1, start_us=0, end_us=end_us, answers=answers))


def test_addresses_outside_are_called_as_dns_called_them_then(names: Names) -> None:
    outside = packed("192.0.2.20")
    resolved(names, "192.0.2.20", "a.example.com", T0)
    resolved(names, "192.0.2.20", "a.example.com", T0 + 30 * SECOND)
    resolved(names, "192.0.2.20", "b.example.com", T0 + 10 * MINUTE)
    resolved(names, "192.0.2.20", "late.example.com", T0 + 5 * MINUTE)
    seen = [names.name(outside, at, at).name for at in moments(-60, 0, 599, 601, 3600)]
    assert seen == ["", "a.example.com", "a.example.com", "b.example.com", "b.example.com"]
    end = T0 + 10 * MINUTE + 60 * SECOND + OUTLIVES_US + GRACE_US
    assert [names.name(outside, at, at).name for at in (end, end + 1)] == ["b.example.com", ""]
    assert names.only(outside, T0, T0 + MINUTE).name == "a.example.com"
    assert names.only(outside, T0, T0 + 11 * MINUTE) is None


@pytest.mark.parametrize("inside", [UI, "198.18.0.9", "10.0.1.77", "224.0.0.1"])
def test_dns_renames_nobody_who_is_known(names: Names, inside: str) -> None:
    before = names.name(packed(inside), T0, T0)
    resolved(names, inside, "rebound.example.com", T0)
    assert names.name(packed(inside), T0, T0) == before


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
    assert category(client, server, classified=False) == ("not classified" if word == "external" else word)
