"""Enough seen? Declared but never seen says no."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from fairway.policy.coverage import coverage
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster
from fairway.policy.watch import Sighting, Watch
from fairway.wire.edge import Edge
from support.objects import START, edge, pod, service
from support.shop import objects, shop, traffic

SHOP = shop()
JOB_POD = pod("batch/orders-export-29001-y", "10.0.2.181", labels={"app": "orders-export"},
              owner="Job/orders-export-29001", on="n2")  # fmt: skip


def cluster(*more: dict[str, Any]) -> Cluster:
    return read_cluster(("f.yaml", o) for o in (*objects(), *more)).cluster


def blocking(where: Cluster, edges: list[Edge]) -> list[tuple[str, str]]:
    found = coverage(where, edges)
    blocks = [(f.workload, f.what) for f in found.findings if f.blocks]
    assert found.enough == (not blocks)
    return blocks


def job_ran(where: Cluster) -> list[Edge]:
    return [edge(where, "10.0.2.181", "10.0.1.160", 5432)]


def test_a_declared_service_never_called_and_a_job_not_run_block() -> None:
    edges = [e for e in traffic(SHOP) if e.server.group != "orders/orders"]
    assert blocking(SHOP, edges) == [
        ("batch/orders-export", "is a CronJob (`0 3 * * *`) that was not seen to run"),
        (
            "ui/ui",
            "declares the Service orders/orders in its environment, arguments or ConfigMaps, "
            "and was never seen to call it",
        ),
    ]


def test_both_seen_is_enough() -> None:
    where = cluster(JOB_POD)
    assert blocking(where, [*traffic(where), *job_ran(where)]) == []


def test_seen_by_pod_address_by_service_address_or_by_name_alike() -> None:
    where = cluster(JOB_POD)
    base = [
        e
        for e in [*traffic(where), *job_ran(where)]
        if (e.client.group, e.server.group) != ("ui/ui", "orders/orders")
    ]
    direct = edge(where, "10.0.1.131", "10.0.2.141", 8080)
    to_service = edge(where, "10.0.1.131", "10.96.0.30", 80)
    elsewhere = edge(where, "10.0.1.131", "203.0.113.9", 80, service="orders/orders:80")
    assert [blocking(where, [*base, one]) for one in (direct, to_service, elsewhere)] == [[], [], []]
    for useless in (
        msgspec.structs.replace(direct, received_packets=0),
        msgspec.structs.replace(direct, denied=1, connections=0),
        edge(where, "10.0.2.170", "10.0.2.141", 8080),
    ):
        assert len(blocking(where, [*base, useless])) == 1


def test_suspended_jobs_do_not_block() -> None:
    off = {"kind": "CronJob", "metadata": {"name": "off", "namespace": "batch"}, "spec": {"suspend": True}}
    where = cluster(JOB_POD, off)
    assert blocking(where, [*traffic(where), *job_ran(where)]) == []


def test_a_workload_is_no_dependency_of_itself_and_a_bare_word_only_a_note() -> None:
    where = cluster(JOB_POD, pod("orders/worker", "10.0.1.199", labels={"app": "worker"},
                                 env={"OWN": "http://nobody", "NAME": "orders"}))  # fmt: skip
    findings = coverage(where, [*traffic(where), *job_ran(where)]).findings
    assert [(f.blocks, f.what[:40]) for f in findings if f.workload == "orders/worker"] == [
        (False, "had no traffic at all"),
        (False, "may mean the Service orders/orders in it"),
    ]


def test_ports_that_nobody_called_and_silent_workloads_are_notes() -> None:
    notes = {(f.workload, f.what) for f in coverage(SHOP, traffic(SHOP)).findings if not f.blocks}
    assert notes == {
        ("dev/intruder", "had no traffic at all"),
        ("kube-system/coredns", "serves TCP 53 (`dns-tcp`), which nobody called"),
    }


def test_the_blocking_ones_come_first() -> None:
    order = [f.blocks for f in coverage(SHOP, []).findings]
    assert order == sorted(order, reverse=True)
    assert any(order)
    assert not all(order)


def watched(where: Cluster, hours: int) -> Watch:
    """All of the shop's traffic in every hour."""
    bins = tuple(range(hours))
    seen = tuple(Sighting(one, bins) for one in [*traffic(where), *job_ran(where)])
    return Watch(START, timedelta(hours=1), timedelta(hours=hours), bins, seen)


@pytest.mark.parametrize(
    ("hours", "threshold", "judged", "enough"),
    [
        (1, None, False, True),  # a short look has declarations alone to go by
        (1, 90, True, False),  # unless somebody wants statistics
        (1, 0, True, True),
        (24, None, True, False),
        (24, 1, True, True),
        (24 * 14, None, True, False),  # nothing was ever restarted
        (24 * 14, 80, True, True),
    ],
)
def test_scores_count_from_a_day_on_or_where_a_threshold_is_given(
    hours: int, threshold: int | None, judged: bool, enough: bool
) -> None:
    where = cluster(JOB_POD)
    found = coverage(where, [*traffic(where), *job_ran(where)], watched(where, hours), threshold)
    assert (found.judged, found.enough) == (judged, enough)
    assert "ui/ui" in [score.workload for score in found.scores]
    assert dict(found.namespaces)["ui"].coverage == (1.0 if hours > 1 else 0.0)


def test_a_low_score_says_why_and_what_to_do() -> None:
    where = cluster(JOB_POD)
    found = coverage(where, [*traffic(where), *job_ran(where)], watched(where, 24 * 14))
    finding = next(f for f in found.findings if f.workload == "ui/ui")
    assert finding.what.startswith("scores 85, and 90 is enough: no pod of it started while observed")
    assert finding.do == "restart it once: kubectl rollout restart deployment/ui -n ui"


def test_a_service_that_nobody_called_is_a_note() -> None:
    where = cluster(service("ui/front", "10.96.0.50", selector={"app.kubernetes.io/name": "nobody"}))
    told = {(f.blocks, f.what) for f in coverage(where, traffic(where)).findings if f.workload == "ui/front"}
    assert told == {(False, "is a Service that nobody called")}
    called = edge(where, "10.0.1.141", "10.96.0.50", 80)
    found = coverage(where, [*traffic(where), called]).findings
    assert [f for f in found if f.workload == "ui/front"] == []


def config_map(title: str, **data: Any) -> dict[str, Any]:
    home, _, name = title.partition("/")
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": home}, "data": data}


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"envFrom": [{"configMapRef": {"name": "settings"}}]}, True),
        ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "DB"}}}]}, True),
        ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "MODE"}}}]}, False),
        ({"envFrom": [{"configMapRef": {"name": "absent"}}]}, False),
        ({}, False),
    ],
)
def test_what_a_config_map_puts_into_the_environment_is_declared(container: dict[str, Any], told: bool) -> None:
    reader = pod("ui/reader", "10.0.1.199", labels={"app": "reader"})
    reader["spec"]["containers"] = [{"name": "main", **container}]
    settings = config_map("ui/settings", DB="orders-postgresql.orders:5432", MODE="fast", ODD=7)
    where = cluster(reader, settings, config_map("elsewhere/settings", DB="prometheus.monitoring:9090"))
    blocking = [f.what for f in coverage(where, []).findings if f.blocks and f.workload == "ui/reader"]
    assert len(blocking) == int(told)
    assert all("declares the Service orders/orders-postgresql:5432" in what for what in blocking)
