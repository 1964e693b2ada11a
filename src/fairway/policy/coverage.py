"""coverage: has enough been seen to enforce? What is declared and was never seen says no; so does, where bins
of time are given and there are enough of them, a workload's score below the threshold."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fairway.policy.declared import Reference, references
from fairway.policy.directory import pod_endpoint
from fairway.policy.labels import Workload, title_of, workload_of
from fairway.policy.model import Cluster
from fairway.policy.rulings import Rulings
from fairway.policy.sampling import Estimate, estimate
from fairway.policy.score import MIN_BINS, THRESHOLD, Score, score_of
from fairway.policy.sift import denied_only, needs_rule, unanswered
from fairway.policy.watch import History, Watch, histories
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind

_PORT_DIGITS: Final = 5
Dialled = tuple[str, str, int]
"""Namespace and name of a Service, and its port."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something about a workload that was not seen; `blocks` means that enforcing now would be a guess."""

    workload: str
    blocks: bool
    what: str
    do: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """The answer and its reasons: those that block first, then by workload. `scores` are by workload, lowest
    first, `namespaces` estimate by namespace; both are empty without bins. `judged`: scores count."""

    enough: bool
    findings: tuple[Finding, ...]
    scores: tuple[Score, ...] = ()
    namespaces: tuple[tuple[str, Estimate], ...] = ()
    judged: bool = False


def coverage(
    cluster: Cluster,
    edges: Sequence[Edge],
    watch: Watch | None = None,
    threshold: int | None = None,
    rulings: Rulings | None = None,
) -> Coverage:
    """Whether the edges show what the cluster declares: Services named in the environment, arguments and
    ConfigMaps of its pods, and scheduled jobs. Ports that nobody called and silent workloads are told, and do not
    block.

    With a `watch`, workloads are scored, too. A score below the `threshold` blocks; without one a score below
    THRESHOLD does, once MIN_BINS bins were watched: a short look has declarations to go by, but no statistics.
    What a person decided to deny (`rulings`) counts as not seen, and what anybody decided about need not be.
    """
    rulings = rulings or Rulings()
    edges, _ = rulings.obeyed(edges)
    sight = _Sight(cluster, [edge for edge in edges if not denied_only(edge) and not unanswered(edge)])
    found = {*_undialled(cluster, sight, rulings), *_unrun(cluster, sight, rulings), *_quiet(cluster, sight)}
    found |= set(_uncalled(cluster, sight))
    _, unwanted = rulings.obeyed(sighting.edge for sighting in watch.sightings) if watch else ([], [])
    past = histories(watch, cluster, unwanted) if watch else {}
    past = {workload: history for workload, history in past.items() if history.kinds}
    scores = [score_of(w, h, watch) for w, h in past.items()] if watch else []
    judged = watch is not None and (threshold is not None or len(watch.watched) >= MIN_BINS)
    if judged:
        found |= set(_low(scores, THRESHOLD if threshold is None else threshold))
    return Coverage(
        enough=not any(finding.blocks for finding in found),
        findings=tuple(sorted(found, key=lambda f: (not f.blocks, f))),
        scores=tuple(sorted(scores, key=lambda s: (s.score or 0, s.workload))),
        namespaces=tuple(_by_namespace(past, len(watch.watched) if watch else 0)),
        judged=judged,
    )


def _low(scores: Iterable[Score], threshold: int) -> Iterator[Finding]:
    for score in scores:
        if score.score is None and threshold > 0:
            what, do = "was observed for too short a time for statistics", "go on observing"
            yield Finding(score.workload, True, what, do)
        elif score.score is not None and score.score < threshold:
            reasons = "; ".join(lack.what for lack in score.lacks)
            do = "; ".join(dict.fromkeys(lack.do for lack in score.lacks))
            yield Finding(score.workload, True, f"scores {score.score}, and {threshold} is enough: {reasons}", do)


def _by_namespace(past: Mapping[Workload, History], bins: int) -> Iterator[tuple[str, Estimate]]:
    counts: dict[str, list[int]] = defaultdict(list)
    for (namespace, _), history in past.items():
        counts[namespace] += map(len, history.kinds.values())
    for namespace, incidences in sorted(counts.items()):
        yield namespace, estimate(incidences, bins)


class _Sight:
    """What was seen, by workload."""

    def __init__(self, cluster: Cluster, edges: Iterable[Edge]) -> None:
        self.dialled: dict[Workload, set[Dialled]] = defaultdict(set)
        self.called: dict[Workload, set[tuple[int, str]]] = defaultdict(set)
        self.active: set[Workload] = set()
        self.clients: set[Workload] = set()
        behind = _behind(cluster)
        for edge in edges:
            client, server = edge.client, edge.server
            if server.kind is Kind.POD:
                self.called[workload_of(server)].add((edge.port, edge.protocol))
            if needs_rule(client, server):
                self.active.update(workload_of(end) for end in (client, server) if end.kind is Kind.POD)
            if client.kind is Kind.POD:
                self.clients.add(workload_of(client))
                self.dialled[workload_of(client)].update(_dialled(edge, behind))


def _behind(cluster: Cluster) -> dict[tuple[str, int, str], list[Dialled]]:
    """The Service ports that lead to an address and port."""
    behind: dict[tuple[str, int, str], list[Dialled]] = defaultdict(list)
    for service in cluster.services:
        for port in service.ports:
            for address, number in port.backends:
                behind[address, number, port.protocol].append((service.namespace, service.name, port.port))
    return behind


def _dialled(edge: Edge, behind: dict[tuple[str, int, str], list[Dialled]]) -> Iterator[Dialled]:
    yield from behind.get((edge.server.address, edge.port, edge.protocol), ())
    if edge.server.kind is Kind.SERVICE:
        yield edge.server.namespace, edge.server.name, edge.port
    title, _, port = edge.service.rpartition(":")
    namespace, _, name = title.partition("/")
    if name and port.isdecimal() and len(port) <= _PORT_DIGITS:
        yield namespace, name, int(port)


def _undialled(cluster: Cluster, sight: _Sight, rulings: Rulings) -> Iterator[Finding]:
    services = {(service.namespace, service.name): service for service in cluster.services}
    held: dict[str, set[Workload]] = {}
    declared: dict[Workload, set[str]] = defaultdict(set)
    for pod in cluster.pods:
        end = pod_endpoint(pod, "")
        held.update((address, {workload_of(end)}) for address in pod.addresses if not pod.finished)
        if not pod.host_network:
            declared[workload_of(end)].update(pod.declared)
    for job in cluster.cron_jobs:
        declared[job.namespace, f"CronJob/{job.name}"].update(job.declared)
    for workload, values in declared.items():
        if workload[1].startswith("CronJob/") and workload not in sight.clients:
            continue  # said once, by the job that did not run
        for reference in sorted(set(references(sorted(values), workload[0], services)), key=str):
            ports = services[reference.namespace, reference.name].ports
            own = any(workload in held.get(a, ()) for port in ports for a, _ in port.backends)
            if not own and not _was_dialled(reference, sight.dialled[workload], {p.port for p in ports}):
                yield _never_dialled(workload, reference, rulings)


def _was_dialled(reference: Reference, dialled: set[Dialled], ports: set[int]) -> bool:
    wanted = reference.port if reference.port in ports else None
    return any(
        (namespace, name) == (reference.namespace, reference.name) and wanted in (None, port)
        for namespace, name, port in dialled
    )


def _never_dialled(workload: Workload, reference: Reference, rulings: Rulings) -> Finding:
    port = f":{reference.port}" if reference.port else ""
    service = f"{reference.namespace}/{reference.name}{port}"
    ruling = rulings.about(title_of(workload), f"{reference.namespace}/{reference.name}")
    decided = f" ({ruling.title})" if ruling else ""
    says = "declares" if reference.sure else "may mean"
    where = "in its environment, arguments or ConfigMaps"
    return Finding(
        title_of(workload),
        reference.sure and not ruling,
        f"{says} the Service {service} {where}, and was never seen to call it{decided}",
        f"use the feature that calls {service}, or remove the setting if nothing does",
    )


def _unrun(cluster: Cluster, sight: _Sight, rulings: Rulings) -> Iterator[Finding]:
    for job in cluster.cron_jobs:
        workload = (job.namespace, f"CronJob/{job.name}")
        if not job.suspended and workload not in sight.clients:
            when = f" (`{job.schedule}`)" if job.schedule else ""
            do = f"run it once: kubectl create job --from=cronjob/{job.name} {job.name}-now -n {job.namespace}"
            ruling = rulings.about(title_of(workload), "*")
            decided = f" ({ruling.title})" if ruling else ""
            what = f"is a CronJob{when} that was not seen to run{decided}"
            yield Finding(title_of(workload), not ruling, what, do)


def _quiet(cluster: Cluster, sight: _Sight) -> Iterator[Finding]:
    ends: list[Endpoint] = [pod_endpoint(p, "") for p in cluster.pods if not p.host_network and not p.finished]
    for end in ends:
        workload = workload_of(end)
        if workload not in sight.active:
            yield Finding(
                title_of(workload), False, "had no traffic at all", "look whether it is in use; it gets no policy"
            )
            continue
        for port in end.ports:
            if (port.number, port.protocol) not in sight.called[workload]:
                name = f" (`{port.name}`)" if port.name else ""
                what = f"serves {port.protocol} {port.number}{name}, which nobody called"
                yield Finding(title_of(workload), False, what, "call it, or accept that it will be closed")


def _uncalled(cluster: Cluster, sight: _Sight) -> Iterator[Finding]:
    """Services that nobody called, where their port is not told already as one that nobody called."""
    dialled = {(namespace, name) for found in sight.dialled.values() for namespace, name, _ in found}
    for service in cluster.services:
        if service.ports and (service.namespace, service.name) not in dialled:
            do = "call it, or remove it if nobody uses it"
            yield Finding(service.title, False, "is a Service that nobody called", do)
