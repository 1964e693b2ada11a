from pathlib import Path

from fairway.kit.documents import read_documents
from fairway.lab import manifests, objects, pod_objects, shop, topology
from fairway.policy.read import read_cluster

CREATED = "2026-11-22T21:00:00Z"
PODS = shop.pods()


def written(folder: Path, ready: set[str]) -> None:
    objects.write(folder, manifests.fixed(CREATED))
    objects.write(folder, (pod_objects.pod(p, CREATED, ready=p.title in ready) for p in PODS))
    objects.write(folder, manifests.slices(PODS, ready, CREATED))


def test_the_policy_engine_reads_the_whole_cluster(tmp_path: Path) -> None:
    written(tmp_path, {pod.title for pod in PODS})
    reading = read_cluster(read_documents([tmp_path]))
    cluster = reading.cluster
    assert {line.rpartition(": ")[2].split()[0] for line in reading.skipped} <= {"StatefulSet"}
    assert [(n.name, n.zone) for n in cluster.nodes] == list(topology.ZONES.items())
    assert {p.title: p.addresses for p in cluster.pods} == {p.title: p.addresses for p in PODS}
    assert {p.workload for p in cluster.pods} == {f"{w.kind}/{w.name}" for w in shop.WORKLOADS}
    assert [job.title for job in cluster.cron_jobs] == ["batch/orders-export"]
    assert set(shop.NAMESPACES) == set(cluster.namespaces)


def test_backends_are_pod_ports_of_each_family(tmp_path: Path) -> None:
    written(tmp_path, {pod.title for pod in PODS})
    services = {s.title: s for s in read_cluster(read_documents([tmp_path])).cluster.services}
    catalog = [p.addresses[1] for p in PODS if p.workload.name == "catalog"]
    assert set(services["catalog/catalog"].ports[0].backends) == {(address, 8080) for address in catalog}
    assert {(p.name, p.protocol, p.port) for p in services["kube-system/kube-dns"].ports} == {
        ("dns", "UDP", 53),
        ("dns-tcp", "TCP", 53),
    }


def test_an_unready_pod_stays_in_its_slices_as_unready() -> None:
    ui = [p for p in PODS if p.workload.name == "ui"]
    found = [s for s in manifests.slices(PODS, {ui[0].title}, CREATED) if s["metadata"]["name"] == "ui-ipv4"]
    endpoints = {e["targetRef"]["name"]: e["conditions"]["ready"] for e in found[0]["endpoints"]}
    assert endpoints == {ui[0].name: True, ui[1].name: False}


def test_a_job_belongs_to_its_cron_job_and_ends() -> None:
    running = manifests.job(shop.EXPORT, "orders-export-1", CREATED)
    assert running["status"]["active"] == 1
    assert running["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    for succeeded, condition in ((True, "Complete"), (False, "Failed")):
        ended = manifests.job(shop.EXPORT, "orders-export-1", CREATED, succeeded)
        assert ended["status"]["conditions"][0]["type"] == condition
        assert "active" not in ended["status"]
