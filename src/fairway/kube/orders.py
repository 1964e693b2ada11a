"""Orders: what the cluster's own objects say is in force and on trial, and where it is obeyed. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fairway.hub.surroundings import Orders
from fairway.policy.model import Cluster, NetworkPolicy, PolicySet
from fairway.policy.stand_ins import unfollowable
from fairway.wire.words import Mode


def orders_of(
    cluster: Cluster,
    staged: Iterable[NetworkPolicy],
    namespaces: Mapping[str, Mode | None],
    nodes: Mapping[str, Mode | None],
    usual: Mode,
) -> Orders:
    """In force: the cluster's policies. On trial: what would be, were all staged ones promoted now; one called like
    a policy in force stands in its place. None staged: nothing is on trial."""
    on_trial = {policy.title: policy for policy in staged}
    active = followable(PolicySet(cluster.policies, tiered=cluster.tiered))
    kept = tuple(policy for policy in active.policies if policy.title not in on_trial)
    return Orders(
        active=active,
        staged=PolicySet((*kept, *on_trial.values()), tiered=cluster.tiered) if on_trial else None,
        namespaces={name: mode for name, mode in namespaces.items() if mode is not None},
        nodes={name: mode for name, mode in nodes.items() if mode is not None},
        usual=usual,
    )


def followable(policies: PolicySet) -> PolicySet:
    """Without the domain names, where agents cannot follow those (`policy.stand_ins`): what they would allow is
    denied then, and what they isolate stays isolated."""
    if not unfollowable(policies):
        return policies
    return replace(policies, policies=tuple(map(_without_domains, policies.policies)))


def _without_domains(policy: NetworkPolicy) -> NetworkPolicy:
    if policy.egress is None:
        return policy
    rules = []
    for rule in policy.egress:
        peers = None if rule.peers is None else tuple(peer for peer in rule.peers if not peer.domains)
        if peers != ():
            rules.append(replace(rule, peers=peers))
    return replace(policy, egress=tuple(rules))
