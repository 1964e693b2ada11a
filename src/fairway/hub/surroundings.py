"""Surroundings: where the hub learns of its cluster. Here: a folder of manifests; `kube.source` asks an API server.

Both are held to the same contract by one test (`tests/unit/kube/test_contract.py`).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from fairway.kit.documents import read_documents
from fairway.kit.files import Signature, signature
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.read import read_cluster
from fairway.wire.endpoint import Endpoint
from fairway.wire.words import Direction, Mode


@dataclass(frozen=True, slots=True)
class Orders:
    """What the cluster itself wants judged: policies in force and on trial, and how far the former are obeyed.

    The mode of a pod is the lesser of its namespace's and its node's; who is in neither mapping has `usual`, or on
    the side of nodes no bound.
    """

    active: PolicySet
    staged: PolicySet | None = None
    namespaces: Mapping[str, Mode] = field(default_factory=dict)
    nodes: Mapping[str, Mode] = field(default_factory=dict)
    usual: Mode = Mode.OFF
    most: Mode = Mode.ENFORCE
    """No pod is held to more, whatever is asked: where somebody else enforces."""

    def mode(self, namespace: str, node: str) -> Mode:
        """How far a pod is held to the policies in force."""
        return min(self.namespaces.get(namespace, self.usual), self.nodes.get(node, Mode.ENFORCE), self.most)


class Sight(NamedTuple):
    """The cluster as it is since `changed_us`, microseconds since 1970 (None: since now), and its own orders."""

    cluster: Cluster
    changed_us: int | None = None
    orders: Orders | None = None


@dataclass(frozen=True, slots=True)
class WouldDeny:
    """Connections that policies on trial would have denied `subject` in a direction, and why in words."""

    subject: Endpoint
    direction: Direction
    connections: int
    last_seen: datetime
    reason: str


class Reports(Protocol):
    """What the hub can say of what agents told it."""

    def would_deny(self, since: datetime) -> Sequence[WouldDeny]:
        """By policies on trial, since a time."""
        ...

    def obeying(self) -> Mapping[str, bool]:
        """By node, whether its agent has the latest rules."""
        ...


class Surroundings(Protocol):
    """The hub's view of its cluster. Asked by one thread."""

    @property
    def title(self) -> str:
        """What messages call it."""
        ...

    def look(self) -> Sight | None:
        """The cluster, if it changed since the last look; FairwayError once for each change that cannot be read."""
        ...

    def unready(self) -> str:
        """Why this hub is not the one to ask; empty if it is."""
        ...

    def hear(self, reports: Reports) -> bool:
        """Take note of what agents told, when it is time to; whether it was. FairwayError."""
        ...

    def warnings(self) -> Sequence[str]:
        """What a person should look at though the cluster can be read, one line each."""
        ...

    def counters(self) -> Mapping[str, int]:
        """What was done to learn of it, since the start."""
        ...

    def close(self) -> None:
        """Look no more."""
        ...


class ManifestFolder:
    """A file or folder of Kubernetes manifests, read again when a file's time or size changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Signature = frozenset()
        self._reads = 0

    @property
    def title(self) -> str:
        return str(self._path)

    def look(self) -> Sight | None:
        seen = signature(self._path)
        if seen == self._seen:
            return None
        # Remembered first: what cannot be read is told once, and tried again when it changes.
        before, self._seen = self._seen, seen
        self._reads += 1
        cluster = read_cluster(read_documents([self._path])).cluster
        # What is gone leaves no time behind: then only that it is gone by now is certain.
        changed = max((mtime // 1000 for _, mtime, _ in seen - before), default=None)
        return Sight(cluster, changed if changed is not None and changed < time.time_ns() // 1000 else None)

    def unready(self) -> str:
        return ""

    def hear(self, reports: Reports) -> bool:
        return False

    def warnings(self) -> Sequence[str]:
        return ()

    def counters(self) -> Mapping[str, int]:
        return {"reads": self._reads}

    def close(self) -> None:
        return
