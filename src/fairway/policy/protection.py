"""protection: which NetworkPolicies isolate each workload, and in which direction."""

from collections import defaultdict
from dataclasses import dataclass

from fairway.policy.decide import isolates
from fairway.policy.directory import pod_endpoint
from fairway.policy.labels import title_of, workload_of
from fairway.policy.model import Cluster, NetworkPolicy, PolicySet
from fairway.wire.words import Direction


@dataclass(frozen=True, slots=True)
class Isolated:
    """Titles of the policies that isolate every pod of a workload; none where one of its pods is open."""

    ingress: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()


def workloads(cluster: Cluster) -> dict[str, int]:
    """How many pods of each workload (`orders/ui`) policies can judge: at work, with addresses of their own."""
    found: dict[str, int] = defaultdict(int)
    for pod in cluster.pods:
        if not pod.finished and not pod.host_network:
            found[title_of(workload_of(pod_endpoint(pod, "")))] += 1
    return dict(sorted(found.items()))


def protection(cluster: Cluster, policies: PolicySet) -> dict[str, Isolated]:
    """By the title of the workload. Cluster-wide policies isolate nobody and are not told."""
    near: dict[str, list[NetworkPolicy]] = defaultdict(list)
    for policy in policies.policies:
        near[policy.namespace].append(policy)
    told: dict[str, list[tuple[frozenset[str], frozenset[str]]]] = defaultdict(list)
    for pod in cluster.pods:
        if pod.finished or pod.host_network:
            continue
        end = pod_endpoint(pod, "")
        by = {one: [p.title for p in near[pod.namespace] if isolates(p, one, end)] for one in Direction}
        told[title_of(workload_of(end))].append((frozenset(by[Direction.INGRESS]), frozenset(by[Direction.EGRESS])))
    return {title: _common(sets) for title, sets in told.items()}


def _common(sets: list[tuple[frozenset[str], frozenset[str]]]) -> Isolated:
    """What every pod has, unless one has nothing; pods of one workload may bear different labels."""
    ingress, egress = ([pod[side] for pod in sets] for side in (0, 1))
    return Isolated(*(tuple(sorted(frozenset.union(*side))) if all(side) else () for side in (ingress, egress)))
