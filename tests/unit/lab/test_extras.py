import time
from pathlib import Path

import pytest

from fairway.lab import extras, manifests, objects, pod_objects, shop
from fairway.lab.config import LabConfig

CREATED = "2026-11-22T21:00:00Z"


def job(config: LabConfig, number: int) -> None:
    name = f"orders-export-{number}"
    pod = shop.place(shop.EXPORT, "node-b", 30, f"{name}-abcde")
    things = [manifests.job(shop.EXPORT, name, CREATED, True), pod_objects.pod(pod, CREATED, ready=False)]
    objects.write(config.cluster, things)


def test_jobs_are_numbered_by_the_minute_and_never_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = LabConfig("x", tmp_path)
    monkeypatch.setattr(time, "time", lambda: 600.0)
    assert extras.next_job(config) == 10
    job(config, 10)
    assert extras.next_job(config) == 11


def test_the_last_jobs_are_kept_with_their_pods(tmp_path: Path) -> None:
    config = LabConfig("x", tmp_path)
    for number in (101, 102, 103, 104):
        job(config, number)
    extras.next_job(config)
    assert sorted(path.name for path in config.cluster.rglob("*.json")) == [
        "batch.orders-export-103-abcde.json",
        "batch.orders-export-103.json",
        "batch.orders-export-104-abcde.json",
        "batch.orders-export-104.json",
    ]
