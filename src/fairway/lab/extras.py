"""Pods that come and go: the batch job, and the intruder."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fairway.kit.errors import AnswerIsNoError
from fairway.lab import manifests, objects, pod_objects, processes, runtime
from fairway.lab.config import LabConfig
from fairway.lab.shop import EXPORT, INTRUDER, TARGETS, Pod, generated_letters, place, services

JOB_NODE: Final = "node-b"
JOB_FIRST_INDEX: Final = 30
JOBS_KEPT: Final = 3
JOB_SECONDS: Final = 60.0
INTRUDER_PLACE: Final = ("node-c", 20)
INTRUDE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a pod's command ended, in seconds, and what it printed."""

    pod: str
    ok: bool
    seconds: float
    output: str

    @property
    def detail(self) -> str:
        """The last line it printed."""
        return self.output.rpartition("\n")[2]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection the intruder tried: `target` is `service.namespace`, `detail` what came of it."""

    target: str
    address: str
    port: int
    reached: bool
    detail: str


def run_job(config: LabConfig, admitted: Callable[[], None]) -> CommandResult:
    """Run the export job once: its pod lives only meanwhile, its manifests stay as the last few jobs' do.

    `admitted` returns when the container may start; the pod has its address and its manifest by then.
    """
    created = objects.timestamp()
    number = next_job(config)
    job = f"{EXPORT.name}-{number}"
    index = JOB_FIRST_INDEX + number % 90
    pod = place(EXPORT, JOB_NODE, index, f"{job}-{generated_letters(job, 5)}")
    started, ok, output = time.monotonic(), False, "interrupted"
    runtime.connect(config, [pod])
    try:
        things = [manifests.job(EXPORT, job, created), pod_objects.pod(pod, created, ready=True)]
        objects.write(config.cluster, things)
        admitted()
        done = runtime.run_in_pod(config, pod, runtime.python("apps.export"), JOB_SECONDS)
        ok, output = done.returncode == 0, done.stdout
    except subprocess.TimeoutExpired:
        output = f"not done after {JOB_SECONDS:.0f} s"
    finally:
        runtime.disconnect(config, pod)
        phase = "Succeeded" if ok else "Failed"
        ended = pod_objects.pod(pod, created, ready=False, phase=phase, since=objects.timestamp())
        objects.write(config.cluster, [ended, manifests.job(EXPORT, job, created, ok)])
    return CommandResult(pod.title, ok, time.monotonic() - started, output.strip())


def next_job(config: LabConfig) -> int:
    """A job's number: the minute since 1970, as Kubernetes numbers, or the next that is free; drops old jobs."""
    jobs = sorted((config.cluster / "job").glob("*.json"))
    for old in jobs[: -JOBS_KEPT + 1]:
        old.unlink()
        for pod in (config.cluster / "pod").glob(f"{old.stem}-*.json"):
            pod.unlink()
    last = int(jobs[-1].stem.rpartition("-")[2]) if jobs else 0
    return max(int(time.time() // 60), last + 1)


def intruder() -> Pod:
    """The intruder's pod."""
    return place(INTRUDER, *INTRUDER_PLACE, INTRUDER.name)


def start_intruder(config: LabConfig) -> None:
    """Make the intruder's pod, unless it exists."""
    pod = intruder()
    thing = pod_objects.pod(pod, objects.timestamp(), ready=True)
    if not objects.file_of(config.cluster, thing).exists():
        runtime.disconnect(config, pod)
        runtime.connect(config, [pod])
        objects.write(config.cluster, [thing])
    if not processes.named(config.name, pod.process):
        runtime.start_pod(config, pod)


def stop_intruder(config: LabConfig) -> None:
    """Remove the intruder's pod, if it exists."""
    pod = intruder()
    processes.end(processes.named(config.name, pod.process))
    objects.file_of(config.cluster, pod_objects.pod(pod, "", ready=False)).unlink(missing_ok=True)
    runtime.disconnect(config, pod)


def intrude(config: LabConfig) -> list[Attempt]:
    """Let the intruder try each database once."""
    start_intruder(config)
    arguments = []
    for name, namespace in TARGETS:
        spec = services()[namespace, name].service
        if spec:
            arguments += [f"{name}.{namespace}", str(spec.ports[0][1]), next(iter(spec.addresses.values()))]
    command = runtime.python("apps.intruder", *arguments)
    try:
        done = runtime.run_in_pod(config, intruder(), command, INTRUDE_SECONDS)
        results = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise AnswerIsNoError(f"the intruder in `{intruder().title}` did not report: {error}") from error
    return [Attempt(host, address, port, reached, detail) for host, port, address, reached, detail in results]
