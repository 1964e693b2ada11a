import pytest

from fairway.lab import pod_objects, shop

CREATED = "2026-11-22T21:00:00Z"
BY_NAME = {pod.workload.name: pod for pod in shop.pods()}
JOB = shop.place(shop.EXPORT, "node-b", 30, "orders-export-29923058-abcde")


@pytest.mark.parametrize(
    ("pod", "changing"),
    [
        (BY_NAME["ui"], {"pod-template-hash"}),
        (
            BY_NAME["catalog-mysql"],
            {"apps.kubernetes.io/pod-index", "controller-revision-hash", "statefulset.kubernetes.io/pod-name"},
        ),
        (JOB, {"batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid"}),
        (shop.place(shop.INTRUDER, "node-c", 20, "intruder"), set()),
    ],
)
def test_controllers_add_labels_that_change_with_each_pod_or_rollout(pod: shop.Pod, changing: set[str]) -> None:
    labels = pod_objects.pod_labels(pod)
    assert set(labels) - set(pod.workload.labels) == changing


@pytest.mark.parametrize(
    ("pod", "owner"),
    [
        (BY_NAME["ui"], ("ReplicaSet", BY_NAME["ui"].name.rpartition("-")[0])),
        (BY_NAME["orders-postgresql"], ("StatefulSet", "orders-postgresql")),
        (JOB, ("Job", "orders-export-29923058")),
    ],
)
def test_owner(pod: shop.Pod, owner: tuple[str, str]) -> None:
    reference = pod_objects.pod(pod, CREATED, ready=True)["metadata"]["ownerReferences"][0]
    assert (reference["kind"], reference["name"]) == owner


def test_a_bare_pod_has_no_owner() -> None:
    pod = shop.place(shop.INTRUDER, "node-c", 20, "intruder")
    assert "ownerReferences" not in pod_objects.pod(pod, CREATED, ready=True)["metadata"]


@pytest.mark.parametrize(
    ("ready", "phase", "status", "reason"),
    [
        (True, "Running", "True", None),
        (False, "Running", "False", "ContainersNotReady"),
        (False, "Succeeded", "False", "PodCompleted"),
    ],
)
def test_ready_condition(ready: bool, phase: str, status: str, reason: str | None) -> None:
    thing = pod_objects.pod(BY_NAME["ui"], CREATED, ready=ready, phase=phase, since="2026-11-22T21:05:00Z")
    condition = thing["status"]["conditions"][-1]
    assert (condition["status"], condition.get("reason")) == (status, reason)
    assert condition["lastTransitionTime"] == "2026-11-22T21:05:00Z"


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("ui", {"httpGet": {"path": "/actuator/health/readiness", "port": "http"}}),
        ("catalog", {"httpGet": {"path": "/health", "port": "http"}}),
        ("checkout-redis", {"tcpSocket": {"port": "redis"}}),
        ("coredns", {"tcpSocket": {"port": "dns-tcp"}}),
    ],
)
def test_probe(name: str, check: dict[str, object]) -> None:
    container = pod_objects.pod_spec(BY_NAME[name].workload)["containers"][0]
    assert check.items() <= container["readinessProbe"].items()
