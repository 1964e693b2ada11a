"""What a running lab tells about itself: its pods' states, and connections that are kept open."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairway.lab import topology
from fairway.lab.apps.web import fetch
from fairway.lab.shop import Pod


@dataclass(frozen=True, slots=True)
class PodStatus:
    """A pod as its manifest tells it; `running` is whether its program runs."""

    namespace: str
    name: str
    node: str
    zone: str
    phase: str
    ready: bool
    running: bool
    addresses: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def state(self) -> str:
        """In a word or two: the phase, and of a running pod whether it is of use."""
        if self.phase != "Running":
            return self.phase
        if not self.running:
            return "program ended"
        return "ready" if self.ready else "not ready"


@dataclass(frozen=True, slots=True)
class LongLived:
    """A connection that a pod has kept open since `opened_at` (seconds since 1970)."""

    pod: str
    peer: str
    opened_at: float
    alive: bool


def read(cluster: Path, running: set[str]) -> list[PodStatus]:
    """Every pod of a folder of manifests, in the order of namespaces and names; `running` are processes."""
    files = sorted((cluster / "pod").glob("[!.]*.json"))
    return [_status(json.loads(file.read_text()), running) for file in files]


def ask_connections(pod: Pod, told: list[LongLived]) -> str:
    """Add to `told` what an orders pod says about its connection; asked from its node."""
    status, body = fetch(f"http://{pod.addresses[0]}:8080/connections", timeout=2.0)
    if status == 200:
        told += [LongLived(pod.title, c["peer"], c["opened_at"], c["alive"]) for c in json.loads(body)]
    return ""


def _ready(thing: Mapping[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in thing["status"]["conditions"])


def _status(thing: Mapping[str, Any], running: set[str]) -> PodStatus:
    metadata, status, node = thing["metadata"], thing["status"], thing["spec"]["nodeName"]
    return PodStatus(
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=node,
        zone=topology.ZONES[node],
        phase=status["phase"],
        ready=_ready(thing),
        running=f"{metadata['namespace']}.{metadata['name']}" in running,
        addresses=tuple(entry["ip"] for entry in status["podIPs"]),
    )
