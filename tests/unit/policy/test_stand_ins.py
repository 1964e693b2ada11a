"""Domain names as addresses that nothing has: rows for them are rows for the names."""

import pytest

from fairway.policy.compile import compile_rules
from fairway.policy.grants import column_of
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.read import read_policy_set
from fairway.policy.settle import plain_names
from fairway.policy.stand_ins import stand_ins, unfollowable
from fairway.wire.words import Direction
from support.objects import Object, cluster, node, pod

HERE = cluster(node("n1", "10.0.1.10"), pod("a/p", "10.0.1.1", labels={"app": "p"}))


def named(*names: str, port: int = 443) -> Object:
    """An ApplicationNetworkPolicy for the pod."""
    to = [{"domainNames": list(names)}]
    egress = [{"to": to, "ports": [{"port": port}]}]
    return {
        "apiVersion": "networking.k8s.aws/v1alpha1",
        "kind": "ApplicationNetworkPolicy",
        "metadata": {"name": f"at-{port}", "namespace": "a"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": egress},
    }


def policies(*objects: Object) -> PolicySet:
    return read_policy_set((f"{index}.yaml", one) for index, one in enumerate(objects))


def allowed(where: Cluster, chosen: PolicySet) -> dict[str, set[int]]:
    """The ports that rows open to each name."""
    names = stand_ins([chosen, None])
    compiled = compile_rules(where, chosen, None, plain_names({name: [a] for name, a in names.items()}))
    ((direction, grant),) = compiled.grants.values()
    assert direction is Direction.EGRESS
    identities = {name: compiled.identities.of(address) for name, address in names.items()}
    return {name: {span.low for span in grant.of(found)[column_of(6)]} for name, found in identities.items()}


def test_each_name_has_rows_of_its_own() -> None:
    chosen = policies(named("api.example.com"), named("cdn.example.net", port=80))
    assert allowed(HERE, chosen) == {"api.example.com": {443}, "cdn.example.net": {80}}


def test_a_wildcard_holds_for_the_names_below_it() -> None:
    chosen = policies(named("*.example.com"), named("api.example.com", port=80))
    assert allowed(HERE, chosen) == {"*.example.com": {443}, "api.example.com": {443, 80}}


def test_names_are_told_apart_by_nothing_but_themselves() -> None:
    assert list(stand_ins([policies(named("API.Example.com.", "api.example.com")), None])) == ["api.example.com"]
    assert stand_ins([None, None]) == {}


@pytest.mark.parametrize(
    ("action", "network", "beside"),
    [
        ("Deny", "10.0.0.0/8", "AdminNetworkPolicy guard"),
        ("Pass", "10.0.0.0/8", "AdminNetworkPolicy guard"),
        ("Allow", "10.0.0.0/8", ""),
        ("Deny", "0.0.0.0/0", ""),
    ],
)
def test_names_are_not_followed_beside_networks_that_tiers_deny(action: str, network: str, beside: str) -> None:
    guard: Object = {
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "kind": "AdminNetworkPolicy",
        "metadata": {"name": "guard"},
        "spec": {
            "priority": 1,
            "subject": {"namespaces": {}},
            "egress": [{"action": action, "to": [{"networks": [network]}]}],
        },
    }
    assert unfollowable(policies(guard, named("api.example.com"))) == beside
    assert unfollowable(policies(guard)) == "", "without names nothing is to be followed"
