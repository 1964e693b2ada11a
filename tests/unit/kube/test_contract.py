"""One contract for all that the hub may learn of its cluster from: a folder of manifests, and an API server."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairway.hub.surroundings import ManifestFolder, Sight, Surroundings
from fairway.kube.resources import WATCHED
from fairway.kube.source import ApiServer
from fairway.policy.model import Cluster
from support.apiserver import api_server
from support.hubs import until

PLURALS = {resource.kind: resource.plural for resource in WATCHED}


@dataclass
class Place:
    """Somewhere a cluster is, and how somebody else changes it."""

    surroundings: Surroundings
    put: Callable[[dict[str, Any]], object]
    remove: Callable[[dict[str, Any]], object]
    seen: Cluster | None = None

    def sees(self, condition: Callable[[Cluster], object]) -> None:
        """Look until the cluster is so."""

        def look() -> object:
            sight: Sight | None = self.surroundings.look()
            self.seen = sight.cluster if sight else self.seen
            return self.seen is not None and condition(self.seen)

        until(look)


@pytest.fixture(params=["folder", "api server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "folder":
        yield Place(
            ManifestFolder(tmp_path),
            put=lambda value: file(tmp_path, value).write_text(json.dumps(value)),
            remove=lambda value: file(tmp_path, value).unlink(),
        )
        return
    with api_server(for_hub=True) as server:
        source = ApiServer(server.access, page=2).start()
        yield Place(
            source,
            put=lambda value: server.put(PLURALS[value["kind"]], value),
            remove=lambda value: server.delete(
                PLURALS[value["kind"]], value["metadata"]["name"], value["metadata"].get("namespace", "")
            ),
        )
        source.close()


def file(folder: Path, value: dict[str, Any]) -> Path:
    metadata = value["metadata"]
    return folder / f"{value['kind']}-{metadata.get('namespace', '')}-{metadata['name']}.json"


def thing(
    kind: str, name: str, namespace: str = "", labels: dict[str, str] | None = None, **rest: Any
) -> dict[str, Any]:
    version = next(resource.version for resource in WATCHED if resource.kind == kind)
    metadata: dict[str, Any] = {"name": name, "labels": labels or {}, "uid": f"{kind}-{namespace}-{name}"}
    if namespace:
        metadata["namespace"] = namespace
    if owner := rest.pop("owner", ""):
        kind_of, _, of = owner.partition("/")
        metadata["ownerReferences"] = [{"kind": kind_of, "name": of, "controller": True}]
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def pod(name: str, address: str, owner: str = "", phase: str = "Running", **labels: str) -> dict[str, Any]:
    container = {"name": "main", "args": ["--db=db"], "ports": [{"name": "http", "containerPort": 8080}]}
    status = {"phase": phase, "podIPs": [{"ip": address}]} if address else {"phase": "Pending"}
    return thing(
        "Pod", name, "shop", labels, owner=owner, spec={"nodeName": "n1", "containers": [container]}, status=status
    )


SHOP = thing("Namespace", "shop", labels={"team": "a"})
NODE = thing(
    "Node",
    "n1",
    labels={"topology.kubernetes.io/zone": "z1"},
    status={"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
)
WEB = pod("web-5d8-x", "10.1.0.1", owner="ReplicaSet/web-5d8", app="web")
SERVICE_SPEC = {
    "clusterIPs": ["10.96.0.1"],
    "selector": {"app": "web"},
    "ports": [{"port": 80, "targetPort": "http"}],
}
SERVICE = thing("Service", "web", "shop", spec=SERVICE_SPEC)
SLICE = thing(
    "EndpointSlice", "web-1", "shop", {"kubernetes.io/service-name": "web"}, addressType="IPv4",
    endpoints=[{"addresses": ["10.1.0.1"]}], ports=[{"name": "", "port": 8080, "protocol": "TCP"}],
)  # fmt: skip
SET = thing("ReplicaSet", "web-5d8", "shop", owner="Deployment/web")
JOB = thing("Job", "report-1", "shop", owner="CronJob/report")
CRON = thing(
    "CronJob", "report", "shop", spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": {}}}}}
)
POLICY = thing(
    "NetworkPolicy", "web", "shop", spec={"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]}
)
ALL = (SHOP, NODE, WEB, SERVICE, SLICE, SET, JOB, CRON, POLICY)


def test_both_see_the_same_cluster(place: Place) -> None:
    for value in (*ALL, pod("run-a", "10.1.0.9", owner="Job/report-1")):
        place.put(value)
    place.sees(
        lambda cluster: len(cluster.pods) == 2 and cluster.policies and cluster.services and cluster.cron_jobs
    )
    cluster = place.seen
    assert cluster is not None
    web, run = sorted(cluster.pods, key=lambda one: one.name, reverse=True)
    assert (web.workload, web.addresses, web.node, web.declared) == (
        "Deployment/web",
        ("10.1.0.1",),
        "n1",
        ("--db=db",),
    )
    assert run.workload == "CronJob/report"
    assert cluster.namespaces["shop"] == {"team": "a", "kubernetes.io/metadata.name": "shop"}
    assert [(node.name, node.zone) for node in cluster.nodes] == [("n1", "z1")]
    assert cluster.services[0].ports[0].backends == (("10.1.0.1", 8080),)
    assert [policy.title for policy in cluster.policies] == ["shop/web"]
    assert cluster.cron_jobs[0].schedule == "0 3 * * *"


def test_changes_are_seen(place: Place) -> None:
    for value in ALL:
        place.put(value)
    place.sees(lambda cluster: cluster.policies)
    place.put(pod("web-5d8-x", "10.1.0.1", owner="ReplicaSet/web-5d8", app="new"))
    place.sees(lambda cluster: dict(cluster.pods[0].labels) == {"app": "new"})
    moved = json.loads(json.dumps(SLICE))
    moved["endpoints"][0]["addresses"] = ["10.1.0.7"]
    place.put(moved)
    place.sees(lambda cluster: cluster.services[0].ports[0].backends == (("10.1.0.7", 8080),))
    place.remove(POLICY)
    place.sees(lambda cluster: not cluster.policies)
    place.remove(WEB)
    place.sees(lambda cluster: not cluster.pods)


def test_nothing_new_is_no_news(place: Place) -> None:
    for value in ALL:
        place.put(value)
    place.sees(lambda cluster: cluster.policies and cluster.pods)
    until(lambda: place.surroundings.look() is None)
    assert place.surroundings.look() is None


def test_an_address_goes_from_one_pod_to_the_next(place: Place) -> None:
    for value in (SHOP, NODE, pod("first", "10.1.0.1")):
        place.put(value)
    place.sees(lambda cluster: [one.name for one in cluster.pods] == ["first"])
    place.put(pod("first", "10.1.0.1", phase="Succeeded"))
    place.put(pod("second", "10.1.0.1"))
    place.sees(lambda cluster: {one.name for one in cluster.pods if not one.finished} == {"second"})
