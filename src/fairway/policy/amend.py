"""amend: the smallest policies that let denied connections through, beside the policies that denied them.

NetworkPolicies add up: what is missing is written as policies of its own, and what a person wrote stays as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from fairway.policy.decide import isolates
from fairway.policy.generate import Generated, GeneratedPolicy, Options, generate
from fairway.policy.labels import workload_of
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.rulings import Ruling, Rulings
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction

SUFFIX: Final = "-amended"


def amend(policies: PolicySet, denied: Sequence[Edge], cluster: Cluster, today: date) -> Generated:
    """Policies that allow the denied edges on each side that some policy isolates. Where none does, a policy would
    close the side to everything else, and none is made."""
    made = generate(denied, cluster, Options(rulings=_wanted(denied, today)))
    amended = (_narrowed(one, policies, _ends(denied)) for one in made.policies)
    return replace(made, policies=tuple(one for one in amended if one is not None), notes=())


def _wanted(edges: Iterable[Edge], today: date) -> Rulings:
    """What was denied was hardly answered; whoever amends wants it."""
    rulings = {
        Ruling(
            client=edge.client.group,
            server=edge.server.group,
            allow=True,
            reason="it was denied and is missing",
            who="the rollout",
            port=edge.port or None,
            protocol=edge.protocol,
        )
        for edge in edges
    }
    return Rulings(tuple(sorted(rulings, key=lambda one: (one.pattern, one.title))), today)


def _ends(edges: Iterable[Edge]) -> list[Endpoint]:
    return [end for edge in edges for end in (edge.client, edge.server) if end.kind is Kind.POD]


def _narrowed(made: GeneratedPolicy, policies: PolicySet, pods: Sequence[Endpoint]) -> GeneratedPolicy | None:
    """The policy with only the directions in which its pods are isolated and for which it has rules."""
    policy = made.policy
    own = [pod for pod in pods if pod.namespace == policy.namespace and _named(pod) == made.workload]
    kept = {
        direction
        for direction in Direction
        if any(isolates(one, direction, pod) for one in policies.policies for pod in own)
    }
    ingress = (policy.ingress or None) if Direction.INGRESS in kept else None
    egress = (policy.egress or None) if Direction.EGRESS in kept else None
    if ingress is None and egress is None:
        return None
    named = replace(policy, name=f"{policy.name}{SUFFIX}", ingress=ingress, egress=egress)
    held = [name for name, rules in (("ingress", ingress), ("egress", egress)) if rules is not None]
    evidence = {place: lines for place, lines in made.evidence.items() if place.partition("[")[0] in held}
    return GeneratedPolicy(named, made.workload, evidence)


def _named(pod: Endpoint) -> str:
    return workload_of(pod)[1]
