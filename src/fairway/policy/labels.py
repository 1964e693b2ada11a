"""Labels that say who a workload is: the ones that last, and few of them."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fairway.wire.endpoint import Endpoint

Workload = tuple[str, str]
"""Namespace and `Kind/name`."""
Labels = tuple[tuple[str, str], ...]


def workload_of(pod: Endpoint) -> Workload:
    """The workload of a pod; one that nobody owns is its own."""
    return pod.namespace, pod.workload or f"Pod/{pod.name}"


def title_of(workload: Workload) -> str:
    """`orders/orders-postgresql`."""
    return f"{workload[0]}/{workload[1].partition('/')[2]}"


_PREFERRED: Final = (
    "app.kubernetes.io/name",
    "app",
    "k8s-app",
    "name",
    "app.kubernetes.io/component",
    "component",
    "role",
    "tier",
    "app.kubernetes.io/instance",
)
_PASSING: Final = re.compile(
    r"(^|[-./])(hash|revision|rev|tlsMode|dataplane-mode|generation|uid|pod-name|pod-index|job-name|completion-index|chart|version|heritage"
    r"|managed-by|hostname|zone|region|commit|sha|build|checksum|timestamp|date)($|[-./])"
)
"""Labels that change with a rollout, a replica or a place: a selector with one selects nothing tomorrow."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Labels that select a workload's pods in its namespace. `also`: other workloads that they cannot exclude."""

    labels: Labels
    also: tuple[str, ...] = ()


class LabelChooser:
    """Chooses selectors, knowing every label set that the pods of each workload have or had."""

    def __init__(self, known: Iterable[tuple[Workload, Labels]], avoid: frozenset[str] = frozenset()) -> None:
        self._avoid = avoid
        self._sets: dict[Workload, set[Labels]] = defaultdict(set)
        self._neighbours: dict[str, set[Workload]] = defaultdict(set)
        for workload, labels in known:
            self._sets[workload].add(labels)
            self._neighbours[workload[0]].add(workload)
        self._chosen: dict[Workload, Choice | None] = {}

    def choice(self, workload: Workload) -> Choice | None:
        """The fewest preferred labels that select this workload alone; None if no label lasts."""
        if workload not in self._chosen:
            self._chosen[workload] = self._choose(workload)
        return self._chosen[workload]

    def _choose(self, workload: Workload) -> Choice | None:
        lasting = self._lasting(workload)
        if not lasting:
            return None
        others = {
            (other, labels) for other in self._neighbours[workload[0]] - {workload} for labels in self._sets[other]
        }
        chosen: dict[str, str] = {}
        for key, value in lasting:
            left = {(other, labels) for other, labels in others if (key, value) in labels}
            if not chosen or len(left) < len(others):
                chosen[key], others = value, left
            if not others:
                break
        also = sorted({other[1].partition("/")[2] for other, _ in others})
        return Choice(tuple(sorted(chosen.items())), tuple(also))

    def _lasting(self, workload: Workload) -> list[tuple[str, str]]:
        """Labels that every pod of the workload has alike, the telling ones first."""
        sets = [set(labels) for labels in self._sets[workload]]
        common = set.intersection(*sets) if sets else set()
        usable = [
            (key, value) for key, value in common if not _PASSING.search(key) and key not in self._avoid and value
        ]
        return sorted(usable, key=lambda pair: (_rank(pair[0]), pair))


def _rank(key: str) -> int:
    return _PREFERRED.index(key) if key in _PREFERRED else len(_PREFERRED)
