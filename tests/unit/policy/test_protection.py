"""Which policies isolate a workload: those that select every pod of it, in a direction."""

import pytest

from fairway.kit.documents import documents_in
from fairway.policy.model import PolicySet
from fairway.policy.protection import Isolated, protection, workloads
from fairway.policy.read import read_policy_set
from support import shop
from support.objects import cluster, pod

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: %s}
spec: {podSelector: {matchLabels: {%s}}, policyTypes: [%s]}
"""

OLD = pod(
    "ui/ui-7d9f-0",
    "10.0.1.132",
    labels={"old": "yes-it-is", "pod-template-hash": "7d9f"},
    owner="ReplicaSet/ui-7d9f",
    on="n1",
)
CLUSTER = cluster(*shop.objects(), OLD)


def policies(*given: tuple[str, str, str, str]) -> PolicySet:
    return read_policy_set(documents_in("policies", "---".join(POLICY % one for one in given)), CLUSTER)


@pytest.mark.parametrize(
    ("given", "workload", "wanted"),
    [
        ((), "orders/orders", Isolated()),
        ((("in", "orders", "", "Ingress"),), "orders/orders", Isolated(ingress=("orders/in",))),
        ((("in", "orders", "", "Ingress"),), "orders/orders-postgresql", Isolated(ingress=("orders/in",))),
        ((("in", "orders", "", "Ingress"),), "ui/ui", Isolated()),
        (
            (("b", "ui", "", "Egress"), ("a", "ui", "", "Ingress, Egress")),
            "ui/ui",
            Isolated(ingress=("ui/a",), egress=("ui/a", "ui/b")),
        ),
        ((("db", "orders", "app.kubernetes.io/component: postgresql", "Ingress"),), "orders/orders", Isolated()),
        # One of its pods is not a workload.
        ((("old", "ui", "old: yes-it-is", "Ingress"),), "ui/ui", Isolated()),
    ],
)
def test_protection(given: tuple[tuple[str, str, str, str], ...], workload: str, wanted: Isolated) -> None:
    told = protection(CLUSTER, policies(*given) if given else PolicySet())
    assert told[workload] == wanted


def test_finished_pods_need_no_protection() -> None:
    found = workloads(CLUSTER)
    assert found["ui/ui"] == 3
    assert not [title for title in found if title.startswith("batch/")]
