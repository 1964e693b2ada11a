"""Lab: the small cluster and its shop, brought up, looked at and removed."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from fairway.kit.documents import read_documents
from fairway.kit.errors import EnvironmentLacksError, UsageError
from fairway.lab import (
    check,
    extras,
    manifests,
    namespaces,
    objects,
    pod_objects,
    processes,
    runtime,
    status,
    topology,
)
from fairway.lab.apps.web import fetch
from fairway.lab.check import CheckResult, Question
from fairway.lab.config import LabConfig
from fairway.lab.extras import Attempt, CommandResult
from fairway.lab.pins import pins_of, remove_pins
from fairway.lab.requirements import require, require_root
from fairway.lab.shop import pods
from fairway.lab.status import LongLived, PodStatus
from fairway.policy.read import read_cluster, read_policies

READY_SECONDS: Final = 30.0
CHECK_SECONDS: Final = 5.0
_OUTSIDE: Final = ("router", "internet", "aws", "onprem", "lb")


class Lab:
    """A lab by its name. Making one does nothing; `up` builds it, `down` removes all that bears its name."""

    def __init__(self, config: LabConfig | None = None) -> None:
        self.config = config or LabConfig()
        self.nodes = topology.nodes(self.config.name)
        self.cluster_dir = self.config.cluster
        self.ranges_file = self.config.ranges
        self.policies_dir = self.config.cluster / "networkpolicy"

    def up(self, progress: Callable[[str], None]) -> None:
        """Build everything and wait until the shop is ready; a failure or an interrupt removes it again."""
        require()
        self._claim()
        try:
            self._build(progress)
        except BaseException:
            progress("removing what was made; should that be interrupted: `fairway lab down`")
            self.down()
            raise

    def _claim(self) -> None:
        name, remedy = self.config.name, f"`fairway lab down --name {self.config.name}`"
        left = self._leftovers()
        if left and self.running("controller"):
            raise UsageError(f"lab `{name}` is up; {remedy} removes it")
        if left:
            raise UsageError(f"lab `{name}` was left behind ({', '.join(left)}); {remedy} removes it")
        try:
            self.config.directory.mkdir(parents=True)
        except FileExistsError as error:
            raise UsageError(f"lab `{name}` is just being made; {remedy} removes it") from error

    def _build(self, progress: Callable[[str], None]) -> None:
        config, placed = self.config, pods()
        for folder in (config.logs, config.cluster, config.scrape_targets.parent):
            folder.mkdir()
        objects.write_json(config.ranges, topology.published_ranges())
        created = objects.timestamp()
        objects.write(config.cluster, manifests.fixed(created))
        objects.write(config.cluster, (pod_objects.pod(p, created, ready=False) for p in placed))
        progress(f"network: {len(self.nodes)} nodes in {len(topology.ZONES)} zones")
        self._build_network()
        progress(f"network: {len(placed)} pods")
        runtime.connect(config, placed)
        progress("programs")
        runtime.start_outside(config)
        for pod in placed:
            runtime.start_pod(config, pod)
        progress("waiting until every pod is ready")
        if not self.wait_ready(READY_SECONDS) or not self._answers(READY_SECONDS):
            missing = ", ".join(self.unready()) or "the load balancer"
            raise EnvironmentLacksError(f"not ready after {READY_SECONDS:.0f} s: {missing}")

    def _build_network(self) -> None:
        name = self.config.name
        namespaces.create([topology.netns(name, where) for where in (*_OUTSIDE, *topology.ZONES)])
        namespaces.batch(namespaces.router_lines(name), topology.netns(name, "router"))
        for segment in topology.segments():
            namespaces.batch(namespaces.segment_lines(segment), topology.netns(name, segment.where))

    def _answers(self, timeout: float) -> bool:
        return _until(lambda: self.visit("/") == 200, timeout)

    def down(self) -> list[str]:
        """Remove everything that bears the lab's name, in whatever state it is; what was removed."""
        removed: list[str] = []
        if self._leftovers():
            require_root()
        if found := processes.find(self.config.name):
            processes.end(found, timeout=3.0)
            removed.append(f"{len(found)} processes")
        left = set(namespaces.existing(self._prefix))
        left |= {path.name for path in namespaces.PER_NAMESPACE_ETC.glob(f"{self._prefix}*")}
        if left:
            namespaces.delete(sorted(left))
            removed.append(f"{len(left)} network namespaces")
        if remove_pins(self.config.name):
            removed.append("programs and tables in the kernel")
        if self.config.directory.exists():
            shutil.rmtree(self.config.directory)
            removed.append(str(self.config.directory))
        return removed

    @property
    def _prefix(self) -> str:
        return topology.netns(self.config.name, "")

    def _leftovers(self) -> list[str]:
        found = {
            "processes": processes.find(self.config.name),
            "network namespaces": namespaces.existing(self._prefix),
            "programs and tables in the kernel": pins_of(self.config.name).exists(),
            str(self.config.directory): self.config.directory.exists(),
        }
        return [what for what, exists in found.items() if exists]

    def require_up(self) -> None:
        """UsageError unless the lab is up; looking into it needs root, too."""
        require_root()
        if not self.config.directory.exists():
            raise UsageError(f"lab `{self.config.name}` is not up; `fairway lab up --name {self.config.name}`")

    def status(self) -> list[PodStatus]:
        """Every pod, in the order of namespaces and names."""
        self.require_up()
        return status.read(self.cluster_dir, set(processes.find(self.config.name).values()))

    def unready(self) -> list[str]:
        """Titles of the long-running pods that are not ready."""
        ready = {pod.title for pod in status.read(self.cluster_dir, set()) if pod.ready}
        return [pod.title for pod in pods() if pod.title not in ready]

    def wait_ready(self, timeout: float) -> bool:
        """Wait until every long-running pod is ready; False if one is not after `timeout` seconds."""
        return _until(lambda: not self.unready(), timeout)

    def check(self, topology: bool = True, timeout: float = CHECK_SECONDS) -> list[CheckResult]:
        """Try every page, every probe, DNS and IPv6 at once, within `timeout` seconds for all.

        `topology` also opens the pages that make ui call orders, which ordinary users never do.
        """
        self.require_up()
        return check.check(self.config.name, topology, timeout)

    def visit(self, path: str) -> int:
        """Open a page as a user over IPv4; the HTTP status, 0 if there was no answer."""
        self.require_up()
        statuses = []

        def run() -> str:
            statuses.append(fetch(f"http://{topology.BALANCER[0]}{path}", timeout=CHECK_SECONDS)[0])
            return ""

        users = topology.netns(self.config.name, "internet")
        check.ask([Question("visit", users, run)], CHECK_SECONDS + 1)
        return statuses[0] if statuses else 0

    def long_lived(self) -> list[LongLived]:
        """The connections to the message broker, as the orders pods report them to their nodes."""
        self.require_up()
        told: list[LongLived] = []
        asked = [
            Question(pod.title, pod.attachment(self.config.name).node, partial(status.ask_connections, pod, told))
            for pod in pods()
            if pod.workload.name == "orders"
        ]
        check.ask(asked, 3.0)
        return sorted(told, key=lambda connection: connection.pod)

    def run_job(self, admitted: Callable[[], None] = lambda: None) -> CommandResult:
        """Run the batch job once; its pod exists only meanwhile. `admitted` as of `extras.run_job`."""
        self.require_up()
        return extras.run_job(self.config, admitted)

    def intrude(self) -> list[Attempt]:
        """Let the intruder try each database once; the first call makes its pod."""
        self.require_up()
        return extras.intrude(self.config)

    def start_intruder(self) -> None:
        """Make the intruder's pod, which does nothing until `intrude`."""
        self.require_up()
        extras.start_intruder(self.config)

    def apply(self, policies: Path) -> list[str]:
        """Make these NetworkPolicies the cluster's own, in place of those it had; their titles."""
        self.require_up()
        documents = read_documents([policies])
        read_policies(documents, read_cluster(read_documents([self.cluster_dir])).cluster)
        things = [document.value for document in documents if document.value.get("kind") == "NetworkPolicy"]
        kept = {objects.file_of(self.cluster_dir, thing) for thing in things}
        for old in set(self.policies_dir.glob("*.json")) - kept:
            old.unlink()
        objects.write(self.cluster_dir, things)
        return sorted(file.stem.replace(".", "/", 1) for file in kept)

    def stop_intruder(self) -> None:
        self.require_up()
        extras.stop_intruder(self.config)

    def exec(
        self, pod: str, argv: Sequence[str], capture: bool = True, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a pod, named `namespace/name`, by its name or by the beginning of it."""
        chosen = self._find(pod)
        netns = topology.netns(self.config.name, f"pod-{chosen.namespace}-{chosen.name}")
        return subprocess.run(
            ["ip", "netns", "exec", netns, *argv],
            env=processes.tagged(self.config.name, "exec", os.environ),
            capture_output=capture,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _find(self, wanted: str) -> PodStatus:
        living = [pod for pod in self.status() if pod.phase == "Running"]
        exact = [pod for pod in living if wanted in (pod.name, pod.title)]
        chosen = exact or [pod for pod in living if pod.name.startswith(wanted) or pod.title.startswith(wanted)]
        if not chosen:
            raise UsageError(
                f"no running pod `{wanted}` in lab `{self.config.name}`; `fairway lab status` lists them"
            )
        return chosen[0]

    def spawn(
        self, name: str, argv: Sequence[str], netns: str | None = None, env: Mapping[str, str] | None = None
    ) -> int:
        """Start a background program that `down` will end; its id. Its output goes to `logs/NAME.log`."""
        self.require_up()
        command = runtime.in_netns(netns, argv) if netns else list(argv)
        return runtime.start_tagged(self.config, name, command, env)

    def stop(self, name: str, signal: int = signal.SIGTERM, timeout: float = 5) -> None:
        """Signal the programs called `name` and wait for their end; killed after `timeout` seconds."""
        processes.end(processes.named(self.config.name, name), signal, timeout)

    def running(self, name: str) -> bool:
        return bool(processes.named(self.config.name, name))

    def log(self, name: str) -> Path:
        """The file with what the program called `name` printed."""
        return self.config.logs / f"{name}.log"


def _until(condition: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
