"""What policies make of a map's edges: a table over a small cluster."""

from pathlib import Path
from typing import Any

import pytest

from fairway.hub.intent import Intent, PolicyChoice
from fairway.hub.standing import Stand, Standing
from fairway.kit.documents import read_documents
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.read import read_cluster, read_policy_set
from fairway.views.map import End, Relation
from support.reports import write_cluster

POLICIES = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: orders}
spec:
  podSelector: {matchLabels: {app: orders-postgresql}}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: orders}}}]
    ports: [{port: 5432}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: ui}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{ipBlock: {cidr: 203.0.113.0/24}}]
  - to: [{ipBlock: {cidr: 198.51.100.77/32}}]
"""
UI, UI2, ORDERS = ("pod", "ui", "Pod/ui-1"), ("pod", "ui", "Pod/ui-2"), ("pod", "orders", "Pod/orders-1")
DB, GONE = ("pod", "orders", "Pod/orders-postgresql-0"), ("pod", "orders", "Deployment/gone")


def relation(client: tuple[str, str, str], server: tuple[str, str, str], port: int, service: str = "") -> Relation:
    return Relation(End(*client), End(*server), port, "TCP", service)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    folder = tmp_path_factory.mktemp("cluster")
    write_cluster(folder)
    return read_cluster(read_documents([folder])).cluster


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PolicySet]:
    path = tmp_path_factory.mktemp("policies") / "policies.yaml"
    path.write_text(POLICIES)
    return path, read_policy_set(read_documents([path]))


@pytest.mark.parametrize(
    ("client", "server", "port", "standing", "rules"),
    [
        (ORDERS, DB, 5432, "allowed", ("orders/db ingress[0]",)),
        (ORDERS, DB, 5433, "would-deny", ()),
        (ORDERS, DB, 0, "unknown", ()),
        (ORDERS, GONE, 80, "unknown", ()),
        (ORDERS, ORDERS, 80, "unprotected", ()),
        (ORDERS, ("external", "", "203.0.113.0/24"), 443, "unprotected", ()),
        (UI, ("external", "", "203.0.113.0/24"), 443, "allowed", ("ui/out egress[0]",)),
        (UI, ("external", "", "198.51.100.0/24"), 443, "allowed", ()),
        (UI, ("cloud", "", "S3"), 443, "allowed", ()),
        (("external", "", "203.0.113.0/24"), DB, 5432, "allowed", ()),
        (UI, ORDERS, 8080, "would-deny", ()),
        (("node", "", "node-a"), ORDERS, 8080, "unprotected", ()),
        (("node", "", "gone"), ORDERS, 8080, "unknown", ()),
    ],
)
def test_edges(
    cluster: Cluster, policies: Any, client: Any, server: Any, port: int, standing: str, rules: tuple[str, ...]
) -> None:
    assert Standing(cluster, policies[1]).judge(relation(client, server, port)) == (standing, rules)


def test_a_service_is_judged_by_who_is_behind_it(cluster: Cluster, policies: Any) -> None:
    told = relation(ORDERS, ("service", "orders", "orders"), 80, "orders/orders:80")
    assert Standing(cluster, policies[1]).judge(told) == ("unprotected", ())
    assert Standing(cluster, policies[1]).judge(told._replace(service="orders/none:80")) == ("unknown", ())


def test_workloads(cluster: Cluster, policies: Any) -> None:
    standing = Standing(cluster, policies[1])
    told = [standing.protection(*end[1:]) for end in (UI, DB, ORDERS, GONE)]
    assert told == ["egress", "ingress", "open", "unknown"]
    assert [standing.replicas(*end[1:]) for end in (UI, GONE)] == [1, 0]


def test_it_is_made_anew_when_what_is_wanted_changes(cluster: Cluster, policies: Any, tmp_path: Path) -> None:
    stand, path = Stand(), tmp_path / "p.yaml"
    path.write_text(POLICIES)
    wanted = Intent(active=PolicyChoice(policies=str(path)))
    first = stand.of(cluster, wanted)
    assert stand.of(cluster, wanted) is first
    assert first.judge(relation(ORDERS, DB, 5432))[0] == "allowed"
    assert stand.of(cluster, Intent()).judge(relation(ORDERS, DB, 5432))[0] == "unprotected", "the cluster has none"
    path.unlink()
    assert stand.of(cluster, wanted).judge(relation(ORDERS, DB, 5432))[0] == "unprotected"
