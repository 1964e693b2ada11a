"""Enough seen? Declared but never seen says no."""

from typing import Any

import msgspec

from fairway.policy.coverage import coverage
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster
from fairway.wire.edge import Edge
from support.objects import edge, pod
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
            "declares the Service orders/orders in its environment or arguments, and was never seen to call it",
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
