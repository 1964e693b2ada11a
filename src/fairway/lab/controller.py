"""`controller LAB ROOT`: the lab's control plane in one process.

Probes every pod from its own node as the kubelet does, and keeps up to date what follows from readiness: pod
conditions, EndpointSlices, each node's Service rules, the scrape targets and the balancer's targets.
"""

import http.client
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from fairway.lab import manifests, namespaces, objects, pod_objects, topology
from fairway.lab.config import LabConfig
from fairway.lab.service_rules import Backend, Frontend, render
from fairway.lab.shop import Pod, pods

PERIOD_SECONDS: Final = 1.0
UNREADY_PERIOD_SECONDS: Final = 0.5
TIMEOUT_SECONDS: Final = 1.0
FAILURE_THRESHOLD: Final = 2
PROBE_AGENT: Final = "kube-probe/1.33"


def probe(pod: Pod) -> str:
    """Probe a pod from the calling thread's namespace; empty if it is ready, else why not."""
    workload = pod.workload
    if workload.probe is None:
        return ""
    port = next(p.number for p in workload.ports if p.protocol == "TCP")
    try:
        if not workload.probe:
            socket.create_connection((pod.addresses[0], port), TIMEOUT_SECONDS).close()
            return ""
        client = http.client.HTTPConnection(pod.addresses[0], port, timeout=TIMEOUT_SECONDS)
        try:
            client.request("GET", workload.probe, headers={"User-Agent": PROBE_AGENT, "Connection": "close"})
            answer = client.getresponse()
            return "" if answer.status < 400 else f"{answer.status} {answer.read(300).decode(errors='replace')}"
        finally:
            client.close()
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def backends(placed: Sequence[Pod], ready: Collection[str]) -> dict[Frontend, list[Backend]]:
    """Every Service address and port with its ready pods."""
    found: dict[Frontend, list[Backend]] = {}
    for pod in placed:
        spec = pod.workload.service
        if not spec:
            continue
        numbers = {port.name: port.number for port in pod.workload.ports}
        for family, address in spec.addresses.items():
            for _, port, target, protocol in spec.ports:
                chosen = found.setdefault(Frontend(address, protocol.lower(), port), [])
                if pod.title in ready:
                    chosen.append(Backend(pod.addresses[family == "IPv6"], numbers[target]))
    return found


class Controller:
    """Owns the conditions of the long-running pods."""

    def __init__(self, config: LabConfig) -> None:
        self._config = config
        self._pods = pods()
        self._ready: set[str] = set()
        self._since: dict[str, str] = {}
        self._created = objects.timestamp()
        self._changes: queue.SimpleQueue[tuple[Pod, bool, str]] = queue.SimpleQueue()

    def run(self) -> None:
        """Probe and apply until killed."""
        self.apply()
        netns = {node.name: node.netns for node in topology.nodes(self._config.name)}
        for pod in self._pods:
            namespaces.start_inside(netns[pod.node], partial(self._watch, pod))
        while True:
            self._take(*self._changes.get())
            time.sleep(0.05)  # what changes together is applied together
            while not self._changes.empty():
                self._take(*self._changes.get())
            self.apply()

    def _take(self, pod: Pod, ready: bool, reason: str) -> None:
        (self._ready.add if ready else self._ready.discard)(pod.title)
        self._since[pod.title] = objects.timestamp()
        sys.stdout.write(f"{self._since[pod.title]} {pod.title} {'ready' if ready else f'unready: {reason}'}\n")
        sys.stdout.flush()

    def _watch(self, pod: Pod) -> None:
        ready, failures = False, 0
        while True:
            started = time.monotonic()
            reason = probe(pod)
            failures = failures + 1 if reason else 0
            if ready and failures >= FAILURE_THRESHOLD:
                ready = False
                self._changes.put((pod, ready, reason))
            elif not ready and not reason:
                ready = True
                self._changes.put((pod, ready, reason))
            period = PERIOD_SECONDS if ready else UNREADY_PERIOD_SECONDS
            time.sleep(max(0.05, period - (time.monotonic() - started)))

    def apply(self) -> None:
        """Bring files and rules in line with readiness."""
        rules = render(backends(self._pods, self._ready))
        for node in topology.nodes(self._config.name):
            argv = ["nsenter", f"--net={namespaces.NAMED / node.netns}", "nft", "-f", "-"]
            subprocess.run(argv, input=rules, text=True, check=True)
        conditions = [
            pod_objects.pod(
                pod, self._created, ready=pod.title in self._ready, since=self._since.get(pod.title, self._created)
            )
            for pod in self._pods
        ]
        objects.write(self._config.cluster, conditions)
        objects.write(self._config.cluster, manifests.slices(self._pods, self._ready, self._created))
        write_targets(self._config, self._pods, self._ready)


def write_targets(config: LabConfig, placed: Sequence[Pod], ready: Collection[str]) -> None:
    """The scrape targets, ready or not, and the balancer's targets, the ready ones."""
    services = [p for p in placed if p.workload.program[0] == "service"]
    groups = [
        {"targets": [f"{p.addresses[0]}:8080"], "labels": {"namespace": p.namespace, "pod": p.name}}
        for p in services
    ]
    objects.write_json(config.scrape_targets, groups)
    shown = [p.addresses for p in services if p.workload.name == "ui" and p.title in ready]
    objects.write_json(config.balancer_targets, shown)


def main(lab: str, root: str) -> None:
    """Control until killed."""
    Controller(LabConfig(lab, Path(root))).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
