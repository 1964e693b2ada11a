"""Intent and cluster become node feeds: who enforces what where, and revisions that only grow."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from fairway.hub.control import Control, node_feeds, policy_set, read_feed
from fairway.hub.intent import Intent, PolicyChoice
from fairway.hub.state import State
from fairway.kit.documents import read_documents
from fairway.kit.errors import UsageError
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster
from fairway.wire.rules import CLOSED, FIRST_POLICY, OPEN, UNUSED
from fairway.wire.words import Mode, Posture
from support.reports import write_cluster

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: orders}
spec:
  podSelector: {matchLabels: {app: orders-postgresql}}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: orders}}}]
    ports: [{port: 5432}]
"""
NODES = ("node-a", "node-b", "node-c")


@pytest.fixture
def policies(tmp_path: Path) -> str:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "db.yaml").write_text(POLICY)
    return str(tmp_path / "policies")


def cluster(tmp_path: Path, **pods: str) -> Cluster:
    return read_cluster(read_documents([write_cluster(tmp_path / "cluster", **pods)])).cluster


@pytest.fixture
def control(tmp_path: Path) -> Control:
    control = Control(State(tmp_path / "state"), pytest.fail)
    control.open()
    return control


def revisions(tmp_path: Path) -> list[int]:
    feeds = [read_feed(State(tmp_path / "state"), node) for node in NODES]
    return [feed.table.revision if feed else -1 for feed in feeds]


def test_observing_judges_nothing(tmp_path: Path) -> None:
    feeds = node_feeds(cluster(tmp_path), Intent(), 1)
    assert sorted(feeds) == list(NODES)
    for feed in feeds.values():
        assert {(pod.active, pod.staged, pod.mode) for pod in feed.table.pods} <= {
            ((UNUSED, UNUSED), (UNUSED, UNUSED), (Mode.OFF, Mode.OFF))
        }
    assert [pod.name for pod in feeds["node-b"].pods] == ["ui-2", "orders-1"]


def test_policies_are_enforced_where_they_are_wanted(tmp_path: Path, policies: str) -> None:
    wanted = PolicyChoice(policies=policies, posture=Posture.DENY, nodes=("node-c",))
    feeds = node_feeds(cluster(tmp_path), Intent(active=wanted, staged=PolicyChoice(policies=policies)), 1)
    [database] = feeds["node-c"].table.pods
    assert database.mode == (Mode.ENFORCE, Mode.ENFORCE)
    assert database.active == (FIRST_POLICY, CLOSED)
    assert database.staged[1] == OPEN
    assert {pod.mode for pod in feeds["node-a"].table.pods} == {(Mode.OFF, Mode.OFF)}
    postures = {node: feed.table.posture for node, feed in feeds.items()}
    assert postures == {"node-a": Posture.ALLOW, "node-b": Posture.ALLOW, "node-c": Posture.DENY}


GUARD = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress:
  - action: Deny
    to: [{nodes: {}}]
"""


def test_cluster_wide_policies_reach_the_agents(tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text(GUARD)
    wanted = PolicyChoice(policies=str(tmp_path / "guard.yaml"))
    table = node_feeds(cluster(tmp_path), Intent(active=wanted), 1)["node-c"].table
    assert [pod.active for pod in table.pods] == [(OPEN, FIRST_POLICY)]
    assert len(table.cidrs) == len(NODES)
    [nodes] = {identity for _, identity in table.cidrs}
    assert nodes not in {row.identity for row in table.rows}
    assert table.rules == ("", "posture allow")


def test_domain_names_reach_the_agents(tmp_path: Path) -> None:
    file = tmp_path / "guard.yaml"
    file.write_text(GUARD.replace("Deny", "Accept").replace("{nodes: {}}", "{domainNames: [api.example.com]}"))
    wanted = Intent(active=PolicyChoice(policies=str(file), posture=Posture.DENY))
    table = node_feeds(cluster(tmp_path), wanted, 1)["node-c"].table
    ((name, identity),) = table.names
    assert name == "api.example.com"
    assert identity in {row.identity for row in table.rows}
    file.write_text(GUARD)
    assert node_feeds(cluster(tmp_path), wanted, 1)["node-c"].table.names == ()


def test_domain_names_beside_networks_that_tiers_deny_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "guard.yaml"
    rules = "to: [{networks: [10.0.0.0/8]}]\n  - action: Accept\n    to: [{domainNames: [api.example.com]}]"
    file.write_text(GUARD.replace("to: [{nodes: {}}]", rules))
    with pytest.raises(
        UsageError, match=r"names domains, which agents cannot obey beside the networks that .* denies"
    ):
        policy_set(PolicyChoice(policies=str(file)))


def test_deny_without_any_policy(tmp_path: Path) -> None:
    feeds = node_feeds(cluster(tmp_path), Intent(active=PolicyChoice(posture=Posture.DENY)), 1)
    assert {pod.active for feed in feeds.values() for pod in feed.table.pods} == {(CLOSED, CLOSED)}


def test_only_what_changed_is_written(tmp_path: Path, control: Control) -> None:
    here = cluster(tmp_path)
    assert sorted(control.update(here, Intent())) == list(NODES)
    assert control.update(here, Intent()) == []
    assert revisions(tmp_path) == [1, 1, 1]
    one = Intent(active=PolicyChoice(posture=Posture.DENY, nodes=("node-a",)))
    two = Intent(active=PolicyChoice(posture=Posture.DENY, nodes=("node-a", "node-b")))
    control.update(here, one)
    assert control.update(here, two) == ["node-b"]
    assert revisions(tmp_path) == [2, 3, 2]


def test_a_pod_that_nobody_on_a_node_has_rules_about_changes_nothing_there(
    tmp_path: Path, control: Control, policies: str
) -> None:
    here, wanted = cluster(tmp_path), Intent(active=PolicyChoice(policies=policies))
    control.update(here, wanted)
    [ui] = [pod for pod in here.pods if pod.name == "ui-2"]
    other = replace(ui, labels=(("app", "other"),))
    pods = tuple(other if pod is ui else pod for pod in here.pods)
    assert control.update(replace(here, pods=pods), wanted) == []
    served = replace(ui, namespace="orders", labels=(("app", "orders"),))
    pods = tuple(served if pod is ui else pod for pod in here.pods)
    assert control.update(replace(here, pods=pods), wanted) == ["node-b", "node-c"]


def test_revisions_grow_across_restarts(tmp_path: Path, control: Control) -> None:
    control.update(cluster(tmp_path), Intent())
    again = Control(State(tmp_path / "state"), pytest.fail)
    again.open()
    assert again.update(cluster(tmp_path), Intent()) == []
    again.update(cluster(tmp_path), Intent(active=PolicyChoice(posture=Posture.DENY)))
    assert revisions(tmp_path) == [2, 2, 2]


def test_an_agent_ahead_of_a_folder_that_lost_its_files_is_told_anew(tmp_path: Path, control: Control) -> None:
    control.update(cluster(tmp_path), Intent())
    assert control.update(cluster(tmp_path), Intent(), applied=1) == []
    assert sorted(control.update(cluster(tmp_path), Intent(), applied=41)) == list(NODES)
    assert revisions(tmp_path) == [42, 42, 42]


def test_a_revision_never_comes_twice_though_the_disk_refused(
    tmp_path: Path, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, written = cluster(tmp_path), iter(range(1, 100))

    def fsync(_: int) -> None:
        if next(written) == 3:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="No space left"):
            control.update(here, Intent())
    assert revisions(tmp_path) == [1, -1, -1]
    control.update(here, Intent(active=PolicyChoice(posture=Posture.DENY)))
    assert revisions(tmp_path) == [2, 2, 2]


def test_a_node_that_left_is_told_nothing(tmp_path: Path, control: Control) -> None:
    whole = cluster(tmp_path)
    control.update(whole, Intent())
    control.update(Cluster(whole.namespaces, whole.nodes[:2], whole.pods), Intent())
    assert revisions(tmp_path)[2] == -1


def test_a_malformed_feed_is_written_anew(tmp_path: Path) -> None:
    lines: list[str] = []
    folder = tmp_path / "state" / "control"
    folder.mkdir(parents=True)
    (folder / "node-a.json").write_text("{")
    control = Control(State(tmp_path / "state"), lines.append)
    control.open()
    control.update(cluster(tmp_path), Intent())
    assert revisions(tmp_path) == [1, 1, 1]
    assert "node-a.json is written anew" in lines[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("kind: Namespace\nmetadata: {name: x}\n", "holds no NetworkPolicy"),
        (POLICY.replace("port: 5432", "port: http, endPort: 3"), "endPort"),
    ],
)
def test_bad_policies(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=said):
        policy_set(PolicyChoice(policies=str(path)))
