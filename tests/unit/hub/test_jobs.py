"""Jobs outlive the hub: what was done stays done, what was open is told as interrupted."""

from pathlib import Path

import pytest

from fairway.hub.engine import Material
from fairway.hub.job_files import LOST, JobFiles
from fairway.hub.jobs import Job, Jobs, Progress
from fairway.hub.questions import Diff
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from support.hubs import until
from support.reports import write_cluster

ONE = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: orders}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
MANY = "---".join(ONE.replace("name: db", f"name: db-{number}") for number in range(3000))
"""Takes seconds to read."""


class Room:
    """Jobs over a folder of manifests, again and again."""

    def __init__(self, folder: Path) -> None:
        self.cluster = write_cluster(folder / "cluster")
        self.folder = folder / "jobs"
        self.log: list[str] = []
        self.open()

    def open(self) -> None:
        self.jobs = Jobs(JobFiles(self.folder, self.log.append))

    def start(self, new: str = "") -> Job:
        cluster = read_cluster(read_documents([self.cluster])).cluster
        return self.jobs.start("jane", Diff(new=new), lambda: Material(cluster, []))

    def found(self, job: Job) -> Job:
        found = self.jobs.find("jane", job.id)
        assert found
        return found


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_restart_keeps_what_was_done_and_tells_what_was_open(room: Room) -> None:
    done = room.start()
    until(lambda: done.state is Progress.DONE, 120)
    running = room.start(MANY)
    until(lambda: running.state is Progress.RUNNING)
    as_if_killed = (room.folder / f"{running.id}.json").read_bytes()
    room.jobs.close()
    assert (running.state, running.error) == (Progress.INTERRUPTED, LOST)
    (room.folder / "killed.json").write_bytes(as_if_killed.replace(running.id.encode(), b"killed"))
    (room.folder / "torn.json").write_bytes(as_if_killed[:20])
    room.open()
    again = room.found(done)
    assert (again.state, again.answer, again.verb) == (Progress.DONE, done.answer, "diff")
    assert done.answer == {"same": True, **(done.answer or {})}
    for job in room.jobs.of("jane"):
        if job.id != done.id:
            assert (job.state, job.error) == (Progress.INTERRUPTED, LOST)
            room.jobs.cancel(job)
            assert job.state is Progress.INTERRUPTED
    assert {job.id for job in room.jobs.of("jane")} == {done.id, running.id, "killed"}
    assert [line for line in room.log if "torn.json cannot be read" in line]
    room.jobs.close()


def test_a_disk_that_refuses_is_told_and_the_job_goes_on(room: Room) -> None:
    room.folder.write_text("no folder")
    job = room.start()
    until(lambda: job.state is Progress.DONE, 120)
    assert room.log
    assert f"job {job.id} will not outlive the hub" in room.log[0]
    room.jobs.close()
