"""A corner of a shop: ui calls orders, orders calls its database, S3 and DNS; a job and a scraper beside them."""

from typing import Any

from fairway.policy.model import Cluster
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from support.objects import cluster, edge, namespace, node, pod, service

HTTP = {"http": 8080}
S3_ADDRESS = "198.18.0.7"


def _app(name: str, component: str, template: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/version": "1.2.3",
        "helm.sh/chart": f"{name}-0.1.0",
        "pod-template-hash": template,
    }


def objects() -> list[dict[str, Any]]:
    """The manifests."""
    names = ("ui", "orders", "monitoring", "kube-system", "batch", "dev")
    found = [namespace(name) for name in names]
    found += [node("n1", "10.0.1.10", "2001:db8:1::10"), node("n2", "10.0.2.10", "2001:db8:2::10", zone="z2")]
    for i in (1, 2):
        found += [
            pod(f"ui/ui-7d9f-{i}", f"10.0.{i}.131", f"2001:db8:{i}::131", labels=_app("ui", "service", "7d9f"),
                ports=HTTP, owner="ReplicaSet/ui-7d9f", on=f"n{i}", env={"ENDPOINTS_ORDERS": "http://orders.orders"}),
            pod(f"orders/orders-5c4b-{i}", f"10.0.{i}.141", f"2001:db8:{i}::141",
                labels=_app("orders", "service", "5c4b"), ports=HTTP, owner="ReplicaSet/orders-5c4b", on=f"n{i}",
                env={"DB": "postgres://u:p@orders-postgresql:5432/orders"}),
            pod(f"kube-system/coredns-1a2b-{i}", f"10.0.{i}.150",
                labels={"k8s-app": "kube-dns", "pod-template-hash": "1a2b"},
                ports={"dns": (53, "UDP"), "dns-tcp": 53}, owner="ReplicaSet/coredns-1a2b", on=f"n{i}"),
        ]  # fmt: skip
    found += [
        pod("orders/orders-postgresql-0", "10.0.1.160", owner="StatefulSet/orders-postgresql",
            labels={"app.kubernetes.io/name": "orders", "app.kubernetes.io/component": "postgresql",
                    "controller-revision-hash": "x1", "statefulset.kubernetes.io/pod-name": "orders-postgresql-0",
                    "apps.kubernetes.io/pod-index": "0"}, ports={"postgresql": 5432}),
        pod("monitoring/prometheus-0", "10.0.2.170", labels={"app": "prometheus"},
            owner="StatefulSet/prometheus", on="n2"),
        pod("batch/orders-export-29000-x", "10.0.2.180", owner="Job/orders-export-29000", on="n2",
            phase="Succeeded", labels={"app": "orders-export", "job-name": "orders-export-29000"}),
        pod("dev/intruder", "10.0.2.190", on="n2", labels={"run": "intruder"}),
        {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "orders-export", "namespace": "batch"},
         "spec": {"schedule": "0 3 * * *"}},
        service("ui/ui", "10.96.0.20", selector={"app.kubernetes.io/name": "ui"}),
        service("orders/orders", "10.96.0.30", "fd00:96::30",
                selector={"app.kubernetes.io/name": "orders", "app.kubernetes.io/component": "service"}),
        service("orders/orders-postgresql", "10.96.0.31", selector={"app.kubernetes.io/component": "postgresql"},
                ports=[{"port": 5432}]),
        service("kube-system/kube-dns", "10.96.0.10", selector={"k8s-app": "kube-dns"},
                ports=[{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]),
    ]  # fmt: skip
    return found


def shop() -> Cluster:
    """The cluster."""
    return cluster(*objects())


def cloud(address: str = S3_ADDRESS) -> Endpoint:
    """S3, by its published range."""
    return Endpoint(kind=Kind.CLOUD, address=address, name="S3")


def traffic(where: Cluster) -> list[Edge]:
    """What a good observation sees: every replica, DNS over UDP only, probes, scrapes, no intruder."""
    seen = []
    for i in (1, 2):
        ui, orders, dns = f"10.0.{i}.131", f"10.0.{i}.141", f"10.0.{i}.150"
        seen += [
            edge(where, "10.0.100.10", ui, 8080),
            edge(where, ui, orders, 8080, service="orders/orders:80"),
            edge(where, f"2001:db8:{i}::131", f"2001:db8:{3 - i}::141", 8080, service="orders/orders:80"),
            edge(where, ui, dns, 53, "UDP", service="kube-system/kube-dns:53"),
            edge(where, orders, dns, 53, "UDP", service="kube-system/kube-dns:53"),
            edge(where, orders, "10.0.1.160", 5432, service="orders/orders-postgresql:5432"),
            edge(where, "10.0.2.170", ui, 8080),
            edge(where, "10.0.2.170", orders, 8080),
            edge(where, f"10.0.{i}.10", ui, 8080),
            edge(where, f"10.0.{i}.10", orders, 8080),
            edge(where, dns, "10.0.0.2", 53, "UDP"),
        ]
    return seen
