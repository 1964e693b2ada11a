"""Programs and networks of single pods, and of what is outside the cluster."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import fairway
from fairway.lab import names, namespaces, processes, topology
from fairway.lab.config import LabConfig
from fairway.lab.shop import Pod

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT: Final = {
    "PATH": _PATH,
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(Path(fairway.__file__).parents[1]),
    "PYTHONDONTWRITEBYTECODE": "1",
    "MALLOC_ARENA_MAX": "1",  # programs with many short threads keep less memory
}
"""Of every program of the shop: nothing of the person's who brought the lab up."""


def python(module: str, *arguments: str) -> list[str]:
    """The command of one of the lab's own programs; without site packages it starts in half of the time."""
    return [sys.executable, "-S", "-m", f"fairway.lab.{module}", *arguments]


def in_netns(netns: str, argv: Sequence[str]) -> list[str]:
    """A command inside a namespace with the machine's own /sys, so that pinned BPF objects are visible."""
    return ["nsenter", f"--net={namespaces.NAMED / netns}", "--", *argv]


def in_pod(config: LabConfig, pod: Pod, argv: Sequence[str]) -> list[str]:
    """A command inside a pod: its network and its resolv.conf."""
    return ["ip", "netns", "exec", pod.attachment(config.name).netns, *argv]


def connect(config: LabConfig, placed: Sequence[Pod]) -> None:
    """Make pods' namespaces, their veths and routes, their resolv.conf."""
    attachments = [pod.attachment(config.name) for pod in placed]
    namespaces.create([a.netns for a in attachments])
    for node in topology.nodes(config.name):
        lines = [line for a in attachments if a.node == node.netns for line in namespaces.attach_lines(a)]
        if lines:
            namespaces.batch(lines, node.netns)
    for pod, attachment in zip(placed, attachments, strict=True):
        namespaces.batch(namespaces.pod_lines(attachment), attachment.netns)
        namespaces.write_resolver(attachment.netns, topology.CLUSTER_DNS[0], names.search(pod.namespace))


def disconnect(config: LabConfig, pod: Pod) -> None:
    """Remove a pod's namespace, and with it its veth."""
    namespaces.delete([pod.attachment(config.name).netns])


def start_pod(config: LabConfig, pod: Pod) -> None:
    """Start a pod's program."""
    argv = in_pod(config, pod, command(config, pod))
    _start(config, pod.process, argv, pod.workload.env)


def run_in_pod(
    config: LabConfig, pod: Pod, argv: Sequence[str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run one of the lab's programs in a pod to its end; subprocess.TimeoutExpired kills it."""
    return subprocess.run(
        in_pod(config, pod, argv),
        env=processes.tagged(config.name, pod.process, {**ENVIRONMENT, **pod.workload.env}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )


def start_outside(config: LabConfig) -> None:
    """Start what is outside the pods: resolver, cloud, providers, balancer, users, control plane."""
    balancer = str(config.balancer_targets)
    programs = (
        ("resolver", "router", names.vpc_resolver()),
        ("payments", "internet", python("apps.outside", "payments", "443")),
        ("aws", "aws", python("apps.outside", "aws", "443")),
        ("erp", "onprem", python("apps.outside", "erp", "8443")),
        ("balancer", "lb", python("apps.balancer", balancer)),
        ("users", "internet", python("apps.users", topology.BALANCER[0], f"[{topology.BALANCER[1]}]")),
    )
    for name, where, argv in programs:
        _start(config, name, in_netns(topology.netns(config.name, where), argv))
    _start(config, "controller", python("controller", config.name, str(config.root)))


def start_tagged(config: LabConfig, name: str, argv: Sequence[str], env: Mapping[str, str] | None) -> int:
    """Start somebody else's program in this process's environment, tagged as the lab's."""
    log = config.logs / f"{name}.log"
    return processes.start(config.name, name, argv, log, {**os.environ, **(env or {})})


def _start(config: LabConfig, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    log = config.logs / f"{name}.log"
    processes.start(config.name, name, argv, log, {**ENVIRONMENT, **(env or {})})


def command(config: LabConfig, pod: Pod) -> list[str]:
    """What a pod runs."""
    program, *arguments = pod.workload.program
    if program == "dnsmasq":
        return names.cluster_dns()
    if program == "sleep":
        return ["sleep", "infinity"]
    if program == "prometheus":
        arguments = [str(config.scrape_targets)]
    return python(f"apps.{program}", *arguments)
